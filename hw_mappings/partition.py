"""Cut every population into boxes that each fit one core.

Populations are cut from the readout backwards: a shard's input axons and lists depend on geometry alone, its output axons on how the
populations it sends to are cut, which is then known. Of all tilings into near-equal parts that fit, the cheapest is taken: ::

    cost = cores + (input axons of all shards, except from the host) * (share of a core that one output axon takes)

because every input axon here is an output axon of a core before, which cuts through many channels would fill. Equal costs are decided
by fewer cuts through channels, then columns, then rows.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product

from ecc_lava.arrays import Shape
from ecc_lava.errors import DoesNotFit
from ecc_lava.network import Kind
from ecc_lava.quantised import QuantisedNetwork
from ecc_lava.shard import Shard
from hw_mappings.axes import profile
from hw_mappings.chips.spec import ChipSpec
from hw_mappings.misfit import explain_delay, explain_misfit
from hw_mappings.resources import Incoming, Outgoing, incoming, outgoing, overruns, shard_usage

__all__ = ["Problem", "Tiling", "cheapest", "cut", "partition"]

Span = tuple[int, int]


@dataclass(frozen=True)
class Problem:
    """A population to be cut: its size, what comes in and where its spikes go."""

    population: str
    shape: Shape
    sources: tuple[Incoming, ...]
    targets: tuple[Outgoing, ...]
    chip: ChipSpec


@dataclass(frozen=True)
class Tiling:
    """A population cut along rows, columns and channels; every combination of parts is a shard."""

    population: str
    y: tuple[Span, ...]
    x: tuple[Span, ...]
    c: tuple[Span, ...]

    @property
    def splits(self) -> tuple[int, int, int]:
        """Number of parts along rows, columns and channels."""
        return len(self.y), len(self.x), len(self.c)

    @property
    def shards(self) -> tuple[Shard, ...]:
        """All shards; channels vary fastest, so that shards reading the same spikes are neighbours."""
        return tuple(Shard(self.population, *spans) for spans in product(self.y, self.x, self.c))


def cut(length: int, parts: int) -> tuple[Span, ...]:
    """Cut ``range(length)`` into near-equal spans; the longest and the shortest differ by one at most."""
    edges = [part * length // parts for part in range(parts + 1)]
    return tuple(pairwise(edges))


def _useful_parts(length: int) -> list[int]:
    """Numbers of parts worth trying: more parts whose longest is no shorter only waste cores."""
    return sorted({-(-length // longest) for longest in range(1, length + 1)})


def _candidates(shape: Shape, neurons_max: int) -> Iterator[list[tuple[int, int, int]]]:
    """Yield the splits whose parts hold at most `neurons_max`, all those with the same number of cores at a time."""
    by_cores: dict[int, list[tuple[int, int, int]]] = {}
    height, width, channels = shape
    for y, x, c in product(*map(_useful_parts, shape)):
        if -(-height // y) * -(-width // x) * -(-channels // c) <= neurons_max:
            by_cores.setdefault(y * x * c, []).append((y, x, c))
    for cores in sorted(by_cores):
        yield by_cores[cores]


def _tiling(problem: Problem, splits: tuple[int, int, int]) -> Tiling:
    y, x, c = (cut(length, parts) for length, parts in zip(problem.shape, splits, strict=True))
    return Tiling(problem.population, y, x, c)


def _distinct(problem: Problem, axis: int, spans: Sequence[Span]) -> list[Span]:
    """Return one span of each kind that differs in what it uses; the middle one, usually the fullest, first."""
    kinds: dict[Hashable, Span] = {}
    middle = len(spans) // 2
    for start, stop in (*spans[middle:], *spans[:middle]):
        arrives = tuple(profile(p.axes[axis], start, stop) for p in problem.sources)
        leaves = tuple(p.along(axis, start, stop).tobytes() for p in problem.targets)
        kinds.setdefault((stop - start, arrives, leaves), (start, stop))
    return list(kinds.values())


def _representatives(problem: Problem, tiling: Tiling) -> Iterator[Shard]:
    """Yield shards such that every shard of the tiling uses exactly what one of them does."""
    spans = [_distinct(problem, axis, spans) for axis, spans in enumerate((tiling.y, tiling.x, tiling.c))]
    for y, x, c in product(*spans):
        yield Shard(problem.population, y, x, c)


def _fits_in_the_middle(problem: Problem, tiling: Tiling) -> bool:
    """Whether one shard fits: a quick test that most tilings fail."""
    y, x, c = (spans[len(spans) // 2] for spans in (tiling.y, tiling.x, tiling.c))
    return not overruns(shard_usage(Shard(problem.population, y, x, c), problem.sources, (), problem.chip), problem.chip)


def _fits(problem: Problem, tiling: Tiling) -> bool:
    return _fits_in_the_middle(problem, tiling) and not any(
        overruns(shard_usage(shard, problem.sources, problem.targets, problem.chip), problem.chip)
        for shard in _representatives(problem, tiling)
    )


def _cost(problem: Problem, tiling: Tiling) -> Fraction:
    """Return the cores this tiling takes: its own, and the part of the sources' cores that its messages take."""
    messages = 0
    for source in problem.sources:
        y, x, c = (
            sum(profile(axis, *span).reached for span in spans)
            for axis, spans in zip(source.axes, (tiling.y, tiling.x, tiling.c), strict=True)
        )
        messages += 0 if source.from_host else y * x * c
    y, x, c = tiling.splits
    return y * x * c + messages * _share_of_an_output_axon(problem.chip)


def _share_of_an_output_axon(chip: ChipSpec) -> Fraction:
    """Return the largest part of any of a core's limits that one output axon takes."""
    entries, memory_bits = chip.limit("output_axons"), chip.limit("memory_bits")
    by_count = Fraction(1, entries) if entries is not None else Fraction(0)
    by_memory = Fraction(chip.amount("output_axon_bits"), memory_bits) if memory_bits is not None else Fraction(0)
    return max(by_count, by_memory)


def cheapest(problem: Problem) -> Tiling:
    """Return the cheapest tiling in which every shard fits.

    Raises
    ------
    DoesNotFit
        If not even one neuron a core fits, with the resource and the numbers.
    """
    chip = problem.chip
    best: tuple[Fraction, tuple[int, ...], Tiling] | None = None
    for same_cores in _candidates(problem.shape, chip.amount("compartments") // chip.amount("compartments_per_neuron")):
        y, x, c = same_cores[0]
        if best is not None and y * x * c >= best[0]:
            break
        for tiling in (_tiling(problem, splits) for splits in same_cores):
            rank = _cost(problem, tiling), tiling.splits[::-1]
            if (best is None or rank < best[:2]) and _fits(problem, tiling):
                best = (*rank, tiling)
    if best is not None:
        return best[2]
    finest = _tiling(problem, problem.shape)
    usages = [(shard, shard_usage(shard, problem.sources, problem.targets, chip)) for shard in _representatives(problem, finest)]
    raise DoesNotFit(explain_misfit(chip, problem.sources, usages))


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
            tilings[name] = _tiling(problem, (1, 1, 1))  # stands in, so that the populations before it are tried too
        shards[name] = tilings[name].shards
    if misfits:
        raise DoesNotFit("\n".join(misfits))
    return dict(reversed(tilings.items()))
