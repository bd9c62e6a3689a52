"""Calls the kernels compiled by numba, row after row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecc_lava.backends.fast.jobs import Beyond, Job, Outcome, Part, Scratch, SpikeSource
from ecc_lava.backends.fast.kernels.in_python import lists, neurons, sums
from ecc_lava.backends.fast.plan import LANES, Block, KernelPiece, LayerPlan, PieceKind
from ecc_lava.common import Array, Shape
from ecc_lava.networks import Kind

__all__ = ["NumbaKernels"]

_NO_POTENTIAL = np.zeros((0, 1, 1, 1), np.int32)
_SENT_NOTHING = np.zeros((0, 1), np.int32)
_NO_TRACE = np.zeros((0, 1, 1, 1, 1), np.int32)


class NumbaKernels:
    """The kernels in Python."""

    dense_from = np.inf

    def prepare(self, layer: LayerPlan) -> LayerPlan:
        """Return the layer as it is."""
        return layer

    def starting(self, prepared: LayerPlan, v_init: Array, sent_init: Array) -> LayerPlan:
        """Return the layer with other potentials and sums of what was sent before the first step."""
        return replace(prepared, v_init=v_init, sent_init=sent_init)

    def run(self, prepared: LayerPlan, job: Job, part: Part, scratch: Scratch) -> tuple[int, int]:
        """Run all steps of a part of a population."""
        outcome = self.run_valued(prepared, job, part, scratch)
        return outcome.low, outcome.high

    def run_valued(self, prepared: LayerPlan, job: Job, part: Part, scratch: Scratch) -> Outcome:
        """Run all steps of a part of a population that may read or send payloads."""
        low = high = positive = negative = 0
        beyond: list[Beyond] = []
        graded = prepared.valued and job.steps == 1
        for block in prepared.blocks[slice(*part.blocks)]:
            current = np.empty((prepared.width, job.steps, block.lanes), np.int32)
            for row in range(*part.rows):
                current[...] = 0
                for piece in (*block.spiking, *(block.graded if graded else ())):
                    _add(current, 0, prepared, block, piece, job, row)
                if prepared.is_checked:
                    beyond += _beyond(current, prepared, block, job, row)
                step = _send if job.planes else _fire
                done = step(current, prepared, block, job, row)
                low, high, positive, negative = low + done[0], high + done[1], positive + done[2], negative + done[3]
        return Outcome(low, high, positive, negative, min(beyond, default=None))

    def run_graded(self, prepared: LayerPlan, job: Job, part: Part, scratch: Scratch) -> None:
        """Add the input from graded values to the constant input."""
        constant = job.constant.reshape(-1, prepared.width, 1, prepared.lanes)
        for block in prepared.blocks[slice(*part.blocks)]:
            for row in range(*part.rows):
                for piece in block.graded:
                    _add(constant[row], block.lane, prepared, block, piece, job, row)

    def most_spikes(self, bits: Array) -> int:
        """Return the most spikes that a row has; these kernels list steps one by one, and need no room."""
        return 0

    def list_values(self, values: Array, view: tuple[int, int], events: Array, carried: Array, starts: Array) -> None:
        """List the nonzero values of graded maps."""
        lists.list_values(values, *view, events, carried, starts)

    def spread(self, bits: Array, shape: Shape, by_neuron: bool, out: Array) -> None:
        """Write bits as bytes."""
        images, steps, neurons = len(bits) // shape[0], bits.shape[1], shape[0] * shape[1] * shape[2]
        flat = (images, neurons, steps) if by_neuron else (images, steps, neurons)
        lists.spread(bits, shape[0], by_neuron, out.reshape(flat))


def _add(current: Array, lane: int, layer: LayerPlan, block: Block, piece: KernelPiece, job: Job, row: int) -> None:
    """Add a piece's input to one row of positions, whose block begins at `lane`."""
    source: SpikeSource = job.sources[layer.sources.index(piece.source)]
    height = layer.population.shape[0]
    image, y = divmod(row, height)
    if source.is_silent:
        return
    if piece.sparse is not None:
        assert source.trains is not None
        first, lanes = y * layer.width * layer.channels + block.lane, min(block.lanes, layer.channels - block.lane)
        sparse = (piece.weights, piece.sparse.starts, piece.sparse.sources)
        sums.add_sparse(current, lane, source.trains[image], *sparse, first, layer.channels, lanes, piece.shift)
        return
    into = (current, lane + piece.offset)
    rows = piece.rows.entries[piece.rows.starts[y] : piece.rows.starts[y + 1]]
    columns = (piece.columns.starts, piece.columns.entries)
    gain = np.ones(layer.width, np.int32) if piece.gain is None else piece.gain[y * layer.width : (y + 1) * layer.width]
    here = slice(image * source.shape[0], (image + 1) * source.shape[0])
    if source.plane is not None:
        sums.add_scaled(*into, source.plane[here], rows, *columns, piece.weights, piece.channels, piece.first, gain, piece.shift)
        return
    if piece.kind is PieceKind.MASKED:
        assert source.bits is not None
        sums.add_masked(*into, source.bits[here], rows, *columns, piece.weights, piece.channels, piece.first, gain, piece.shift)
        return
    if source.bits is not None:
        view = (source.shape[2], source.first, source.kept)
        sums.add_events(*into, source.bits[here], *view, rows, *columns, piece.weights, gain, piece.shift)
        return
    assert source.events is not None
    assert source.starts is not None
    assert source.values is not None
    sums.add_graded(*into, source.events, source.values, source.starts[here], rows, *columns, piece.weights, gain, piece.shift)


