"""How to start one of our own modules in a new Python."""

from __future__ import annotations

import json
import sys

__all__ = ["own_program"]

_START = """
import sys
sys.path = [folder for folder in sys.path if folder]  # a json.py in the folder where the user stands is not Python's
import json
sys.path = json.loads(sys.argv[1])
import importlib
importlib.import_module(sys.argv[2]).main(*sys.argv[3:])
"""


def own_program(module: str, *arguments: str) -> list[str]:
    """Return the words that start a module's function `main` in a new process, which finds modules where this one does.

    Parameters
    ----------
    module : str
        Its full name.
    arguments : str
        What `main` is called with.
    """
    return [sys.executable, "-c", _START, json.dumps(sys.path), module, *arguments]
