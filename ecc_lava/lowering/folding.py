"""What a folded operator costs, what it costs over a relay, and the choice between the two.

Two linear operators in a row are folded into one where that is exact and costs at most `fold_limit` times the weights and the synapses of
the pair. Synapses stand for expected synops at equal rates. Otherwise the tensor between them becomes a *relay*: populations relu(x) and
relu(-x), the second only where x can be negative. Rates stay exact either way; in spikes a relay is lossy.

Folds over the limit share one budget, 15 % of the model's weights and synapses at the default limit. An average before a classifier of few
classes is such a fold: it has many times the pair's weights, but few beside the model's, and as a relay it costs accuracy.

A pool's operator is folded into the pool's tree of maxima by the same limit, against a tree over a relay.

Many populations may read a tensor that has no ReLU of its own: the linear trunk of a pre-activation ResNet, or a branch of a DenseNet. Each
reader would fold a copy of the operator that made the tensor. If these copies cost more than `fold_limit` times one shared relay and the
readers' places on it, the tensor becomes a relay as soon as it is made: at the branch, before it is added or put beside others, so that
relays do not follow one another along the trunk. A reader that is an operator without ReLU counts as two, as it will itself be relayed.

This module compares costs. It makes no population and computes no kernel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ecc_lava.common import Shape
from ecc_lava.geometry import Geometry, diagonal, synapses
from ecc_lava.lowering.expressions import Expression, compositions

__all__ = ["FOLD_LIMIT", "FoldCosts", "Folding", "OperatorCost", "cost_of", "linear_costs", "pool_costs", "sharing_costs"]

FOLD_LIMIT = 2.0
"""Default of `fold_limit`: how many times the pair's weights or synapses a folded operator may have."""

SMALL = 0.15
"""Share of the model's weights and synapses that all folds over the limit may add together, at a `fold_limit` of 2."""


@dataclass(frozen=True)
class OperatorCost:
    """Weights stored and synapses of projections."""

    weights: int
    synapses: int

    def __add__(self, other: OperatorCost) -> OperatorCost:
        """Return the sum of both."""
        return OperatorCost(self.weights + other.weights, self.synapses + other.synapses)

    def times(self, factor: int) -> OperatorCost:
        """Return the cost of several copies."""
        return OperatorCost(factor * self.weights, factor * self.synapses)

    def share(self, part: float) -> OperatorCost:
        """Return a part of the cost."""
        return OperatorCost(int(part * self.weights), int(part * self.synapses))

    def without(self, other: OperatorCost) -> OperatorCost:
        """Return what is left of the cost without `other`, at least 0."""
        return OperatorCost(max(0, self.weights - other.weights), max(0, self.synapses - other.synapses))

    def within(self, limit: float, other: OperatorCost) -> bool:
        """Whether weights and synapses are both at most `limit` times those of `other`."""
        return self.weights <= limit * other.weights and self.synapses <= limit * other.synapses


class FoldCosts(NamedTuple):
    """The two costs that a choice compares: folded (None where folding is not exact), and as a pair over a relay."""

    folded: OperatorCost | None
    pair: OperatorCost


class Folding:
    """The choice between a fold and a relay, for all operators of one model.

    Parameters
    ----------
    limit : float
        The `fold_limit`.
    model : OperatorCost
        All linear operators of the model; the budget of folds over the limit is a share of it.
    """

    def __init__(self, limit: float, model: OperatorCost) -> None:
        self._limit = limit
        self._budget = model.share(SMALL * max(0.0, limit - 1.0))

    def folds(self, costs: FoldCosts) -> bool:
        """Whether the fold is exact and within the limit."""
        return costs.folded is not None and costs.folded.within(self._limit, costs.pair)

    def folds_linear(self, costs: FoldCosts, free: bool) -> bool:
        """Whether a linear operator is folded; a fold over the limit is taken off the budget.

        Parameters
        ----------
        costs : FoldCosts
        free : bool
            Whether the operator is factors and places of channels alone, which cost nothing wherever they are folded.
        """
        return self.folds(costs) or (free and costs.folded is not None) or self._spends(costs)

    def folds_pool(self, costs: FoldCosts, apart: bool) -> bool:
        """Whether a pool's tree is folded.

        Parameters
        ----------
        costs : FoldCosts
        apart : bool
            Whether the windows do not overlap. Only synapses count then: each of the 2n - 1 copies of the weights works at one of a
            window's n positions.
        """
        if costs.folded is None or costs.folded.synapses > self._limit * costs.pair.synapses:
            return False
        return apart or self.folds(costs)

    def _spends(self, costs: FoldCosts) -> bool:
        """Whether the budget covers a fold over the limit; it then pays for the fold."""
        folded, pair = costs
        if folded is None or not folded.within(1.0, pair + self._budget):
            return False
        self._budget = self._budget.without(folded.without(pair))
        return True


def cost_of(geometry: Geometry, source: Shape) -> OperatorCost:
    """Return the cost of one projection from a map of shape `source`."""
    return OperatorCost(geometry.kernel.size, synapses(geometry, source))


def linear_costs(operator: Geometry, expression: Expression, shapes: Mapping[str, Shape]) -> FoldCosts:
    """Return the costs of an operator folded into every term of the expression, and of the two one after the other.

    Parameters
    ----------
    operator : Geometry
    expression : Expression
    shapes : population name -> (H, W, C)
    """
    return FoldCosts(_folded_cost(operator, expression, shapes), _own_cost(expression, shapes) + cost_of(operator, expression.shape))


def pool_costs(taps: Sequence[Geometry], expression: Expression, shapes: Mapping[str, Shape], relays: int) -> FoldCosts:
    """Return the costs of a pool's tree over the expression, and over a relay of it.

    The tree compares n - 1 of a window's n values with another one and passes the last on: it reads 2n - 1 of them.

    Parameters
    ----------
    taps : operators that pick one position of every window
    expression : Expression
    shapes : population name -> (H, W, C)
    relays : int
        Populations of the relay, 1 or 2.
    """
    over_relay = _own_cost(expression, shapes).times(relays)
    folded: OperatorCost | None = OperatorCost(0, 0)
    for index, tap in enumerate(taps):
        read = 1 if index == len(taps) - 1 else 2
        over_relay += cost_of(tap, expression.shape).times(relays * read)
        cost = _folded_cost(tap, expression, shapes)
        folded = None if folded is None or cost is None else folded + cost.times(read)
    return FoldCosts(folded, over_relay)


def sharing_costs(expression: Expression, shapes: Mapping[str, Shape], readers: int, relays: int) -> FoldCosts:
    """Return the costs of a copy of the expression for every reader, and of one relay that all read; parameters as for `pool_costs`."""
    own = _own_cost(expression, shapes)
    places = cost_of(diagonal(np.ones(expression.shape[2])), expression.shape)
    return FoldCosts(own.times(readers), own.times(relays) + places.times(relays * readers))


def _own_cost(expression: Expression, shapes: Mapping[str, Shape]) -> OperatorCost:
    """Return the cost of all terms of an expression."""
    return sum((cost_of(term.geometry, shapes[term.population]) for term in expression.terms), OperatorCost(0, 0))


def _folded_cost(operator: Geometry, expression: Expression, shapes: Mapping[str, Shape]) -> OperatorCost | None:
    """Return the cost of the operator folded into every term, or None if that is not exact."""
    total = OperatorCost(0, 0)
    for _, composition in compositions(operator, expression, shapes):
        if composition is None:
            return None
        total += OperatorCost(composition.weights, composition.synapses)
    return total
