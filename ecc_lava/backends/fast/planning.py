"""Plans a network for the fast back end's kernels: chooses positions to merge and blocks of lanes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod

import numpy as np

from ecc_lava.backends.fast.plan import (
    BLOCK_SIZES,
    DENSE_LANES,
    LANES,
    STEP_ACTIVITY,
    TYPICAL_ACTIVITY,
    Block,
    FastPlan,
    LayerPlan,
    PieceKind,
    rounded,
)
from ecc_lava.backends.fast.synapses import TapSynapses, cut_synapses, may_merge, merged_synapses, numbered_synapses, simplified
from ecc_lava.common import BINARY, Array, Shape
from ecc_lava.errors import RangeError
from ecc_lava.geometry import Conv, Sparse
from ecc_lava.networks import Kind, QuantisedNetwork, QuantisedPopulation

__all__ = ["fast_plan", "padded"]

_BLOCK_BYTES = 640 * 1024
"""Bytes of one block's weights, so that a second-level cache of 1 MiB keeps them."""

_ROW, _EVENT, _POSITION, _NEURONS, _MASK = 2.0, 0.6, 30.0, 12.0, 8.0
"""Measured processor cycles to add 64 weights, look an event up, begin a window, step 64 neurons and add a weight to those of a mask."""

_TAP, _QUAD = 4.0, 1.2
"""Processor cycles of a position of the source under a window, and to multiply 4 of its values with the weights of 32 lanes."""


