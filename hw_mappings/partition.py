"""Cut every population into boxes that each fit one core.

Populations are cut from the readout backwards: a shard's input axons and lists depend on geometry alone, its output axons on how the
populations it sends to are cut, which is then known. Of all tilings into near-equal parts that fit, the cheapest is taken: ::

    cost = cores + (input axons of all shards, except from the host) * (share of a core that one output axon takes)

because every input axon here is an output axon of a core before, which cuts through many channels would fill. Equal costs are decided
by fewer cuts through channels, then columns, then rows.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product
from math import prod

from ecc_lava.arrays import Shape
from ecc_lava.errors import DoesNotFit
from ecc_lava.network import Kind
from ecc_lava.quantised import QuantisedNetwork
from ecc_lava.shard import Shard, whole
from hw_mappings.chips.spec import ChipSpec
from hw_mappings.misfit import explain_delay, explain_misfit
from hw_mappings.outgoing import Outgoing, outgoing
from hw_mappings.reach import Span
from hw_mappings.resources import Incoming, incoming, overruns, shard_usage

__all__ = ["AxisCut", "Problem", "Tiling", "cheapest", "cut", "partition"]


@dataclass(frozen=True)
class Problem:
    """A population to be cut: its size, what comes in and where its spikes go."""

    population: str
    shape: Shape
    sources: tuple[Incoming, ...]
    targets: tuple[Outgoing, ...]
    chip: ChipSpec


@dataclass(frozen=True)
class AxisCut:
    """One axis of a population in near-equal parts.

    Attributes
    ----------
    spans : tuple of (start, stop)
    kinds : tuple of (start, stop)
        One span of each kind that differs in what it uses; the middle one, usually the fullest, first.
    """

    spans: tuple[Span, ...]
    kinds: tuple[Span, ...]


@dataclass(frozen=True)
class Tiling:
    """A population cut along rows, columns and channels; every combination of parts is a shard."""

    population: str
    cuts: tuple[AxisCut, AxisCut, AxisCut]

    @property
    def cores(self) -> int:
        """Number of shards, one a core."""
        return prod(len(axis.spans) for axis in self.cuts)

    @property
    def shards(self) -> tuple[Shard, ...]:
        """All shards; channels vary fastest, so that shards reading the same spikes are neighbours."""
        return tuple(Shard(self.population, *spans) for spans in product(*(axis.spans for axis in self.cuts)))

    @property
    def representatives(self) -> Iterator[Shard]:
        """Shards such that every shard uses exactly what one of them does, the middle one first."""
        return (Shard(self.population, *spans) for spans in product(*(axis.kinds for axis in self.cuts)))


def cut(length: int, parts: int) -> tuple[Span, ...]:
    """Cut ``range(length)`` into near-equal spans; the longest and the shortest differ by one at most."""
    edges = [part * length // parts for part in range(parts + 1)]
    return tuple(pairwise(edges))


def _useful_parts(length: int) -> list[int]:
    """Numbers of parts worth trying: more parts whose longest is no shorter only waste cores."""
    return sorted({-(-length // longest) for longest in range(1, length + 1)})


def _axis_cut(problem: Problem, axis: int, parts: int) -> AxisCut:
    spans = cut(problem.shape[axis], parts)
    kinds: dict[Hashable, Span] = {}
    for start, stop in (*spans[parts // 2 :], *spans[: parts // 2]):
        arrives = tuple(p.reach.alike(axis, start, stop) for p in problem.sources)
        leaves = tuple(p.alike(axis, start, stop) for p in problem.targets)
        kinds.setdefault((stop - start, arrives, leaves), (start, stop))
    return AxisCut(spans, tuple(kinds.values()))


def _tilings(problem: Problem) -> list[Tiling]:
    """Return all tilings whose parts hold no more neurons than a core, those with the fewest cores first."""
    neurons_max = problem.chip.amount("compartments") // problem.chip.amount("compartments_per_neuron")
    rows, columns, channels = (
        [(-(-length // parts), _axis_cut(problem, axis, parts)) for parts in _useful_parts(length)]
        for axis, length in enumerate(problem.shape)
    )
    small_enough = [
        Tiling(problem.population, (y, x, c))
        for (height, y), (width, x), (depth, c) in product(rows, columns, channels)
        if height * width * depth <= neurons_max
    ]
    return sorted(small_enough, key=lambda tiling: tiling.cores)


def _fits(problem: Problem, tiling: Tiling) -> bool:
    chip = problem.chip
    # most tilings fail in the middle already, before their output axons are counted
    if overruns(shard_usage(next(tiling.representatives), problem.sources, (), chip), chip):
        return False
    return not any(overruns(shard_usage(s, problem.sources, problem.targets, chip), chip) for s in tiling.representatives)


def _share_of_an_output_axon(chip: ChipSpec) -> Fraction:
    """Return the largest part of any of a core's limits that one output axon takes."""
    entries, memory_bits = chip.limit("output_axons"), chip.limit("memory_bits")
    by_count = Fraction(1, entries) if entries is not None else Fraction(0)
    by_memory = Fraction(chip.amount("output_axon_bits"), memory_bits) if memory_bits is not None else Fraction(0)
    return max(by_count, by_memory)


