"""One limit of a core that grows: the cores at each growth, and the growth that saves a chip.

Two growths are found in different ways:

- *By the bound*: below this growth the lower bound proves that no mapping takes fewer chips. It is found by bisection over the bound.
- *By the mapper*: at this growth the mapper takes fewer chips, and at one percent less it does not. It is found by bisection over the
  mapper, above the growth that the bound leaves.

The mapper is a search, so between the two a mapping may exist that it does not find. A mapping within a limit is one within every larger
limit too, so the cores at a growth are the fewest of all mappings found within that limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ecc_lava.errors import DoesNotFit
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.chips import BOUNDS, ChipSpec
from hw_mappings.resources import RESOURCE_INDEX, SynapseModel
from hw_mappings.sweeps.growth import cannot_bind, grown, grown_limit, unlimited
from hw_mappings.sweeps.planning import Planned, Plans

__all__ = ["GROWTHS", "Growing"]

GROWTHS: Final = (25, 50, 100)
"""By how much each limit grows, percent; then it is lifted."""
_LITTLE: Final = 3
"""Percentage of the cores: if the bound proves that a limit costs less, the mapper is not asked."""
_NEAR: Final = 90
"""Percentage of a limit: if no core uses more and the bound does not depend on the limit, the mapper is not asked either."""


@dataclass(frozen=True, eq=False)
class Growing:
    """One resource of a chip's cores that grows.

    Attributes
    ----------
    network : QuantisedNetwork
    chip : ChipSpec
    model : SynapseModel
    resource : str
    base : Planned or None
        The plan on the chip as it is.
    plans : Plans
    """

    network: QuantisedNetwork
    chip: ChipSpec
    model: SynapseModel
    resource: str
    base: Planned | None
    plans: Plans

    def bound(self, chip: ChipSpec) -> int:
        """Return the lower bound on the cores of a chip."""
        return self.plans.lower_bound_cores(self.network, chip, self.model)

    def planned(self, chip: ChipSpec) -> Planned | None:
        """Return the plan on a chip, None where the network does not fit."""
        try:
            return self.plans.planned(self.network, chip, self.model)
        except DoesNotFit:
            return None

    def saves(self, percent: int, goal: int) -> bool:
        """Whether the mapper takes at most `goal` cores at a growth."""
        chip = grown(self.chip, self.resource, percent)
        known = self.plans.known(self.network, chip, self.model)
        if known is not None:
            return known.cores <= goal
        try:
            self.plans.planned(self.network, chip, self.model, goal)
        except DoesNotFit:
            return False
        return True

    def changes_little(self, bound: int) -> bool:
        """Whether the mapper need not be asked: nothing can exceed the limit, it costs next to nothing, or nothing comes near it.

        `bound` is the lower bound without the limit.
        """
        if cannot_bind(self.network, self.chip, self.resource):
            return True
        if self.base is None:
            return False
        is_near = 100 * self.used(self.base) > _NEAR * self.chip.amount(self.resource)
        return 100 * (self.base.cores - bound) < _LITTLE * self.base.cores or (bound == self.bound(self.chip) and not is_near)

    def used(self, planned: Planned) -> int:
        """Return what the fullest core of a plan uses."""
        return int(planned.usage[:, RESOURCE_INDEX[self.resource]].max())

    def fewest(self, bound: int) -> list[int | None]:
        """Return the fewest cores found as it is, at each growth, and without the limit.

        A plan serves every growth whose limit its fullest core keeps. `bound` is the lower bound without the limit.
        """
        if self.changes_little(bound):
            return [None if self.base is None else self.base.cores] * (len(GROWTHS) + 2)
        limits = [self.chip.amount(self.resource), *(grown_limit(self.chip, self.resource, percent) for percent in GROWTHS)]
        lifted = self.planned(unlimited(self.network, self.chip, self.resource))
        found = [] if lifted is None else [(self.used(lifted), lifted.cores)]
        for percent, limit in zip(reversed(GROWTHS), reversed(limits), strict=False):
            if all(used > limit for used, _ in found):
                planned = self.planned(grown(self.chip, self.resource, percent))
                found += [] if planned is None else [(self.used(planned), planned.cores)]
        found += [] if self.base is None else [(self.used(self.base), self.base.cores)]
        within = [[cores for used, cores in found if used <= limit] for limit in limits] + [[cores for _, cores in found]]
        return [min(cores, default=None) for cores in within]

    def least_by_bound(self, goal: int) -> int:
        """Return the smallest growth, percent, at which the lower bound is `goal` or less; without the limit it must be."""

        def fits(percent: int) -> bool:
            return self.bound(grown(self.chip, self.resource, percent)) <= goal

        if fits(0):
            return 0
        for high in _doubled():
            if fits(high) or grown_limit(self.chip, self.resource, high) == BOUNDS[self.resource].most:
                break
        low = high // 2 if high > 1 else 0
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if fits(middle) else (middle, high)
        return high

    def least_by_mapper(self, goal: int, least: int, most: int) -> int | None:
        """Return a growth, percent, at which the mapper takes at most `goal` cores, and at one percent less does not.

        Parameters
        ----------
        goal : int
        least : growth below which no mapping does
        most : use of the fullest core of a plan without the limit
        """
        low = max(least - 1, 0)
        for high in _widening(least):
            if self.saves(high, goal):
                break
            low = high
            if grown_limit(self.chip, self.resource, high) >= most:
                return None
        probe, step = self._guessed(low, high, goal), 0
        while high - low > 1:
            probe = probe if low < probe < high else (low + high) // 2
            is_saved = self.saves(probe, goal)
            low, high = (low, probe) if is_saved else (probe, high)
            step = 2 * step or (-1 if is_saved else 1)  # the answer is near the guess, or behind the first step that overshoots it
            probe = probe + step if is_saved == (step < 0) else 0
        return high

    def _guessed(self, low: int, high: int, goal: int) -> int:
        """Return the growth between two where a line through their cores, as far as they are known, meets `goal`."""
        ends = [self.plans.known(self.network, grown(self.chip, self.resource, percent), self.model) for percent in (low, high)]
        many, few = (None if end is None else end.cores for end in ends)
        if many is None or few is None or many <= few:
            return (low + high) // 2
        return low + (high - low) * (many - goal) // (many - few) + 1


def _doubled() -> Iterator[int]:
    percent = 1
    while True:
        yield percent
        percent *= 2


def _widening(least: int) -> Iterator[int]:
    """Yield growths to try from `least` on: `GROWTHS`, then ever larger ones."""
    yield from (percent for percent in GROWTHS if percent >= least)
    yield from (percent for percent in _doubled() if percent > GROWTHS[-1] and percent >= least)
