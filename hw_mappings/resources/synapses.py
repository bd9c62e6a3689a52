"""Synaptic memory and source neurons of every shard of a tiling: axis by axis for a Conv or Dense, one by one for a Sparse.

Two models of a core's synaptic memory::

    strict   sum over distinct lists of ceil_word(header + entries * (weight_bits + index_bits + delay_bits))
    ideal    weight_bits for every distinct weight in use

All source neurons of a channel whose in-shard targets and weights differ only by a shift share one stored list: interior positions share
one, and each kind of border position has its own. index_bits = ceil(log2(neurons in the shard)). Zero weights are stored like others.
The weights of a Sparse are all separate, so no two source neurons share a list.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from math import prod
from typing import NoReturn

import numpy as np

from ecc_lava.common import Array, Int, Shape, read_only
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Geometry, Sparse
from hw_mappings.chips import ChipSpec
from hw_mappings.resources.axes import Axis, AxisNeeds, axes_of, axis_needs
from hw_mappings.resources.tiling import Cuts, Tiling

__all__ = ["SynapseModel", "shard_of_neuron", "source_neurons", "synapse_bits"]


class SynapseModel(str, Enum):
    """Model of synaptic memory."""

    STRICT = "strict"
    """Lists with header, index and delay bits, a separate one for each kind of border."""
    IDEAL = "ideal"
    """Weights alone, each stored once per core."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        """Refuse a name that no model has."""
        raise InvalidInput(f"synapse model {value!r:.80} is not known; known: {', '.join(model.value for model in cls)}")


@dataclass(frozen=True)
class _ListFormat:
    header: int
    word: int
    entry: int

    def bits(self, entries: Int, index_bits: Int) -> Int:
        return -(-(self.header + entries * (self.entry + index_bits)) // self.word) * self.word


def _needs(axes: tuple[Axis, Axis, Axis], cuts: Cuts) -> tuple[AxisNeeds, AxisNeeds, AxisNeeds]:
    y, x, c = (axis_needs(axis, spans) for axis, spans in zip(axes, cuts, strict=True))
    return y, x, c


def _outer(y: Int, x: Int, c: Int) -> Int:
    """Return the products of all combinations, (y, x, c); for (rows, lists) arrays, (y, x, c, lists of y, of x, of c)."""
    if y.ndim == 1:
        return y[:, None, None] * x[:, None] * c
    return y[:, None, None, :, None, None] * x[:, None, None, :, None] * c[:, None, None, :]


def _index_bits(neurons: Int) -> Int:
    """Return ceil(log2(neurons)), exactly."""
    return np.frexp(np.asarray(neurons - 1, np.float64))[1].astype(np.int64)


def _by_axes(axes: tuple[Axis, Axis, Axis], cuts: Cuts, model: SynapseModel, format: _ListFormat, weight_bits: int) -> Int:
    y, x, c = needs = _needs(axes, cuts)
    if model is SynapseModel.IDEAL:
        bits = weight_bits * _outer(y.weights, x.weights, c.weights)
    else:
        entries, counts = _outer(y.entries, x.entries, c.entries), _outer(y.counts, x.counts, c.counts)
        index_bits = _index_bits(_outer(y.lengths, x.lengths, c.lengths))[:, :, :, None, None, None]
        bits = (counts * format.bits(entries, index_bits)).sum(axis=(3, 4, 5))
    result: Int = bits[np.ix_(*(need.kinds for need in needs))]
    return result


@lru_cache(maxsize=256)
def shard_of_neuron(cuts: Cuts) -> Int:
    """Return the flat index of the shard of every neuron."""
    y, x, c = (np.repeat(np.arange(len(spans)), [stop - start for start, stop in spans]) for spans in cuts)
    return read_only(((y[:, None, None] * len(cuts[1]) + x[:, None]) * len(cuts[2]) + c).ravel())


def _per_synapse(sparse: Sparse, of_target: Array) -> Array:
    """Return the value in `of_target` of every synapse's target neuron."""
    return np.repeat(of_target, np.diff(sparse.starts))


@lru_cache(maxsize=256)
def _lists(sparse: Sparse, cuts: Cuts) -> tuple[Int, Int]:
    """Return (shards, entries) of all lists: one for each source neuron and shard."""
    pairs = _per_synapse(sparse, shard_of_neuron(cuts)) * prod(sparse.source) + sparse.sources
    distinct, entries = np.unique(pairs, return_counts=True)
    return read_only(distinct // prod(sparse.source)), read_only(entries)


def _one_by_one(sparse: Sparse, tiling: Tiling, model: SynapseModel, format: _ListFormat, weight_bits: int) -> Int:
    shards, entries = _lists(sparse, tiling.cuts)
    strict = model is SynapseModel.STRICT
    bits = format.bits(entries, _index_bits(tiling.neurons).ravel()[shards]) if strict else weight_bits * entries
    return _summed(shards, bits, tiling)


def _summed(shards: Int, values: Int, tiling: Tiling) -> Int:
    """Add values up by shard."""
    result = np.zeros(tiling.number, np.int64)
    np.add.at(result, shards, values)
    return result.reshape(tiling.grid)


def synapse_bits(
    geometry: Geometry, source: Shape, tiling: Tiling, weight_bits: int, delay_bits: int, chip: ChipSpec, model: SynapseModel
) -> Int:
    """Return the synaptic memory that one projection takes in every shard of its target, (rows, columns, channels)."""
    format = _ListFormat(chip.amount("list_header_bits"), chip.amount("list_word_bits"), weight_bits + delay_bits)
    if isinstance(geometry, Sparse):
        return _one_by_one(geometry, tiling, model, format, weight_bits)
    return _by_axes(axes_of(geometry, source), tiling.cuts, model, format, weight_bits)


def source_neurons(geometry: Geometry, source: Shape, tiling: Tiling) -> Int:
    """Return the number of source neurons with a synapse in every shard of the target, (rows, columns, channels)."""
    if isinstance(geometry, Sparse):
        shards, entries = _lists(geometry, tiling.cuts)
        return _summed(shards, np.ones_like(entries), tiling)
    needs = _needs(axes_of(geometry, source), tiling.cuts)
    reached: Int = _outer(*(need.reached[need.kinds] for need in needs))
    return reached