def _messages(problem: Problem, tiling: Tiling) -> int:
    """Return the input axons of all shards together, except for spikes from the host."""
    rows, columns, channels = (axis.spans for axis in tiling.cuts)
    return sum(source.reach.arrivals((rows, columns, channels)) for source in problem.sources if not source.from_host)


def cheapest(problem: Problem) -> Tiling:
    """Return the cheapest tiling in which every shard fits.

    Raises
    ------
    DoesNotFit
        If there is none, with the resource and the numbers of one neuron a core.
    """
    share = _share_of_an_output_axon(problem.chip)
    best: tuple[Fraction, tuple[int, ...], Tiling] | None = None
    for tiling in _tilings(problem):
        if best is not None and tiling.cores >= best[0]:
            break
        rank = tiling.cores + _messages(problem, tiling) * share, tuple(len(axis.spans) for axis in reversed(tiling.cuts))
        if (best is None or rank < best[:2]) and _fits(problem, tiling):
            best = (*rank, tiling)
    if best is not None:
        return best[2]
    y, x, c = (_axis_cut(problem, axis, length) for axis, length in enumerate(problem.shape))
    finest = Tiling(problem.population, (y, x, c))
    usages = [(shard, shard_usage(shard, problem.sources, problem.targets, problem.chip)) for shard in finest.representatives]
    raise DoesNotFit(explain_misfit(problem.chip, problem.sources, usages))


def partition(network: QuantisedNetwork, chip: ChipSpec) -> dict[str, Tiling]:
    """Cut every population but the input, whose spikes the host injects.

    Returns
    -------
    dict
        Tilings by population, in the order of the network.

    Raises
    ------
    DoesNotFit
        For every population that does not fit: the resource, what it takes, the limit, and the smallest change that fits.
    """
    misfits = [explain_delay(chip, p) for p in network.projections if p.delay > chip.amount("delay_max")]
    tilings: dict[str, Tiling] = {}
    shards: dict[str, tuple[Shard, ...]] = {}
    for population in reversed(network.populations):
        if population.kind is Kind.INPUT:
            continue
        name = population.name
        problem = Problem(name, population.shape, incoming(network, name), outgoing(network, name, shards), chip)
        try:
            tilings[name] = cheapest(problem)
        except DoesNotFit as error:
            misfits.insert(0, str(error))
            shards[name] = (whole(name, population.shape),)  # stands in, so that the populations before it are tried too
        else:
            shards[name] = tilings[name].shards
    if misfits:
        raise DoesNotFit("\n".join(misfits))
    return dict(reversed(tilings.items()))
