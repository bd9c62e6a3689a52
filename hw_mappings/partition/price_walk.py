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
from hw_mappings.partition.recutting import Recutting, Walk
from hw_mappings.partition.search import Partition

__all__ = ["walked_by_price"]

_START: Final = 1e-4
_END: Final = 3e-6
"""Temperature at the start and at the end, relative to the price of all shards."""


def walked_by_price(
    partition: Partition, recutting: Recutting[float], tried: Mapping[str, Sequence[CutCandidate]], walk: Walk
) -> Partition:
    """Return the cheapest partition of an annealed walk; deterministic in its seed.

    Parameters
    ----------
    partition : Partition
    recutting : Recutting
        It makes prices of the shards of populations, infinity if they do not fit.
    tried : population -> tilings to try, the cheapest first
    walk : Walk
    """
    random = np.random.default_rng(walk.seed)
    chosen = dict(partition.chosen)
    costs = {name: recutting.made(chosen, name) for name in chosen}
    names, now, least, best = list(chosen), sum(costs.values()), sum(costs.values()), chosen
    for move in range(walk.moves):
        candidates = recutting.drawn(random, names, tried)
        new = {**chosen, **{each.tiling.population: each for each in candidates}}
        changed = recutting.changed(new, candidates)
        more = sum(cost - costs[name] for name, cost in changed.items())
        temperature = _START * (_END / _START) ** (move / walk.moves) * now
        if more <= 0 or (more < inf and random.random() < exp(-more / temperature)):
            chosen = new
            costs.update(changed)
            now += more
            if now < least:
                least, best = now, new
    return recutting.partition(best)
