"""The commands, one a file: its signature and its work together.

`ecc_lava.cli.app` finds every command here by its file; nothing else lists them.
"""
