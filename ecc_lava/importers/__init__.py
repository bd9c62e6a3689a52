"""Model files of other tools become graphs, one folder a tool.

Each importer ends in an `ecc_lava.graph.Graph` and imports its tool inside functions alone.
"""
