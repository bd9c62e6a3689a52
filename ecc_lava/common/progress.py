"""How far long work is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Progress"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (stage, done, total): images, populations or whatever the stage does one by one; a total of 0 is not known."""
