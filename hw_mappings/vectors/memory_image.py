"""The memory of one core: its neurons, the lists of its synapses, and the axons that lead to the lists.

Source neurons of one channel whose synapses differ only by a shift of their targets share a list, as in the mapper's strict model of
synaptic memory; the axon holds the list's first target. Zero weights are stored like others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from ecc_lava.backends import CorePlan, Listed, ShardPlan, ShardSynapses, Taps
from ecc_lava.common import Array, Int, check_memory, memory_limit
from ecc_lava.networks import Shard

__all__ = ["MemoryImage", "memory_image"]


SYNAPSE_BYTES = 80
"""Bytes of a synapse while the lists of a projection are made: its source, target and weight, and the order of all."""


@dataclass(frozen=True, eq=False)
class MemoryImage:
    """One core's memory.

    Neurons are numbered shard by shard, and within a shard by row, column and channel.

    Attributes
    ----------
    bias, vth, v_init : int32 arrays (neurons,)
    fires, keeps : bool arrays (neurons,)
        `fires` is False for a readout, which never fires. `keeps` is False for a step population, which keeps no potential between steps.
    payload_max : uint8 array (neurons,)
        Largest value of a spike.
    signed : bool array (neurons,)
        Whether a spike may take back what the neuron sent.
    depth : int32 array (neurons,)
        First step of the neuron's first window.
    axon_channel : int64 array (axons,)
        Index of the axon's source in the messages of the plan's source. Not part of the memory.
    axon_projection : int32 array (axons,)
        Number of the projection among those of the core's shards, in their order. Not part of the memory.
    axon_neuron : int32 array (axons,)
        Flat index of the source neuron in its population.
    axon_list, axon_target : int32 arrays (axons,)
        The list of the axon's synapses, and the neuron that the list's targets count from.
    axon_delay, axon_shift : uint8 arrays (axons,)
        Extra steps before an event acts, and the power of two that weights are multiplied by.
    list_start : int32 array (lists + 1,)
        First entry of each list.
    entry_target, entry_weight : int32 arrays (entries,)
        Target, counted from the axon's target, and weight.
    """

    bias: Array
    vth: Array
    v_init: Array
    fires: Array
    keeps: Array
    payload_max: Array
    signed: Array
    depth: Array
    axon_channel: Array
    axon_projection: Array
    axon_neuron: Array
    axon_list: Array
    axon_target: Array
    axon_delay: Array
    axon_shift: Array
    list_start: Array
    entry_target: Array
    entry_weight: Array


class _SynapseRows(NamedTuple):
    """Synapses one by one: flat index of the source in the box, of the target in the shard, weight."""

    sources: Int
    targets: Int
    weights: Int


def _of_taps(taps: Taps, box: Shard) -> _SynapseRows:
    width, depth = box.shape[1:]
    found = []
    start, _, channels = taps.channels
    for group in taps.groups:
        kernel = taps.kernel[:, :, :, group.start : group.stop]
        rows, columns = taps.rows[:, None, :, None, None, None], taps.columns[None, :, None, :, None, None]
        c, o = np.arange(kernel.shape[2])[:, None], np.arange(group.start, group.stop)
        sources = (rows * width + columns) * depth + group.source + c
        places = np.arange(len(taps.rows) * len(taps.columns)).reshape(len(taps.rows), len(taps.columns), 1, 1, 1, 1)
        gain = np.ones((1, 1), np.int64) if taps.gain is None else taps.gain.astype(np.int64)
        weights = kernel.astype(np.int64) * gain[:, :, None, None, None, None]
        full = np.broadcast_arrays(sources, places * channels + start + o, weights, (rows >= 0) & (columns >= 0))
        inside = full[3]
        found.append(_SynapseRows(full[0][inside], full[1][inside], full[2][inside]))
    return _SynapseRows(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _of_list(listed: Listed) -> _SynapseRows:
    targets = np.repeat(np.arange(len(listed.starts) - 1), np.diff(listed.starts))
    return _SynapseRows(listed.sources, targets, listed.weights.astype(np.int64))


@dataclass(frozen=True, eq=False)
class _ImageTable:
    """Axons and lists of one `ShardSynapses`."""

    neurons: Int
    lists: Int
    firsts: Int
    starts: Int
    targets: Int
    weights: Int


def _table(synapses: ShardSynapses) -> _ImageTable:
    """Return the axons and lists of one projection into one shard."""
    what = f"the lists of {synapses.operator.macs} synapses from {synapses.box.population!r} on one core"
    check_memory(what, SYNAPSE_BYTES * synapses.operator.macs, memory_limit(), "map to smaller cores")
    match synapses.operator:
        case Taps() as taps:
            found = _of_taps(taps, synapses.box)
        case Listed() as listed:
            found = _of_list(listed)
    order = np.lexsort((found.targets, found.sources))
    sources, targets, weights = (part[order] for part in found)
    heads = np.flatnonzero(np.diff(sources, prepend=-1))
    ends = np.append(heads[1:], len(sources))
    relative = targets - np.repeat(targets[heads], ends - heads)
    channel = sources[heads] % synapses.box.shape[2] if synapses.shares else sources[heads]
    numbers: dict[tuple[int, bytes, bytes], int] = {}
    lists, kept = np.zeros(len(heads), np.int64), []
    for axon, (head, end) in enumerate(zip(heads.tolist(), ends.tolist(), strict=True)):
        key = int(channel[axon]), relative[head:end].tobytes(), weights[head:end].tobytes()
        if key not in numbers:
            numbers[key] = len(numbers)
            kept.append(np.arange(head, end))
        lists[axon] = numbers[key]
    entries = np.concatenate(kept)
    starts = np.concatenate([[0], np.cumsum([len(part) for part in kept])])
    return _ImageTable(_in_population(synapses, sources[heads]), lists, targets[heads], starts, relative[entries], weights[entries])


def _in_population(synapses: ShardSynapses, sources: Int) -> Int:
    """Convert flat indices in the box to flat indices in the source population."""
    (piece,) = synapses.pieces  # in a replay, the piece is the whole population
    along = np.unravel_index(sources, synapses.box.shape)
    lows = (synapses.box.y[0], synapses.box.x[0], synapses.box.c[0])
    return np.ravel_multi_index(tuple(a + low for a, low in zip(along, lows, strict=True)), piece.shard.shape).astype(np.int64)


def _of_neurons(shards: Sequence[ShardPlan], parameter: str) -> Array:
    of = attrgetter(parameter)
    return np.concatenate([np.broadcast_to(of(part), part.shard.shape).ravel() for part in shards])


def memory_image(core: CorePlan) -> MemoryImage:
    """Return the memory of a core.

    Parameters
    ----------
    core : CorePlan
        The core of a replay, so that each of its sources is a whole population.
    """
    axons: list[tuple[Int, ...]] = [tuple(np.zeros(0, np.int64) for _ in range(7))]
    starts, targets, weights = [np.zeros(1, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    first, lists, number = 0, 0, 0
    for part in core.shards:
        for synapses in part.synapses:
            table = _table(synapses)
            size = len(table.neurons)
            shift = synapses.factor.bit_length() - 1
            columns = (synapses.pieces[0].offset + table.neurons, np.full(size, number), table.neurons, table.lists + lists)
            axons.append((*columns, table.firsts + first, np.full(size, synapses.delay), np.full(size, shift)))
            starts.append(table.starts[1:] + starts[-1][-1])
            targets.append(table.targets)
            weights.append(table.weights)
            lists, number = lists + len(table.starts) - 1, number + 1
        first += part.shard.neurons
    channel, projection, neuron, held, target, delay, shifts = (np.concatenate(column) for column in zip(*axons, strict=True))
    return MemoryImage(
        bias=_of_neurons(core.shards, "bias").astype(np.int32),
        vth=_of_neurons(core.shards, "vth").astype(np.int32),
        v_init=_of_neurons(core.shards, "v_init").astype(np.int32),
        fires=_of_neurons(core.shards, "fires").astype(np.bool_),
        keeps=_of_neurons(core.shards, "is_stateful").astype(np.bool_),
        payload_max=_of_neurons(core.shards, "payload.largest").astype(np.uint8),
        signed=_of_neurons(core.shards, "payload.signed").astype(np.bool_),
        depth=_of_neurons(core.shards, "depth").astype(np.int32),
        axon_channel=channel,
        axon_projection=projection.astype(np.int32),
        axon_neuron=neuron.astype(np.int32),
        axon_list=held.astype(np.int32),
        axon_target=target.astype(np.int32),
        axon_delay=delay.astype(np.uint8),
        axon_shift=shifts.astype(np.uint8),
        list_start=np.concatenate(starts).astype(np.int32),
        entry_target=np.concatenate(targets).astype(np.int32),
        entry_weight=np.concatenate(weights).astype(np.int32),
    )
