"""The largest of several tensors as a sum of ReLUs: ``max(a, b) = b + relu(a - b)``, as a balanced tree.

No neuron needs to know another's rate: every comparison is a population of its own. Exact in rates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Array, Shape
from ecc_lava.geometry import Conv, Geometry, apply
from ecc_lava.lowering.expressions import Expression, added, extended, negated

__all__ = ["MaxTerm", "inside_of", "largest"]


@dataclass(frozen=True)
class MaxTerm:
    """One tensor of the comparison.

    Attributes
    ----------
    value : Expression
    inside : array (H, W) of 1 and 0, or None
        Where it takes part; everywhere by default. Its value is 0 elsewhere.
    """

    value: Expression
    inside: Array | None = None


def inside_of(tap: Geometry, source: Shape) -> Array | None:
    """Return where a pool's tap lies on the map, 1 or 0 of (H, W), or None if everywhere."""
    inside: Array = apply(tap, np.ones((1, *source)))[0, :, :, 0]
    return None if inside.all() else inside


def largest(candidates: Sequence[MaxTerm], rectified: Callable[[Expression], Expression], shapes: Mapping[str, Shape]) -> Expression:
    """Return the largest of the candidates that take part, position by position.

    Parameters
    ----------
    candidates : at least one, which together cover every position
    rectified : makes a population relu(expression) and returns it
    shapes : shape of every population
    """
    level = list(candidates)
    while len(level) > 1:
        pairs = [_larger(level[i], level[i + 1], rectified, shapes) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0].value


def _larger(a: MaxTerm, b: MaxTerm, rectified: Callable[[Expression], Expression], shapes: Mapping[str, Shape]) -> MaxTerm:
    """Return ``b + relu(a - b)`` where both take part, else the one that does."""
    if a.inside is None and b.inside is None:
        return MaxTerm(added(b.value, rectified(added(a.value, negated(b.value, shapes)))))
    whole = np.ones(a.value.shape[:2])
    in_a = whole if a.inside is None else a.inside
    in_b = whole if b.inside is None else b.inside
    values = [b.value]
    if (in_a > in_b).any():
        values.append(_where(in_a * (1 - in_b), a.value, shapes))
    if (in_a * in_b).any():
        values.append(rectified(_where(in_a * in_b, added(a.value, negated(b.value, shapes)), shapes)))
    union = np.maximum(in_a, in_b)
    return MaxTerm(added(*values), None if union.all() else union)


def _where(inside: Array, value: Expression, shapes: Mapping[str, Shape]) -> Expression:
    """Return the value where `inside` is 1, and 0 elsewhere."""
    if inside.all():
        return value
    channels = value.shape[2]
    mask = Conv(np.ones((1, 1, 1, channels)), groups=channels, gain=inside)
    return extended(value, mask, np.zeros(channels), shapes)
