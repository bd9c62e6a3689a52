"""The price of what shards take of a core, by which a search compares tilings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ecc_lava.common import Array, Float, Int
from hw_mappings.resources import ADDITIVE

__all__ = ["Prices"]


@dataclass(frozen=True, eq=False)
class Prices:
    """The price of usage, in cores.

    With m the largest share of a core's limits that a shard takes::

        cost of a shard = sum over r of price(r) * share(r) + unshared / floor(1 / m) + coarse * max(m - small, 0)

    Attributes
    ----------
    limits : int64 array (resources,)
    prices : float64 array (resources,)
    unshared : float
        Weight of the share of a core that a shard takes among shards like itself.
    coarse : float
        Weight of large shards; small shards fill the gaps that others leave.
    """

    limits: Int
    prices: Float
    unshared: float
    coarse: float

    @cached_property
    def _adds_up(self) -> Array:
        mask = np.zeros(len(self.limits), np.bool_)
        mask[ADDITIVE] = True
        return mask

    def cost(self, usage: Int) -> float:
        """Return the cost of shards, (..., resources); infinity if one of them exceeds a limit."""
        from hw_mappings.partition.prices_kernel import cost

        shards = np.ascontiguousarray(usage).reshape(-1, len(self.limits))
        total: float = cost(shards, self.limits, self.prices, self._adds_up, self.unshared, self.coarse)
        return total

    def cost_with(self, usage: Int, arriving: Int, leaving: Int, table: Int) -> float:
        """Return the cost of shards, (..., resources), with more axons, (...); as `cost` of `with_axons`.

        Parameters
        ----------
        usage, arriving, leaving : int64 arrays
        table : as `axon_table` returns it
        """
        from hw_mappings.partition.prices_kernel import cost_with

        shards = usage.reshape(-1, len(self.limits))
        total: float = cost_with(
            shards, (arriving.ravel(), leaving.ravel()), table, self.limits, self.prices, self._adds_up, (self.unshared, self.coarse)
        )
        return total
