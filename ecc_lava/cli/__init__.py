"""The command line `ecc-lava`."""

from ecc_lava.cli.app import main

__all__ = ["main"]
