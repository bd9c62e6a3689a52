"""What a box of a population's neurons takes of a core at least, for every size of box.

A box takes its neurons' compartments and delay slots, and the fewest and shortest lists of synapses that a box of its size has anywhere on
the map. Where one memory holds everything, it also takes an axon for every position that a convolution reads. The mapper's counting is not
used here, so that the bound and the mapper check each other.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Final

import numpy as np

from ecc_lava.common import Array, Float, Int, Shape, read_only
from ecc_lava.geometry import Conv, Dense, Sparse
from ecc_lava.networks import Kind, QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from hw_mappings.chips import ChipSpec
from hw_mappings.partition.least_axons import leaving
from hw_mappings.partition.least_lists import LeastLists, Place, least_along, windows_of
from hw_mappings.resources import SynapseModel

__all__ = ["BOUNDED", "SLACK", "BoxDemand", "Boxes", "LeastShares", "likeness"]

BOUNDED: Final = ("compartments", "synapse_bits", "memory_bits", "input_axons", "output_axons", "delay_slots")
"""The resources that the bound counts."""
SLACK: Final = 1e-6
"""Tolerance of a bound, far above its rounding errors."""


@dataclass(frozen=True)
class _Counting:
    """Bits of a list of synapses in the strict model."""

    header: int
    word: int
    entry: int
    index_bits: Float

    def list_bits(self, entries: Array) -> Float:
        """Return the bits of lists with `entries` entries, (boxes, ...); an empty list takes no bits."""
        index_bits = self.index_bits.reshape(-1, *[1] * (entries.ndim - 1))
        bits: Float = np.where(entries > 0, np.ceil((self.header + entries * (self.entry + index_bits)) / self.word) * self.word, 0.0)
        return bits


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes of a population.

    Attributes
    ----------
    sizes : int64 array (boxes, 3)
    rows, columns : int64 arrays (boxes,)
        Row of every box in `along`, by its rows and by its columns.
    along : for each convolution into the population, what spans of its rows and of its columns have
    """

    sizes: Int
    rows: Int
    columns: Int
    along: tuple[tuple[LeastLists, LeastLists], ...]


def _written(conv: Conv, channels: int, boxes: Boxes) -> Int:
    """Return the fewest channels that the projection writes in a box."""
    written: Int = np.maximum(boxes.sizes[:, 2] - (channels - conv.kernel.shape[3]), 0)
    return written


