"""Fewest cores that any mapping could need, from the network and the chip alone.

The neurons of a population at one place p of its map are in boxes of whatever sizes. A box b of n(b) neurons around p takes at least
f(r, b) of a core's limit on resource r, and no resource beyond its limit; each of its neurons answers for an equal part of that. Cores
may hold boxes of several populations, so the sum of every resource over all boxes must be within the cores' sum of limits::

    cores >= min over x >= 0 of  max over r of  sum over p, b of  x(p, b) * f(r, b)   where sum over b of x(p, b) * n(b) = neurons at p

which is a linear programme: x may be fractions, and boxes need not fit beside each other. Its dual gives every resource a price.

What a box takes at least: its neurons' compartments and delay slots; of synaptic memory, as the model counts it, the fewest and
shortest lists that any place of such a box has; where one memory holds everything, one entry for every position that a convolution reads.
Nothing here uses the mapper's counting, so that each checks the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import ceil, prod
from typing import Any, Final, TypeAlias

import numpy as np

from ecc_lava.common import Array, Float, Int, Shape
from ecc_lava.geometry import Conv, Dense, Sparse
from ecc_lava.networks import Kind, QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from hw_mappings.chips import ChipSpec
from hw_mappings.resources import SynapseModel

__all__ = ["Bound", "lower_bound", "lower_bound_cores"]

_SHARED: Final = ("compartments", "synapse_bits", "memory_bits", "delay_slots")
"""The resources that are counted here."""
_SLACK: Final = 1e-6
"""Far above the rounding errors of a bound."""
_SMALL_MAP: Final = 8
"""Sides of a map on which every place is looked at by itself."""
_Place: TypeAlias = tuple[int | None, int | None]
"""Row and column that a box is around; None is anywhere."""
_ROUNDS: Final = 40
"""Of price proposals; a handful is enough."""


@dataclass(frozen=True)
class Bound:
    """A lower bound.

    Attributes
    ----------
    cores : int
        No mapping has fewer.
    alone : int
        No mapping has fewer whose cores each hold a single population.
    prices : resource -> part of a core that all of a core's amount of it is worth
    """

    cores: int
    alone: int
    prices: dict[str, float]


@dataclass(frozen=True, eq=False)
class _Least:
    """What a span of each length has at least, wherever it lies, or of those around one place; row 0 is length 1.

    Attributes
    ----------
    entries : int64 array (lengths, lists)
        Entries of its distinct lists, the longest first, then zeros: every such span has as many lists, each at least as long.
    weights, reached : int64 arrays (lengths,)
    """

    entries: Int
    weights: Int
    reached: Int


@lru_cache(maxsize=4096)
def _sliding_least(
    taps: int, stride: int, dilation: int, before: int, stretch: int, size: int, out: int, labels: tuple[int, ...], place: int | None
) -> _Least:
    """Grow a window of targets from every start and keep count of the distinct patterns of the sources it reads."""
    profiles: list[set[tuple[int, ...]]] = [set() for _ in range(out)]
    least = np.full((2, out), np.iinfo(np.int64).max)
    for start in range(out if place is None else place + 1):
        patterns: dict[int, tuple[tuple[int, int], ...]] = {}
        alike: dict[tuple[tuple[int, int], ...], int] = {}
        used: set[tuple[int, int]] = set()
        for target in range(start, out):
            for tap in range(taps):
                source, between = divmod(target * stride + tap * dilation - before, stretch)
                if between or not 0 <= source < size:
                    continue
                old = patterns.get(source, ())
                if old:
                    alike[old] -= 1
                    if not alike[old]:
                        del alike[old]
                synapse = tap, labels[target] if labels else 0
                new = patterns[source] = (*old, synapse)
                alike[new] = alike.get(new, 0) + 1
                used.add(synapse)
            if place is not None and target < place:
                continue
            profiles[target - start].add(tuple(sorted((len(pattern) for pattern in alike), reverse=True)))
            found = least[:, target - start]
            np.minimum(found, (len(used), len(patterns)), out=found)
    shortest = [list(map(min, zip(*found, strict=False))) for found in profiles]
    entries = np.zeros((out, max(map(len, shortest))), np.int64)
    for row, lists in zip(entries, shortest, strict=True):
        row[: len(lists)] = lists
    return _Least(entries, *least)


def _along(conv: Conv, axis: int, source: Shape, target: Shape, place: _Place) -> _Least:
    labels: tuple[int, ...] = ()
    if conv.gain is not None:
        labels = tuple(int(n) for n in np.unique(conv.gain, axis=axis, return_inverse=True)[1].ravel())
    return _sliding_least(
        *(conv.kernel.shape[axis], conv.strides[axis], conv.dilation[axis], conv.padding[2 * axis], conv.input_dilation[axis]),
        *(source[axis], target[axis], labels, place[axis]),
    )


@dataclass(frozen=True)
class _Counting:
    """Bits of a list of synapses, by the model."""

    header: int
    word: int
    entry: int
    index_bits: Float

    def list_bits(self, entries: Array) -> Float:
        """Return the bits of lists of so many entries, (boxes, ...); no list takes none."""
        index_bits = self.index_bits.reshape(-1, *[1] * (entries.ndim - 1))
        bits: Float = np.where(entries > 0, np.ceil((self.header + entries * (self.entry + index_bits)) / self.word) * self.word, 0.0)
        return bits


def _conv_bits(conv: Conv, source: Shape, target: Shape, boxes: Int, place: _Place, weight_bits: int, counting: _Counting | None) -> Float:
    y, x = (_along(conv, axis, source, target, place) for axis in (0, 1))
    height, width = boxes[:, 0] - 1, boxes[:, 1] - 1
    written = np.maximum(boxes[:, 2] - (target[2] - conv.kernel.shape[3]), 0)  # the others are channels that it does not write
    if counting is None:
        bits: Float = y.weights[height] * x.weights[width] * written * (conv.kernel.shape[2] * float(weight_bits))
        return bits
    per_group = conv.kernel.shape[3] // conv.groups
    lists = -(-written // per_group) * conv.kernel.shape[2]
    each = np.where(lists > 0, written * conv.kernel.shape[2] // np.maximum(lists, 1), 0)  # the mean: exact but for cuts through groups
    total = np.zeros(len(boxes))
    for row in y.entries.T:
        for column in x.entries.T:
            total += counting.list_bits(row[height] * column[width] * each)
    return total * lists


def _bits(
    projection: QuantisedProjection,
    source: QuantisedPopulation,
    target: Shape,
    boxes: Int,
    place: _Place,
    chip: ChipSpec,
    model: SynapseModel,
) -> Float:
    """Return the fewest bits of synapses that boxes of some sizes, (boxes, 3), take from one projection."""
    neurons = boxes.prod(axis=1)
    delay_bits = 0 if source.kind is Kind.INPUT else projection.delay.bit_length()
    strict = model is SynapseModel.STRICT
    header, word = chip.amount("list_header_bits"), chip.amount("list_word_bits")
    counting = _Counting(header, word, projection.bits + delay_bits, np.ceil(np.log2(neurons))) if strict else None
    match projection.geometry:
        case Conv() as conv:
            return _conv_bits(conv, source.shape, target, boxes, place, projection.bits, counting)
        case Dense():
            each = counting.list_bits(neurons) if counting is not None else neurons * float(projection.bits)
            return prod(source.shape) * each
        case Sparse(starts=starts):
            fewest = np.sort(np.diff(starts)).cumsum()[neurons - 1].astype(float)
            return fewest * (projection.bits + (counting.entry - projection.bits + counting.index_bits if counting is not None else 0.0))


def _axon_bits(network: QuantisedNetwork, population: QuantisedPopulation, boxes: Int, place: _Place, chip: ChipSpec) -> Float:
    """Return the fewest bits of axon tables: an entry for every position of a convolution's source, if not for every neuron."""
    if chip.limit("memory_bits") is None:
        return np.zeros(len(boxes))
    arriving = np.zeros(len(boxes))
    for p in network.into(population.name):
        source = network.by_name[p.source]
        if isinstance(p.geometry, Conv):
            y, x = (_along(p.geometry, axis, source.shape, population.shape, place) for axis in (0, 1))
            arriving += y.reached[boxes[:, 0] - 1] * x.reached[boxes[:, 1] - 1]
        elif isinstance(p.geometry, Dense):
            arriving += source.shape[0] * source.shape[1]
    return arriving * chip.amount("input_axon_bits")


