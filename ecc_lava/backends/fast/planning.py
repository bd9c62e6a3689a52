"""Plans a network for the fast back end's kernels: chooses positions to merge and blocks of lanes."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from ecc_lava.backends.fast.plan import BLOCK_SIZES, LANES, TYPICAL_ACTIVITY, Block, FastPlan, LayerPlan, PieceKind, rounded
from ecc_lava.backends.fast.synapses import TapSynapses, cut_synapses, may_merge, merged_synapses, simplified
from ecc_lava.common import Array, Shape
from ecc_lava.errors import RangeError
from ecc_lava.geometry import Conv, Sparse
from ecc_lava.inputs import PAYLOAD_MAX
from ecc_lava.networks import QuantisedNetwork, QuantisedPopulation

__all__ = ["fast_plan"]

_BLOCK_BYTES = 640 * 1024
"""Bytes of one block's weights, so that a second-level cache of 1 MiB keeps them."""

_ROW, _EVENT, _POSITION, _NEURONS = 1.0, 0.4, 30.0, 12.0
"""Measured processor cycles to add 64 weights, look an event up, begin a window and step 64 neurons."""


def _together(synapses: list[TapSynapses], shape: Shape) -> int:
    """Return how many neighbouring positions to merge: the number that costs the fewest cycles."""
    _, width, channels = shape
    if not all(may_merge(s, channels) for s in synapses):
        return 1

    def cost(number: int) -> float:
        blocks = rounded(number * channels) / LANES
        cycles = _POSITION + _NEURONS * blocks
        for s in synapses:
            if isinstance(s.geometry, Conv) and not s.masked and not s.graded:
                kernel_h, kernel_w, fan_in, _ = s.conv.kernel.shape
                window = kernel_h * (kernel_w + (number - 1) * s.conv.strides[1]) * fan_in
                cycles += TYPICAL_ACTIVITY * window * (_EVENT + _ROW * blocks)
        return cycles / number

    numbers = [n for n in range(1, width + 1) if width % n == 0 and n * channels <= BLOCK_SIZES[0]]
    return min(numbers, key=cost, default=1)


def _block_lanes(synapses: list[TapSynapses], lanes: int) -> int:
    """Return how many lanes run together: as many as keep their weights in the second-level cache."""
    convs = [s.conv for s in synapses if isinstance(s.geometry, Conv) and not s.masked and not s.graded]
    if any(conv.groups > 1 and conv.kernel.shape[3] // conv.groups < LANES for conv in convs):
        return LANES  # more lanes would read the events of more groups
    rows = sum(prod(conv.kernel.shape[:3]) for conv in convs)
    sizes = [size for size in BLOCK_SIZES if size <= lanes]
    return next((size for size in sizes if rows * size <= _BLOCK_BYTES), sizes[0])


def _padded(values: Array, shape: Shape, together: int, fill: int) -> Array:
    """Return a neuron parameter as (positions or 1, lanes)."""
    one = values.shape != shape or values.size == 1
    broad = np.broadcast_to(values, (1, together, shape[2])) if one else values
    rows = broad.reshape(-1, together * shape[2])
    result = np.full((len(rows), rounded(rows.shape[1])), fill, np.int32)
    result[:, : rows.shape[1]] = rows
    return result


def _check_range(population: QuantisedPopulation, synapses: list[TapSynapses], limit: int) -> None:
    """Refuse a population whose sums might not fit into 32 bits."""
    most = int(np.abs(population.bias.astype(np.int64)).max())
    for s in synapses:
        weights, geometry = np.abs(s.geometry.kernel.astype(np.int16)), s.geometry
        if isinstance(geometry, Sparse):
            sums = np.diff(np.concatenate([[0], np.cumsum(weights, dtype=np.int64)])[geometry.starts])
        else:
            sums = weights.sum(axis=(0, 1, 2), dtype=np.int64)
            sums = sums if geometry.gain is None else sums * int(np.abs(geometry.gain).max())
        most += int(sums.max()) * (PAYLOAD_MAX if s.graded else 1) << s.shift
    if most + 2 * limit >= 2**31:
        raise RangeError(
            f"one step's input of population {population.name!r} may reach {most}; the fast back end holds {2**31 - 2 * limit - 1}. "
            "Use smaller exponents, or the back end 'golden'"
        )


def _layer(network: QuantisedNetwork, population: QuantisedPopulation) -> LayerPlan:
    synapses = []
    for p in network.into(population.name):
        source = network.by_name[p.source]
        graded = network.largest_sent[p.source] > 1
        geometry = simplified(p.geometry, source.shape, graded)
        synapses.append(TapSynapses(p.source, source.shape, geometry, network.format.shift(p.exponent), graded))
    _check_range(population, synapses, network.format.potential_max)
    height, width, channels = population.shape
    together = _together(synapses, population.shape)
    if together > 1:
        synapses = [
            replace(s, geometry=merged_synapses(s.geometry, together, channels)) if isinstance(s.geometry, Conv) else s for s in synapses
        ]
    lanes, most = rounded(together * channels), _block_lanes(synapses, rounded(together * channels))
    blocks, lane = [], 0
    while lane < lanes:
        here = next(size for size in BLOCK_SIZES if size <= min(most, lanes - lane))
        parts = [(s.graded, cut_synapses(s, lane, here, (height, width // together))) for s in synapses]
        spiking, constant = (tuple(p for graded, p in parts if p is not None and graded is which) for which in (False, True))
        blocks.append(Block(lane, here, spiking, constant))
        lane += here
    never = np.iinfo(np.int32).max
    return LayerPlan(
        population,
        width // together,
        together * channels,
        tuple(blocks),
        _padded(population.bias, population.shape, together, 0),
        _padded(population.vth, population.shape, together, never),
        _padded(population.v_init, population.shape, together, 0),
        network.format.potential_max,
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
    return FastPlan(layers, longest, max((piece.rows.longest * piece.columns.longest for piece in pieces), default=0))