def _together(synapses: list[TapSynapses], shape: Shape, valued: bool) -> int:
    """Return how many neighbouring positions to merge: the number that costs the fewest cycles.

    Graded values cost cycles of their own only where payloads arrive or are sent; elsewhere they are summed once for all steps.
    """
    _, width, channels = shape
    if not all(may_merge(s, channels) for s in synapses):
        return 1

    def cost(number: int) -> float:
        blocks = rounded(number * channels) / LANES
        cycles = _POSITION + _NEURONS * blocks
        for s in synapses:
            if isinstance(s.geometry, Sparse):
                continue
            kernel_h, kernel_w, fan_in, _ = s.conv.kernel.shape
            if s.masked:
                cycles += _MASK * blocks * kernel_h * (kernel_w + (number - 1) * (s.conv.strides[1] - 1))
                continue
            taps = kernel_h * (kernel_w + (number - 1) * s.conv.strides[1])
            if s.rows_of_weights:
                cycles += s.activity * taps * fan_in * (_EVENT + _ROW * blocks)
            elif valued:
                cycles += taps * (_TAP + _QUAD * -(-fan_in // 4) * -(-number * channels // DENSE_LANES))
        return cycles / number

    numbers = [n for n in range(1, width + 1) if width % n == 0 and n * channels <= BLOCK_SIZES[0]]
    return min(numbers, key=cost, default=1)


def _block_lanes(synapses: list[TapSynapses], lanes: int) -> int:
    """Return how many lanes run together: as many as keep their weights in the second-level cache."""
    convs = [s.conv for s in synapses if s.rows_of_weights or (s.payload and isinstance(s.geometry, Conv) and not s.masked)]
    if any(conv.groups > 1 and conv.kernel.shape[3] // conv.groups < LANES for conv in convs):
        return LANES  # more lanes would read the events of more groups
    rows = sum(prod(conv.kernel.shape[:3]) for conv in convs)
    sizes = [size for size in BLOCK_SIZES if size <= lanes]
    return next((size for size in sizes if rows * size <= _BLOCK_BYTES), sizes[0])


def padded(values: Array, shape: Shape, together: int, fill: int) -> Array:
    """Return a neuron parameter as (positions or 1, lanes)."""
    one = values.shape != shape or values.size == 1
    broad = np.broadcast_to(values, (1, together, shape[2])) if one else values
    rows = broad.reshape(-1, together * shape[2])
    result = np.full((len(rows), rounded(rows.shape[1])), fill, np.int32)
    result[:, : rows.shape[1]] = rows
    return result


def _check_range(population: QuantisedPopulation, synapses: list[TapSynapses], largest: Mapping[str, int], limit: int) -> None:
    """Refuse a population whose sums might not fit into 32 bits; `largest` says what each source sends at most in one step."""
    most = int(np.abs(population.bias.astype(np.int64)).max())
    for s in synapses:
        weights, geometry = np.abs(s.geometry.kernel.astype(np.int16)), s.geometry
        if isinstance(geometry, Sparse):
            sums = np.diff(np.concatenate([[0], np.cumsum(weights, dtype=np.int64)])[geometry.starts])
        else:
            sums = weights.sum(axis=(0, 1, 2), dtype=np.int64)
            sums = sums if geometry.gain is None else sums * int(np.abs(geometry.gain.astype(np.int64)).max())
        most += int(sums.max()) * largest[s.source] << s.shift
    if most + 2 * limit >= 2**31:
        raise RangeError(
            f"one step's input of population {population.name!r} may reach {most}; the fast back end holds {2**31 - 2 * limit - 1}. "
            "Use smaller exponents, or the back end 'golden'"
        )


def _layer(network: QuantisedNetwork, population: QuantisedPopulation) -> LayerPlan:
    synapses = []
    for p in network.into(population.name):
        source = network.by_name[p.source]
        payload = source.payload != BINARY
        graded = not payload and network.largest_sent[p.source] > 1
        geometry = simplified(p.geometry, source.shape, graded)
        activity = STEP_ACTIVITY if source.kind is Kind.STEP else TYPICAL_ACTIVITY
        synapses.append(TapSynapses(p.source, source.shape, geometry, network.format.shift(p.exponent), graded, payload, activity))
    _check_range(population, synapses, network.largest_sent, network.format.potential_max)
    synapses += [s.negated() for s in synapses if network.by_name[s.source].payload.signed]
    height, width, channels = population.shape
    is_checked = network.hears_payloads(population.name)
    together = _together(synapses, population.shape, is_checked or population.payload != BINARY)
    if together > 1:
        synapses = [
            replace(s, geometry=merged_synapses(s.geometry, together, channels)) if isinstance(s.geometry, Conv) else s for s in synapses
        ]
    synapses = [part for s in synapses for part in numbered_synapses(s)]
    lanes, most = rounded(together * channels), _block_lanes(synapses, rounded(together * channels))
    blocks, lane = [], 0
    while lane < lanes:
        here = next(size for size in BLOCK_SIZES if size <= min(most, lanes - lane))
        parts = [(s.graded, cut_synapses(s, lane, here, (height, width // together))) for s in synapses]
        spiking, constant = (tuple(p for graded, p in parts if p is not None and graded is which) for which in (False, True))
        blocks.append(Block(lane, here, spiking, constant))
        lane += here
    never = np.iinfo(np.int32).max
    vth = padded(population.vth, population.shape, together, never)
    return LayerPlan(
        population,
        width // together,
        together * channels,
        tuple(blocks),
        padded(population.bias, population.shape, together, 0),
        vth,
        padded(population.v_init, population.shape, together, 0),
        np.frexp(vth)[1] - 1,  # exact; the potential of lanes that never fire is 0
        network.format.potential_max,
        is_checked,
        tuple(source for source, reader in network.last_reader.items() if reader == population.name),
        population.name in network.last_reader,
    )


def fast_plan(network: QuantisedNetwork) -> FastPlan:
    """Return a network as the kernels read it.

    Raises
    ------
    RangeError
        If one step's input of a population might not fit into 32 bits (the range audit allows 24).
    """
    layers = tuple(_layer(network, population) for population in network.populations[len(network.inputs) :])
    pieces = [piece for layer in layers for block in layer.blocks for piece in (*block.spiking, *block.graded)]
    longest = max((len(piece.weights) for piece in pieces if piece.kind is PieceKind.EVENTS), default=1)
    most_runs = max((piece.rows.longest * piece.columns.longest for piece in pieces), default=0)
    most_taps = max((len(piece.weights) // max(piece.channels, 1) for piece in pieces if piece.kind is PieceKind.EVENTS), default=1)
    widest = max(population.shape[2] for population in network.populations)
    return FastPlan(layers, longest, most_runs, most_taps, widest, {p.name: p.payload for p in network.inputs})
