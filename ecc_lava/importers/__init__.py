"""Model files of other tools become graphs; each tool has a folder.

Every importer returns an `ecc_lava.graph.Graph` and imports its tool inside functions alone. Nothing here makes spikes.
"""
