"""The version of the installed package."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("ecc-lava")
except PackageNotFoundError:  # the code runs from a source folder that is not installed
    __version__ = "0"