def _constant(layer: LayerPlan, job: Job, row: int) -> Array:
    """Return what every step adds to a row of positions, or to every position."""
    height = layer.population.shape[0]
    if len(job.constant) == 1:
        return job.constant
    line = row if len(job.constant) > layer.positions else row % height
    return job.constant[line * layer.width : (line + 1) * layer.width]


def _beyond(current: Array, layer: LayerPlan, block: Block, job: Job, row: int) -> list[Beyond]:
    """Return the first neuron of a row, by step, whose input of one step is beyond the rails, if there is one."""
    lanes = min(block.lanes, layer.channels - block.lane)
    inputs = (current + _constant(layer, job, row)[:, None, block.lane : block.lane + block.lanes])[..., :lanes].swapaxes(0, 1)
    outside = np.abs(inputs) > layer.limit
    if not outside.any():
        return []
    t, x, lane = (int(i) for i in np.unravel_index(int(outside.argmax()), outside.shape))
    image, y = divmod(row, layer.population.shape[0])
    return [Beyond(image, t, (y * layer.width + x) * layer.channels + block.lane + lane, int(inputs[t, x, lane]))]


def _send(current: Array, layer: LayerPlan, block: Block, job: Job, row: int) -> tuple[int, int, int, int]:
    """Step one row of neurons of a block that send payloads."""
    assert job.sent is not None
    payload, shape = layer.population.payload, (-1, layer.population.shape[0], layer.width, layer.channels)
    potential = job.potential.reshape(shape) if job.potential.size else _NO_POTENTIAL
    results = (job.counts.reshape(shape), potential, job.sent.reshape(shape))
    numbers: tuple[int, int, int, int] = neurons.send(
        *(current, _constant(layer, job, row), layer.vth, layer.v_init, _SENT_NOTHING if layer.sent_init is None else layer.sent_init),
        *(layer.limit, payload.largest, payload.least, layer.population.theta),
        *(row, block.lane),
        *(job.planes[0], job.planes[-1]),
        *results,
    )
    return numbers


def _fire(current: Array, layer: LayerPlan, block: Block, job: Job, row: int) -> tuple[int, int, int, int]:
    """Step one row of neurons of a block that send bits, or nothing."""
    assert job.bits is not None
    kind: Kind = layer.population.kind
    shape = (layer.population.shape[0], layer.width, layer.channels)
    if layer.fills_words:
        words = job.bits[row].reshape(job.steps, layer.width, layer.channels // LANES)
        words[..., block.lane // LANES : (block.lane + block.lanes) // LANES] = 0
    counts = job.counts.reshape(-1, *shape)
    potential = job.potential.reshape(-1, *shape) if job.potential.size else _NO_POTENTIAL
    over_time = _NO_TRACE if job.over_time is None else job.over_time.reshape(-1, job.steps, *shape)
    low, high = neurons.integrate(
        *(current, _constant(layer, job, row), layer.vth, layer.v_init),
        *(layer.limit, kind.spikes, kind.is_stateful),
        *(row, block.lane),
        *(job.bits, counts, potential, over_time),
    )
    return low, high, 0, 0
