"""Looks for Lava without importing it."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from typing import Final

from ecc_lava.errors import MissingDependency

__all__ = ["NEEDED", "check_installed", "is_installed"]

NEEDED: Final = f"lava-nc 0.10.0, which needs Python 3.10 (this is {sys.version.split()[0]})"
"""The package that must be installed, for messages."""


def is_installed() -> bool:
    """Return whether Lava can be found; other packages of that name have no `magma`."""
    with contextlib.suppress(ModuleNotFoundError):
        return importlib.util.find_spec("lava.magma") is not None
    return False


def check_installed() -> None:
    """Check that Lava is installed.

    Raises
    ------
    MissingDependency
        If it is not; the message names what must be installed.
    """
    if not is_installed():
        raise MissingDependency(f"the lava back end needs {NEEDED}: uv sync --python 3.10")