def _conv_bits(
    conv: Conv, channels: int, boxes: Boxes, along: tuple[LeastLists, LeastLists], weight_bits: int, counting: _Counting | None
) -> Float:
    (y, x), height, width = along, boxes.rows, boxes.columns
    written = _written(conv, channels, boxes)
    if counting is None:
        bits: Float = y.weights[height] * x.weights[width] * written * (conv.kernel.shape[2] * float(weight_bits))
        return bits
    per_group = conv.kernel.shape[3] // conv.groups
    lists = -(-written // per_group) * conv.kernel.shape[2]
    each = np.where(lists > 0, written * conv.kernel.shape[2] // np.maximum(lists, 1), 0)  # the mean: exact but for cuts through groups
    total = np.zeros(len(lists))
    for row in y.entries.T:
        for column in x.entries.T:
            total += counting.list_bits(row[height] * column[width] * each)
    return total * lists


def _bits(
    projection: QuantisedProjection,
    source: QuantisedPopulation,
    channels: int,
    boxes: Boxes,
    along: tuple[LeastLists, LeastLists] | None,
    chip: ChipSpec,
    model: SynapseModel,
) -> Float:
    """Return the fewest bits that the synapses of one projection take in boxes, (boxes,)."""
    neurons = boxes.sizes.prod(axis=1)
    delay_bits = 0 if source.kind is Kind.INPUT else projection.delay.bit_length()
    strict = model is SynapseModel.STRICT
    header, word = chip.amount("list_header_bits"), chip.amount("list_word_bits")
    counting = _Counting(header, word, projection.bits + delay_bits, np.ceil(np.log2(neurons))) if strict else None
    match projection.geometry:
        case Conv() as conv:
            assert along is not None
            return _conv_bits(conv, channels, boxes, along, projection.bits, counting)
        case Dense():
            each = counting.list_bits(neurons) if counting is not None else neurons * float(projection.bits)
            return prod(source.shape) * each
        case Sparse(starts=starts):
            fewest = np.sort(np.diff(starts)).cumsum()[neurons - 1].astype(float)
            return fewest * (projection.bits + (counting.entry - projection.bits + counting.index_bits if counting is not None else 0.0))


def likeness(network: QuantisedNetwork, population: QuantisedPopulation) -> Hashable:
    """Return all that the least demand of a population depends on: equal layers are counted once."""

    def figures(projection: QuantisedProjection) -> Hashable:
        source = network.by_name[projection.source]
        among = source.shape, source.kind is Kind.INPUT, projection.bits, projection.delay
        match projection.geometry:
            case Conv() as conv:
                return *among, windows_of(conv, source.shape, population.shape), conv.kernel.shape[2:], conv.groups
            case Dense():
                return among
            case Sparse() as sparse:
                return *among, id(sparse)

    return population.shape, population.payload.signed, tuple(map(figures, network.into(population.name)))


@lru_cache(maxsize=64)
def boxes_within(shape: Shape, most: int) -> Int:
    """Return the sizes of all boxes inside a map with at most `most` neurons, (boxes, 3)."""
    height, width, channels = shape
    found = []
    for depth in range(1, min(channels, most) + 1):
        for rows in range(1, min(height, most // depth) + 1):
            columns = np.arange(1, min(width, most // (depth * rows)) + 1)
            found.append(np.stack([np.full_like(columns, rows), columns, np.full_like(columns, depth)], axis=1))
    return read_only(np.concatenate(found))


@dataclass(frozen=True, eq=False)
class LeastShares:
    """The least fractions of a core's limits that boxes around a place take; boxes that fit no core are left out.

    Attributes
    ----------
    boxes : int64 array (boxes, 3)
    shares : float64 array (boxes, resources)
    """

    boxes: Int
    shares: Float


class BoxDemand:
    """What boxes of one population take of a core at least.

    Parameters
    ----------
    network : QuantisedNetwork
    population : QuantisedPopulation
    chip : ChipSpec
    model : SynapseModel
    """

    def __init__(self, network: QuantisedNetwork, population: QuantisedPopulation, chip: ChipSpec, model: SynapseModel) -> None:
        self.into = [(p, network.by_name[p.source]) for p in network.into(population.name)]
        self.population, self.chip, self._model = population, chip, model
        self.is_strict = model is SynapseModel.STRICT
        self.neurons_max = max(1, chip.amount("compartments") // chip.amount("compartments_per_neuron"))

    def share(self, **amounts: Float | Int | int) -> Float:
        """Return the fractions of a core's limits that amounts of some resources are, (boxes, resources)."""
        columns = [np.asarray(amounts.get(name, 0)) / (self.chip.limit(name) or np.inf) for name in BOUNDED]
        return np.stack(np.broadcast_arrays(*columns), axis=-1)

    def arriving(self, entries: Float | int = 1) -> Float:
        """Return the fractions of a core's limits that entries of input axons take."""
        return self.share(input_axons=entries, memory_bits=entries * self.chip.amount("input_axon_bits"))

    def leaving(self, entries: Float | Int | int = 1) -> Float:
        """Return the fractions of a core's limits that entries of output axons take."""
        return self.share(output_axons=entries, memory_bits=entries * self.chip.amount("output_axon_bits"))

    def own(self, boxes: Boxes) -> Float:
        """Return the fractions of a core's limits that boxes take without axons, (boxes, resources)."""
        chip, population, neurons = self.chip, self.population, boxes.sizes.prod(axis=1)
        along, bits = iter(boxes.along), np.zeros(len(neurons))
        for projection, source in self.into:
            spans = next(along) if isinstance(projection.geometry, Conv) else None
            bits += _bits(projection, source, population.shape[2], boxes, spans, chip, self._model)
        compartments = neurons * chip.amount("compartments_per_neuron")
        slots = neurons * (1 + max((p.delay for p, source in self.into if source.kind is not Kind.INPUT), default=0))
        sums = neurons if population.payload.signed else 0 * neurons  # of what the neurons have sent
        state = compartments * chip.amount("state_bits") + sums * chip.amount("signed_state_bits")
        memory = bits + state + (slots - neurons) * chip.amount("delay_slot_bits")
        return self.share(compartments=compartments, synapse_bits=bits, memory_bits=memory, delay_slots=slots)

    def reached(self, boxes: Boxes) -> list[Float]:
        """Return, for each projection, the positions of its source that boxes read: each takes an entry of input axons at least."""
        along, found = iter(boxes.along), []
        for projection, source in self.into:
            match projection.geometry:
                case Conv() as conv:
                    y, x = next(along)
                    read = (y.reached[boxes.rows] * x.reached[boxes.columns]).astype(float)
                    found.append(np.where(_written(conv, self.population.shape[2], boxes) > 0, read, 0.0))
                case Dense():
                    found.append(np.full(len(boxes.sizes), float(source.shape[0] * source.shape[1])))
                case Sparse():
                    found.append(np.zeros(len(boxes.sizes)))
        return found

    def around(self, place: Place, senders: Sequence[Int]) -> LeastShares:
        """Return what boxes around a place take.

        Parameters
        ----------
        place : Place
        senders : sequence of int64 arrays (H, W)
            For each projection out of the population, the fewest shards that a neuron of each position reaches.
        """
        sizes = boxes_within(self.population.shape, self.neurons_max)
        convs = [(p.geometry, source.shape) for p, source in self.into if isinstance(p.geometry, Conv)]
        y, x = ([least_along(conv, axis, source, self.population.shape, place) for conv, source in convs] for axis in (0, 1))
        boxes = Boxes(sizes, sizes[:, 0] - 1, sizes[:, 1] - 1, tuple(zip(y, x, strict=True)))
        arriving = self.arriving(np.sum([*self.reached(boxes), np.zeros(len(sizes))], axis=0))
        shares = self.own(boxes) + arriving + self.leaving(leaving(senders, sizes, self.chip))
        possible = (shares <= 1 + SLACK).all(axis=1)
        if not possible.any():  # the population does not fit at all; the mapper says why
            possible = sizes.prod(axis=1) == 1
        return LeastShares(sizes[possible], shares[possible])
