"""What a box of a population's neurons takes of a core at least, for every size of box.

A box takes its neurons' compartments and delay slots, and the fewest and shortest lists of synapses that a box of its size has anywhere on
the map. Where one memory holds everything, it also takes an axon for every position that a convolution reads. The mapper's counting is not
used here, so that the bound and the mapper check each other.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod
from typing import Final

import numpy as np

from ecc_lava.common import Array, Float, Int, Shape, read_only
from ecc_lava.geometry import Conv, Dense, Sparse
from ecc_lava.networks import Kind, QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from hw_mappings.chips import ChipSpec
from hw_mappings.partition.least_axons import leaving
from hw_mappings.partition.least_lists import Place, least_along, windows_of
from hw_mappings.resources import SynapseModel

__all__ = ["BOUNDED", "SLACK", "BoxDemand", "LeastShares", "likeness", "places_of"]

BOUNDED: Final = ("compartments", "synapse_bits", "memory_bits", "input_axons", "output_axons", "delay_slots")
"""The resources that the bound counts."""
SLACK: Final = 1e-6
"""Tolerance of a bound, far above its rounding errors."""
_SMALL_MAP: Final = 8
"""Longest side of a map on which every place is examined by itself."""


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


def _conv_bits(conv: Conv, source: Shape, target: Shape, boxes: Int, place: Place, weight_bits: int, counting: _Counting | None) -> Float:
    y, x = (least_along(conv, axis, source, target, place) for axis in (0, 1))
    height, width = boxes[:, 0] - 1, boxes[:, 1] - 1
    written = np.maximum(boxes[:, 2] - (target[2] - conv.kernel.shape[3]), 0)  # the projection does not write the others
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
    place: Place,
    chip: ChipSpec,
    model: SynapseModel,
) -> Float:
    """Return the fewest bits that the synapses of one projection take in boxes of the sizes `boxes`, (boxes, 3)."""
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


def _arriving(network: QuantisedNetwork, population: QuantisedPopulation, boxes: Int, place: Place) -> Float:
    """Return the fewest entries of input axons: one for every position that a convolution or a dense layer reads."""
    arriving = np.zeros(len(boxes))
    for p in network.into(population.name):
        source = network.by_name[p.source]
        if isinstance(p.geometry, Conv):
            y, x = (least_along(p.geometry, axis, source.shape, population.shape, place) for axis in (0, 1))
            arriving += y.reached[boxes[:, 0] - 1] * x.reached[boxes[:, 1] - 1]
        elif isinstance(p.geometry, Dense):
            arriving += source.shape[0] * source.shape[1]
    return arriving


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


def places_of(network: QuantisedNetwork, population: QuantisedPopulation) -> list[tuple[int, Place]]:
    """Return the number of places of each kind and one place of the kind: places at a border need less than places inside.

    A large map counts as border everywhere, since borders are a small part of it.
    """
    height, width, _ = population.shape
    if max(height, width) > _SMALL_MAP:
        return [(height * width, (None, None))]
    convs = [(p.geometry, network.by_name[p.source].shape) for p in network.into(population.name) if isinstance(p.geometry, Conv)]
    kinds: dict[bytes, list[Place]] = {}
    for place in product(range(height), range(width)):
        found = [least_along(conv, axis, source, population.shape, place) for conv, source in convs for axis in (0, 1)]
        key = b"/".join(array.tobytes() for least in found for array in (least.entries, least.weights, least.reached))
        kinds.setdefault(key, []).append(place)
    return [(len(places), places[0]) for places in kinds.values()]


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
    senders : sequence of int64 arrays (H, W)
        For each projection out of the population, the fewest shards that a neuron of each position reaches.
    """

    def __init__(
        self, network: QuantisedNetwork, population: QuantisedPopulation, chip: ChipSpec, model: SynapseModel, senders: Sequence[Int]
    ) -> None:
        self._network, self._population, self._chip, self._model = network, population, chip, model
        self._boxes = boxes_within(population.shape, max(1, chip.amount("compartments") // chip.amount("compartments_per_neuron")))
        self._leaving = leaving(senders, self._boxes, chip)

    def around(self, place: Place) -> LeastShares:
        """Return what boxes around a place take."""
        chip, population, boxes = self._chip, self._population, self._boxes
        neurons = boxes.prod(axis=1)
        into = [(p, self._network.by_name[p.source]) for p in self._network.into(population.name)]
        bits = np.zeros(len(boxes))
        for projection, source in into:
            bits += _bits(projection, source, population.shape, boxes, place, chip, self._model)
        arriving = _arriving(self._network, population, boxes, place)
        compartments = neurons * chip.amount("compartments_per_neuron")
        slots = neurons * (1 + max((p.delay for p, source in into if source.kind is not Kind.INPUT), default=0))
        sums = neurons if population.payload.signed else 0 * neurons  # of what the neurons have sent
        memory = (
            bits
            + arriving * chip.amount("input_axon_bits")
            + self._leaving * chip.amount("output_axon_bits")
            + compartments * chip.amount("state_bits")
            + sums * chip.amount("signed_state_bits")
            + (slots - neurons) * chip.amount("delay_slot_bits")
        )
        taken = {
            "compartments": compartments,
            "synapse_bits": bits,
            "memory_bits": memory,
            "input_axons": arriving,
            "output_axons": self._leaving,
            "delay_slots": slots,
        }
        shares = np.stack([taken[name] / (chip.limit(name) or np.inf) for name in BOUNDED], axis=1)
        possible = (shares <= 1 + SLACK).all(axis=1)
        if not possible.any():  # the population does not fit at all; the mapper says why
            possible = neurons == 1
        return LeastShares(boxes[possible], shares[possible])