def _boxes(shape: Shape, most: int) -> Int:
    """Return the sizes of all boxes inside a map that hold no more than so many neurons, (boxes, 3)."""
    height, width, channels = shape
    found = []
    for depth in range(1, min(channels, most) + 1):
        for rows in range(1, min(height, most // depth) + 1):
            columns = np.arange(1, min(width, most // (depth * rows)) + 1)
            found.append(np.stack([np.full_like(columns, rows), columns, np.full_like(columns, depth)], axis=1))
    return np.concatenate(found)


def _places(network: QuantisedNetwork, population: QuantisedPopulation) -> list[tuple[int, _Place]]:
    """Return kinds of places of a map, as one of each and how many there are: those at a border need less than those inside.

    Large maps, where borders are little of the whole, count as border everywhere.
    """
    height, width, _ = population.shape
    if max(height, width) > _SMALL_MAP:
        return [(height * width, (None, None))]
    convs = [(p.geometry, network.by_name[p.source].shape) for p in network.into(population.name) if isinstance(p.geometry, Conv)]
    kinds: dict[bytes, list[_Place]] = {}
    for place in product(range(height), range(width)):
        found = [_along(conv, axis, source, population.shape, place) for conv, source in convs for axis in (0, 1)]
        key = b"/".join(array.tobytes() for least in found for array in (least.entries, least.weights, least.reached))
        kinds.setdefault(key, []).append(place)
    return [(len(places), places[0]) for places in kinds.values()]


def _least(
    network: QuantisedNetwork, population: QuantisedPopulation, boxes: Int, place: _Place, chip: ChipSpec, model: SynapseModel
) -> tuple[Int, Float]:
    """Return the boxes' neurons and the parts of a core's limits that they take at least, (boxes,), (boxes, resources)."""
    neurons = boxes.prod(axis=1)
    into = [(p, network.by_name[p.source]) for p in network.into(population.name)]
    bits = np.zeros(len(boxes))
    for projection, source in into:
        bits += _bits(projection, source, population.shape, boxes, place, chip, model)
    compartments = neurons * chip.amount("compartments_per_neuron")
    slots = neurons * (1 + max((p.delay for p, source in into if source.kind is not Kind.INPUT), default=0))
    memory = (
        bits
        + _axon_bits(network, population, boxes, place, chip)
        + compartments * chip.amount("state_bits")
        + (slots - neurons) * chip.amount("delay_slot_bits")
    )
    taken = np.stack([compartments, bits, memory, slots], axis=1)
    shares = np.stack([taken[:, i] / (chip.limit(name) or np.inf) for i, name in enumerate(_SHARED)], axis=1)
    possible = (shares <= 1 + _SLACK).all(axis=1)
    if not possible.any():  # it does not fit at all; the mapper says why
        possible = neurons == 1
    return neurons[possible], shares[possible]


def _programme(columns: list[list[Float]]) -> tuple[float, Float]:
    """Return the optimum over the given boxes of every population, and the price of every resource.

    Parameters
    ----------
    columns : per population, what all its neurons take in boxes of one kind, each (resources,)
    """
    from scipy.optimize import linprog
    from scipy.sparse import block_diag, csr_array, hstack

    number = len(_SHARED)
    usage = np.concatenate([np.stack(boxes) for boxes in columns]).T
    taken: Any = hstack([csr_array(usage), csr_array(np.full((number, 1), -1.0))])
    whole: Any = hstack([block_diag([csr_array(np.ones((1, len(boxes)))) for boxes in columns]), csr_array((len(columns), 1))])
    cost = np.zeros(usage.shape[1] + 1)
    cost[-1] = 1.0
    solved = linprog(cost, A_ub=taken, b_ub=np.zeros(number), A_eq=whole, b_eq=np.ones(len(columns)), method="highs")
    prices = np.maximum(-solved.ineqlin.marginals, 0.0)
    return float(solved.fun), prices / prices.sum()


def _best_prices(found: list[Float]) -> tuple[float, Float]:
    """Return the largest bound that prices give, and these prices.

    Any prices that add up to one give a bound, ``sum over p of min over b of neurons(p) / n(b) * sum over r of price(r) * f(r, b)``; the
    programme over a few boxes of each population proposes prices, the bound at these prices proposes further boxes.

    Parameters
    ----------
    found : per population, what all its neurons take in boxes of each kind, (boxes, resources)
    """
    best, prices = 0.0, np.full(len(_SHARED), 1.0 / len(_SHARED))
    tried = prices
    columns: list[list[Float]] = [[] for _ in found]
    for _ in range(_ROUNDS):
        worths = [boxes @ tried for boxes in found]
        bound = sum(float(worth.min()) for worth in worths)
        if bound > best:
            best, prices = bound, tried
        for boxes, worth, known in zip(found, worths, columns, strict=True):
            known.append(boxes[int(worth.argmin())])
        optimum, tried = _programme(columns)
        if optimum <= best + _SLACK:
            break
    return best, prices


def lower_bound(network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel = SynapseModel.STRICT) -> Bound:
    """Return numbers of cores below which no mapping of the network on this chip exists."""
    most = max(1, chip.amount("compartments") // chip.amount("compartments_per_neuron"))
    found = []
    for population in network.populations:
        if population.kind is not Kind.INPUT:
            boxes = _boxes(population.shape, most)
            for number, place in _places(network, population):
                neurons, shares = _least(network, population, boxes, place, chip, model)
                found.append(shares * (number * population.shape[2] / neurons)[:, None])
    cores, prices = _best_prices(found)
    alone = sum(float(boxes.max(axis=1).min()) for boxes in found)
    return Bound(max(1, ceil(cores - _SLACK)), max(1, ceil(alone - _SLACK)), dict(zip(_SHARED, prices.tolist(), strict=True)))


def lower_bound_cores(network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel = SynapseModel.STRICT) -> int:
    """Return a number of cores below which no mapping of the network on this chip exists."""
    return lower_bound(network, chip, model).cores
