"""Looks for Lava without importing it, and says how to get it."""

from __future__ import annotations

import contextlib
import importlib.util
import sys

from ecc_lava.errors import MissingDependency

__all__ = ["check_installed", "is_installed", "needed"]

_REFUSED, _UNTRIED = (3, 11), (3, 14)
"""The first Python that Lava's package refuses although Lava runs on it (`importing`), and the first on which nobody has run it."""


def needed(version: tuple[int, int] = sys.version_info[:2]) -> str:
    """Return the package that must be installed on a version of Python, and the command, for messages."""
    package, python = "lava-nc==0.10.0", ".".join(map(str, version))
    if version < _REFUSED:
        return f"{package}: pip install {package}"
    if version < _UNTRIED:
        return (
            f"{package}, which pip refuses on Python {python} unless told: pip install 'ecc-lava[lava]', then "
            f"pip install --no-deps --ignore-requires-python {package} (in a clone of the project: uv sync)"
        )
    return f"{package}, which runs on Python 3.10 to 3.13 (this is {python})"


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
        raise MissingDependency(f"the lava back end needs {needed()}")
