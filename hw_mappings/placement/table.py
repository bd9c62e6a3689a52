"""The placers by name."""

from __future__ import annotations

from typing import Final

from hw_mappings.placement.annealed import annealed
from hw_mappings.placement.hilbert import hilbert
from hw_mappings.placement.problem import Placer
from hw_mappings.placement.qap import qap
from hw_mappings.placement.row_major import row_major

__all__ = ["DEFAULT_PLACER", "PLACERS"]

PLACERS: Final[dict[str, Placer]] = {"row-major": row_major, "hilbert": hilbert, "qap": qap, "annealed": annealed}
"""Name -> placer."""

DEFAULT_PLACER: Final = "annealed"
"""The placer of `map_network` unless its caller names another."""
