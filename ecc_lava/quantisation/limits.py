"""How fine units of the potential should be, and how much room the sums of payloads must have."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Float

__all__ = ["MARGIN", "UNIT_MIN", "with_margin"]

UNIT_MIN = 1024.0
"""Potential units that the largest payload of a step should have at least: a bias is then off by at most 0.05 % of it per step."""

MARGIN = 4
"""How many times the largest input of one step on calibration images must fit into the potential's range, where payloads arrive and the
weights alone do not prove that every sum fits."""

_WIDER = 2**7
"""Where `MARGIN` takes the place of a proof, the largest sum that weights allow may be so many times the range: 31 bits then hold it, so
that back ends see every overflow."""


def with_margin(proven: Float, seen: Float) -> Float:
    """Return the sums that must fit: what the weights allow, or `MARGIN` times what calibration images made, if that is less; all (C,)."""
    needed: Float = np.minimum(proven, np.maximum(MARGIN * seen, proven / _WIDER))
    return needed
