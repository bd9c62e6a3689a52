"""Improve a partition by the price of its shards: an annealed walk that cuts populations otherwise, each beside its sources and targets.

The beam search before this walk settles a population before it knows how its sources are cut, and keeps few states of a long network.
Here all others are known. A change takes no packing, so that a walk tries far more of them than one that packs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, inf
from typing import Final

import numpy as np

from hw_mappings.partition.candidates import CutCandidate
from hw_mappings.partition.prices import Prices
from hw_mappings.partition.recutting import Recutting, Shards, Walk
from hw_mappings.partition.search import Partition

__all__ = ["walked_by_price"]

_START: Final = 1e-4
_END: Final = 3e-6
"""Temperature at the start and at the end, relative to the price of all shards."""


def walked_by_price(
    partition: Partition, recutting: Recutting, tried: Mapping[str, Sequence[CutCandidate]], prices: Prices, walk: Walk
) -> Partition:
    """Return the cheapest partition of an annealed walk; deterministic in its seed.

    Parameters
    ----------
    partition : Partition
    recutting : Recutting
    tried : population -> tilings to try, the cheapest first
    prices : Prices
    walk : Walk
    """
    random = np.random.default_rng(walk.seed)
    cuts: dict[str, Shards] = {name: (candidate, partition.usage[name]) for name, candidate in partition.chosen.items()}
    costs = {name: prices.cost(usage) for name, (_, usage) in cuts.items()}
    names, now, least, best = list(cuts), sum(costs.values()), sum(costs.values()), dict(cuts)
    for move in range(walk.moves):
        found: dict[str, Shards] = {}
        for candidate in recutting.drawn(random, names, tried):
            found.update(recutting.recut({**cuts, **found}, candidate))
        changed = {name: prices.cost(usage) for name, (_, usage) in found.items()}
        more = sum(cost - costs[name] for name, cost in changed.items())
        temperature = _START * (_END / _START) ** (move / walk.moves) * now
        if more <= 0 or (more < inf and random.random() < exp(-more / temperature)):
            cuts.update(found)
            costs.update(changed)
            now += more
            if now < least:
                least, best = now, dict(cuts)
    return Partition({name: candidate for name, (candidate, _) in best.items()}, {name: usage for name, (_, usage) in best.items()})
