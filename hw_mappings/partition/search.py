"""Cut every population into boxes that each fit on a core.

The search is a beam search from the readouts backwards. A state holds a tiling of every population so far. Each step extends every state by
every candidate tiling of the next population. That settles the axons between this population and its targets: those that leave its shards,
and those that arrive at theirs. The search keeps the cheapest states. Axons that are not settled yet count as their smallest number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from ecc_lava.common import Int, StageProgress
from ecc_lava.errors import DoesNotFit
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.chips import ChipSpec
from hw_mappings.partition.candidates import CutCandidate, candidates, cheapest
from hw_mappings.partition.extension import Extension, Links, State
from hw_mappings.partition.misfit import explain_misfit
from hw_mappings.partition.prices import Prices
from hw_mappings.resources import (
    Cuts,
    Demand,
    SynapseModel,
    Tiling,
    demands,
    fits,
    limits_of,
    usage_without_axons,
)

__all__ = ["Partition", "PartitionSearch"]

_BEAM: Final = 24
"""Largest number of states that the search keeps."""
_ALIKE: Final = 4
"""Largest number of kept states that cut the last population alike: an earlier population may fit beside another cut only."""
_WORK: Final = 400_000
"""Number of shards that a step may examine; a population with very many shards extends fewer states."""
_FEWEST: Final = 2
"""Fewest states that a step extends."""


@dataclass(frozen=True, eq=False)
class Partition:
    """A tiling of every population on cores, and the usage of every shard.

    Attributes
    ----------
    chosen : population -> CutCandidate, in the network's order
    usage : population -> int64 array (rows, columns, channels, resources)
    """

    chosen: Mapping[str, CutCandidate]
    usage: Mapping[str, Int]

    @property
    def tilings(self) -> dict[str, Tiling]:
        """Population -> its tiling."""
        return {name: candidate.tiling for name, candidate in self.chosen.items()}


def _single(demand: Demand) -> CutCandidate:
    """Return single neurons of a population, at the corners of its map and channels and in the middle."""
    places = [tuple(sorted({(n, n + 1) for n in (length // 2, 0, length - 1)})) for length in demand.shape]
    finest = Tiling(demand.name, (places[0], places[1], places[2]))
    return CutCandidate(demand, finest, usage_without_axons(demand, finest))


class PartitionSearch:
    """The parts of a search that do not depend on prices, so that several searches share them.

    Parameters
    ----------
    network : QuantisedNetwork
    chip : ChipSpec
    model : SynapseModel
    """

    def __init__(self, network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel) -> None:
        self._network = network
        self._chip = chip
        self._limits = limits_of(chip)
        self._demands = demands(network, chip, model)
        self._tried: dict[tuple[str, bool], list[CutCandidate]] = {}
        self._alike: dict[tuple[Hashable, bool], list[CutCandidate]] = {}
        self._costs: dict[tuple[Hashable, int], tuple[list[float], Prices]] = {}  # by the prices' identity, which is held
        self.links = Links(network, chip)
        self._order = {p.name: number for number, p in enumerate(network.populations)}
        backwards = sorted(network.projections, key=lambda p: self._order[p.source], reverse=True)
        self._last_use = {p.target: p.source for p in backwards}  # by the earliest source, which is cut last

    def fitting(self, name: str) -> list[CutCandidate]:
        """Return the tilings of a population that are worth trying and fit by themselves."""
        return self._candidates(name, False) or self._candidates(name, True)

    def ranked(self, name: str, prices: Prices) -> list[CutCandidate]:
        """Return `fitting`, the cheapest first."""
        tried, costs = self.fitting(name), self._costs_of(name, prices)
        return [tried[n] for n in sorted(range(len(tried)), key=costs.__getitem__)]

    def _costs_of(self, name: str, prices: Prices) -> list[float]:
        """Return the cost of each of `fitting`, counted once for populations that are alike."""
        key = self._demands[name].likeness, id(prices)
        if key not in self._costs:
            self._costs[key] = [prices.cost(each.usage) for each in self.fitting(name)], prices
        return self._costs[key][0]

    def _candidates(self, name: str, thorough: bool) -> list[CutCandidate]:
        key = name, thorough
        if key not in self._tried:
            demand = self._demands[name]
            alike = self._alike.get((demand.likeness, thorough))
            if alike is None:
                alike = self._alike[demand.likeness, thorough] = candidates(demand, thorough)
            self._tried[key] = [each.of(demand) for each in alike]
        return self._tried[key]

    @property
    def is_hopeless(self) -> bool:
        """Whether a search has found a population without a tiling that fits by itself."""
        return any(thorough and not tried for (_, thorough), tried in self._tried.items())

    def _extended(self, name: str, states: Sequence[State], tried: Sequence[CutCandidate], prices: Prices) -> list[State]:
        """Return the cheapest states with one more population.

        Only the cheapest of the states that agree on the populations whose sources are not all cut yet can become the best.
        """
        pending = [target for target, source in self._last_use.items() if self._order[source] < self._order[name]]
        found: dict[tuple[int, ...], tuple[float, State, CutCandidate]] = {}
        shards = sum(candidate.tiling.number for candidate in tried)
        extension = Extension(self.links, prices, name, states[0].chosen)
        for state in states[: max(_FEWEST, _WORK // max(shards, 1))]:
            held = tuple(id(state.chosen[target]) for target in pending if target in state.chosen)
            for candidate in tried:
                added = extension.added(state, candidate)
                key = (*held, id(candidate))
                if added < inf and (key not in found or state.cost + added < found[key][0]):
                    found[key] = state.cost + added, state, candidate
        result: list[State] = []
        alike: Counter[Cuts] = Counter()
        for cost, state, candidate in sorted(found.values(), key=lambda entry: entry[0]):
            alike[candidate.tiling.cuts] += 1
            if alike[candidate.tiling.cuts] <= _ALIKE and len(result) < _BEAM:
                usage = extension.usage(state, candidate)
                result.append(State(cost, {**state.chosen, candidate.tiling.population: candidate}, {**state.usage, **usage}))
        return result

    def refuse_misfits(self) -> None:
        """Refuse the network if single neurons of a population do not fit a core.

        Raises
        ------
        DoesNotFit
            As `best` does.
        """
        singles = [_single(demand) for demand in self._demands.values()]
        found = [self._explained(single, {}) for single in singles if not fits(single.usage, self._limits)]
        if found:
            raise DoesNotFit("\n".join(found))

    def _misfit(self, state: State, demand: Demand, prices: Prices) -> str:
        """Say why no tiling of a population fits beside its targets."""
        single = _single(demand)
        return self._explained(single, Extension(self.links, prices, demand.name, state.chosen).usage(state, single))

    def _explained(self, single: CutCandidate, usage: Mapping[str, Int]) -> str:
        return explain_misfit(single.demand, single.tiling, {single.demand.name: single.usage, **usage}, self._limits)

    def best(self, prices: Prices, report: StageProgress) -> list[Partition]:
        """Cut every population except the inputs, whose spikes the host injects; return a few partitions, the cheapest first.

        Raises
        ------
        DoesNotFit
            With the resource, its use, the limit and the smallest change that fits, for every population that does not fit.
        """
        states = [State(0.0, {}, {})]
        misfits: list[str] = []
        for number, demand in enumerate(reversed(self._demands.values())):
            report(number, len(self._demands))
            tried = self.fitting(demand.name)
            if misfits and tried:
                continue  # no partition exists: look for further populations that do not fit by themselves
            found = self._extended(demand.name, states, cheapest(tried, self._costs_of(demand.name, prices)), prices)
            found = found or self._extended(demand.name, states, tried, prices)
            found = found or self._extended(demand.name, states, self._candidates(demand.name, True), prices)
            if found:
                states = found
            else:
                misfits.insert(0, self._misfit(states[0], demand, prices))
        if misfits:
            raise DoesNotFit("\n".join(misfits))
        return [
            Partition({name: s.chosen[name] for name in self._demands}, {name: s.usage[name] for name in self._demands}) for s in states
        ]
