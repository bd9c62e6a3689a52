"""How callers hear of the progress of long work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Progress", "StageProgress"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (stage, done, total). A stage counts images, populations or steps; a total of 0 is not known."""

StageProgress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total) by work of one stage."""
