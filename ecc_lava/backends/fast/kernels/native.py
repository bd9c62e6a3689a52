"""Calls the kernels in C through ctypes, which releases Python's lock."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecc_lava.backends.fast.jobs import Job, Part, Scratch, SpikeSource
from ecc_lava.backends.fast.plan import LANES, KernelPiece, LayerPlan, PieceKind
from ecc_lava.common import Array, Shape
from ecc_lava.networks import Kind

__all__ = ["NativeKernels"]

_KINDS = {Kind.IF: 0, Kind.STEP: 1, Kind.READOUT: 2}


def _fields(integers: str, pointers: str) -> list[tuple[str, Any]]:
    return [*((name, ctypes.c_int64) for name in integers.split()), *((name, ctypes.c_void_p) for name in pointers.split())]


class _CSource(ctypes.Structure):
    _fields_ = _fields("height width words neurons", "events starts values bits trains")


class _CPiece(ctypes.Structure):
    _fields_ = _fields(
        "kind source offset blocks row_shift channels first shift weight_bytes",
        "weights row_starts rows column_starts columns gain sparse_starts sparse_sources",
    )


class _CBlock(ctypes.Structure):
    _fields_ = _fields("lane lanes spiking graded", "pieces")


class _CLayer(ctypes.Structure):
    _fields_ = _fields("kind height width channels lanes words limit vth_stride v_init_stride", "blocks vth v_init")


class _CJob(ctypes.Structure):
    _fields_ = _fields("steps constant_stride low high", "sources constant bits counts potential over_time current events values runs")


def _address(array: Array | None) -> int | None:
    return None if array is None else array.__array_interface__["data"][0]


def _aligned(array: Array) -> Array:
    """Return a copy that begins at a cache line's first byte."""
    raw = np.empty(array.nbytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    result = raw[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    result[...] = array
    return result


def _interleaved(weights: Array) -> Array:
    """Put the weight plus 128 of lane i of every 64 at byte 2i, and of lane 32 + i at byte 2i + 1."""
    halves = weights.reshape(len(weights), -1, 2, LANES // 2).copy()
    halves[:, :, 0] ^= -128  # the same bits as adding 128
    return _aligned(halves.swapaxes(2, 3).reshape(weights.shape))


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A layer as C reads it, and the arrays behind its pointers."""

    layer: _CLayer
    lanes_stride: int
    kept: tuple[Any, ...]


def _piece(piece: KernelPiece, source: int, kept: list[Any]) -> _CPiece:
    weights = piece.weights
    row_shift, blocks = 0, 0
    match piece.kind:
        case PieceKind.EVENTS:
            weights = _interleaved(weights)
            row_shift = weights.shape[1].bit_length() - 1
        case PieceKind.MASKED:
            weights = _aligned(weights)
    if piece.kind is not PieceKind.SPARSE:
        blocks = weights.shape[1] // LANES
    tables = (piece.rows.starts, piece.rows.entries, piece.columns.starts, piece.columns.entries)
    sparse = (None, None) if piece.sparse is None else (piece.sparse.starts, piece.sparse.sources)
    kept += [weights, *tables, *sparse, piece.gain]
    first_row = _address(weights[1:] if piece.kind is PieceKind.EVENTS else weights)
    return _CPiece(
        *(piece.kind, source, piece.offset, blocks, row_shift, piece.channels, piece.first, piece.shift, weights.nbytes),
        *(first_row, *map(_address, tables), _address(piece.gain), *map(_address, sparse)),
    )


class NativeKernels:
    """The kernels of a compiled library."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        signatures: dict[str, list[Any]] = {
            "run_layer": [pointer, pointer, *[number] * 4],
            "run_graded": [pointer, pointer, *[number] * 4],
            "count_rows": [pointer, number, number, pointer],
            "list_events": [pointer, *[number] * 8, pointer, pointer, pointer],
            "list_values": [pointer, *[number] * 5, pointer, pointer, pointer],
            "spread": [pointer, *[number] * 6, pointer],
        }
        for name, arguments in signatures.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, None

    def prepare(self, layer: LayerPlan) -> _Prepared:
        """Return the layer as structures of C."""
        kept: list[Any] = []
        blocks = []
        for block in layer.blocks:
            pieces = [_piece(p, layer.sources.index(p.source), kept) for p in (*block.spiking, *block.graded)]
            array = (_CPiece * max(len(pieces), 1))(*pieces)
            kept.append(array)
            blocks.append(_CBlock(block.lane, block.lanes, len(block.spiking), len(block.graded), ctypes.addressof(array)))
        all_blocks = (_CBlock * len(blocks))(*blocks)
        kept += [all_blocks, layer.vth, layer.v_init]
        strides = (layer.lanes if len(values) > 1 else 0 for values in (layer.vth, layer.v_init))
        height, width, channels = layer.population.shape
        words = -(-width * channels // 64)
        head = (_KINDS[layer.population.kind], height, layer.width, layer.channels, layer.lanes, words, layer.limit)
        pointers = (ctypes.addressof(all_blocks), _address(layer.vth), _address(layer.v_init))
        return _Prepared(_CLayer(*head, *strides, *pointers), layer.lanes, tuple(kept))

    def _job(self, prepared: _Prepared, job: Job, scratch: Scratch) -> tuple[_CJob, Any]:
        sources = (_CSource * max(len(job.sources), 1))(*map(_source, job.sources))
        stride = prepared.lanes_stride if len(job.constant) > 1 else 0
        results = (job.constant, job.bits, job.counts, job.potential, job.over_time)
        own = (scratch.current, scratch.events, scratch.values, scratch.runs)
        return _CJob(job.steps, stride, 0, 0, ctypes.addressof(sources), *map(_address, (*results, *own))), sources

    def run(self, prepared: _Prepared, job: Job, part: Part, scratch: Scratch) -> tuple[int, int]:
        """Run all steps of a part of a population."""
        work, _sources = self._job(prepared, job, scratch)
        self._library.run_layer(ctypes.addressof(prepared.layer), ctypes.addressof(work), *part.rows, *part.blocks)
        return work.low, work.high

    def run_graded(self, prepared: _Prepared, job: Job, part: Part, scratch: Scratch) -> None:
        """Add the input from graded values to the constant input."""
        work, _sources = self._job(prepared, job, scratch)
        self._library.run_graded(ctypes.addressof(prepared.layer), ctypes.addressof(work), *part.rows, *part.blocks)

    def row_spikes(self, bits: Array) -> Array:
        """Return the number of spikes of every row."""
        counts = np.empty(len(bits), np.int64)
        self._library.count_rows(_address(bits), len(bits), bits.shape[1] * bits.shape[2], _address(counts))
        return counts

    def list_events(self, bits: Array, shape: Shape, view: tuple[int, int], row_base: Array, events: Array, starts: Array) -> None:
        """List the events of a range of channels."""
        rows, steps, words = bits.shape
        numbers = (words, steps, shape[1], shape[2], *view, 0, rows)
        self._library.list_events(_address(bits), *numbers, *map(_address, (row_base, events, starts)))

    def list_values(self, values: Array, view: tuple[int, int], events: Array, carried: Array, starts: Array) -> None:
        """List the nonzero values of graded maps."""
        images, height, width, channels = values.shape
        numbers = (images * height, width, channels, *view)
        self._library.list_values(_address(values), *numbers, *map(_address, (events, carried, starts)))

    def spread(self, bits: Array, shape: Shape, by_neuron: bool, out: Array) -> None:
        """Write bits as bytes."""
        rows, steps, words = bits.shape
        self._library.spread(_address(bits), words, steps, rows, shape[0], shape[1] * shape[2], int(by_neuron), _address(out))


def _source(s: SpikeSource) -> _CSource:
    height, width, channels = s.shape
    words = -(-width * channels // 64)
    return _CSource(height, width, words, height * width * channels, *map(_address, (s.events, s.starts, s.values, s.bits, s.trains)))
