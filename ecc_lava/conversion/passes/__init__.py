"""The passes of ECC, one a file.

A pass is a frozen dataclass whose fields are its options, so that its repr is the network's provenance.
"""
