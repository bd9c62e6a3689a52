"""Calls the kernels in C through ctypes, which releases Python's lock."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ecc_lava.backends.fast.jobs import SPARE, Beyond, Job, Lists, Outcome, Part, Scratch, SpikeSource
from ecc_lava.backends.fast.kernels.layout import aligned, for_windows, interleaved, signs
from ecc_lava.backends.fast.plan import LANES, KernelPiece, LayerPlan, PieceKind
from ecc_lava.common import BINARY, Array, Shape
from ecc_lava.networks import Kind

__all__ = ["NUMBERS", "SIGNATURES", "NativeKernels"]

_KINDS = {Kind.IF: 0, Kind.STEP: 1, Kind.READOUT: 2, Kind.DELTA: 3}

_POINTER, _NUMBER = ctypes.c_void_p, ctypes.c_int64

SIGNATURES: dict[str, list[Any]] = {
    "run_layer": [_POINTER, _POINTER, *[_NUMBER] * 4],
    "run_graded": [_POINTER, _POINTER, *[_NUMBER] * 4],
    "run_valued": [_POINTER, _POINTER, *[_NUMBER] * 4],
    "most_spikes": [_POINTER, _NUMBER, _NUMBER],
    "list_values": [_POINTER, *[_NUMBER] * 5, _POINTER, _POINTER, _POINTER],
    "spread": [_POINTER, *[_NUMBER] * 6, _POINTER],
}
"""Functions of the library, with their arguments."""

NUMBERS = ("dense_from", "signs_from", "lanes_together")
"""Functions that say what suits the processor."""

_SIGNS = max(PieceKind) + 1
"""Kind of pieces of events whose weights are kept as signs."""


def _fields(integers: str, pointers: str) -> list[tuple[str, Any]]:
    return [*((name, ctypes.c_int64) for name in integers.split()), *((name, ctypes.c_void_p) for name in pointers.split())]


class _CSource(ctypes.Structure):
    _fields_ = _fields("height width words neurons channels first silent kept span entries", "events starts rows values plane bits trains")


class _CPiece(ctypes.Structure):
    _fields_ = _fields(
        "kind source offset blocks row_shift channels first shift weight_bytes taps words",
        "weights dense tap_rows tap_columns row_starts rows column_starts columns gain sparse_starts sparse_sources scales",
    )


class _CBlock(ctypes.Structure):
    _fields_ = _fields("lane lanes spiking graded", "pieces")


class _CLayer(ctypes.Structure):
    _fields_ = _fields(
        "kind height width channels lanes words limit vth_stride v_init_stride largest least checked theta",
        "blocks vth v_init vth_bits sent_init",
    )


class _CJob(ctypes.Structure):
    _fields_ = _fields(
        "steps constant_stride low high constant_per_image positive negative beyond image step neuron value counts_bytes sent_bytes",
        "sources constant bits plane negative_plane counts potential sent over_time current events values runs addresses zeros",
    )


def _address(array: Array | None) -> int | None:
    return None if array is None else array.__array_interface__["data"][0]


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A layer as C reads it, the rows of each source that lie under a window at most, and the arrays behind the pointers."""

    layer: _CLayer
    lanes_stride: int
    positions: int
    spans: tuple[int, ...]
    kept: tuple[Any, ...]


class _Suits(NamedTuple):
    """What suits the processor: lanes of a part of a row, whether dense windows pay, and the least share of spikes from which signs do."""

    together: int
    windows: bool
    signs_from: float


def _piece(piece: KernelPiece, source: int, suits: _Suits, kept: list[Any]) -> _CPiece:
    weights, taps = piece.weights, 0
    windows: tuple[Array | None, ...] = (None, None, None)
    row_shift, words, kind, scales = 0, 0, int(piece.kind), None
    blocks = 0 if piece.kind is PieceKind.SPARSE else weights.shape[1] // LANES
    if suits.windows and piece.valued and piece.kind is PieceKind.EVENTS:
        taps, per_tap = len(weights[1:]) // piece.channels, np.array([1, 1, piece.channels], np.int32)
        tap_rows, tap_columns = piece.rows.entries // per_tap[1:], piece.columns.entries // per_tap
        windows = (for_windows(weights[1:], piece.channels), tap_rows, tap_columns)
    match piece.kind:
        case PieceKind.EVENTS if not piece.valued and piece.activity >= suits.signs_from and (found := signs(weights[1:], suits.together)):
            kind, (weights, scales), words = _SIGNS, found, -(-len(weights[1:]) // 64)
        case PieceKind.EVENTS:
            row_shift = weights.shape[1].bit_length() - 1
            weights = interleaved(weights, suits.together)
        case PieceKind.MASKED:
            weights = aligned(weights)
    tables = (piece.rows.starts, piece.rows.entries, piece.columns.starts, piece.columns.entries)
    sparse = (None, None) if piece.sparse is None else (piece.sparse.starts, piece.sparse.sources)
    kept += [weights, *windows, *tables, *sparse, piece.gain, scales]
    return _CPiece(
        *(kind, source, piece.offset, blocks, row_shift, piece.channels, piece.first, piece.shift, weights.nbytes, taps, words),
        *map(_address, (weights, *windows, *tables, piece.gain, *sparse, scales)),
    )


class NativeKernels:
    """The kernels of a compiled library."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        for name, arguments in SIGNATURES.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, None
        for name in ("most_spikes", *NUMBERS):
            getattr(library, name).restype = _NUMBER
        self.dense_from, self.signs_from = library.dense_from() / 1000, library.signs_from() / 1000
        self._together = library.lanes_together()

    def prepare(self, layer: LayerPlan) -> _Prepared:
        """Return the layer as structures of C."""
        kept: list[Any] = []
        blocks = []
        suits = _Suits(self._together, self.dense_from <= 1, np.inf if layer.valued else self.signs_from)
        for block in layer.blocks:
            both = (*block.spiking, *block.graded)
            pieces = [_piece(p, layer.sources.index(p.source), suits, kept) for p in both]
            array = (_CPiece * max(len(pieces), 1))(*pieces)
            kept.append(array)
            blocks.append(_CBlock(block.lane, block.lanes, len(block.spiking), len(block.graded), ctypes.addressof(array)))
        all_blocks = (_CBlock * len(blocks))(*blocks)
        kept += [all_blocks, layer.vth, layer.v_init, layer.vth_bits]
        strides = (layer.lanes if len(values) > 1 else 0 for values in (layer.vth, layer.v_init))
        height, width, channels = layer.population.shape
        words = -(-width * channels // 64)
        head = (_KINDS[layer.population.kind], height, layer.width, layer.channels, layer.lanes, words, layer.limit)
        payload = layer.population.payload
        sends = (0, 0) if payload == BINARY else (payload.largest, payload.least)
        pointers = (ctypes.addressof(all_blocks), *map(_address, (layer.vth, layer.v_init, layer.vth_bits)))
        return _Prepared(
            _CLayer(*head, *strides, *sends, layer.is_checked, layer.population.theta, *pointers, None),
            layer.lanes,
            layer.positions,
            _spans(layer),
            tuple(kept),
        )

    def starting(self, prepared: _Prepared, v_init: Array, sent_init: Array) -> _Prepared:
        """Return the layer with other potentials and sums of what was sent before the first step."""
        layer = _CLayer.from_buffer_copy(prepared.layer)
        layer.v_init, layer.sent_init = _address(v_init), _address(sent_init)
        layer.v_init_stride = v_init.shape[1] if len(v_init) > 1 else 0
        return replace(prepared, layer=layer, kept=(*prepared.kept, v_init, sent_init))

    def _job(self, prepared: _Prepared, job: Job, scratch: Scratch) -> tuple[_CJob, Any]:
        sources = (_CSource * max(len(job.sources), 1))(*_sources(job, prepared.spans, scratch.lists))
        stride = prepared.lanes_stride if len(job.constant) > 1 else 0
        widths = (job.counts.itemsize, 0 if job.sent is None else job.sent.itemsize)
        numbers = (job.steps, stride, 0, 0, len(job.constant) > prepared.positions, *[0] * 7, *widths)
        planes = (*job.planes, None, None)[:2]
        potential = job.potential if job.potential.size else None
        results = (job.constant, job.bits, *planes, job.counts, potential, job.sent, job.over_time)
        own = (scratch.current, scratch.events, scratch.values, scratch.runs, scratch.addresses, scratch.zeros)
        return _CJob(*numbers, ctypes.addressof(sources), *map(_address, (*results, *own))), sources

    def run(self, prepared: _Prepared, job: Job, part: Part, scratch: Scratch) -> tuple[int, int]:
        """Run all steps of a part of a population."""
        work, _sources = self._job(prepared, job, scratch)
        self._library.run_layer(ctypes.addressof(prepared.layer), ctypes.addressof(work), *part.rows, *part.blocks)
        return work.low, work.high

    def run_valued(self, prepared: _Prepared, job: Job, part: Part, scratch: Scratch) -> Outcome:
        """Run all steps of a part of a population that reads or sends payloads."""
        work, _sources = self._job(prepared, job, scratch)
        self._library.run_valued(ctypes.addressof(prepared.layer), ctypes.addressof(work), *part.rows, *part.blocks)
        beyond = Beyond(work.image, work.step, work.neuron, work.value) if work.beyond else None
        return Outcome(work.low, work.high, work.positive, work.negative, beyond)

    def run_graded(self, prepared: _Prepared, job: Job, part: Part, scratch: Scratch) -> None:
        """Add the input from graded values to the constant input."""
        work, _sources = self._job(prepared, job, scratch)
        self._library.run_graded(ctypes.addressof(prepared.layer), ctypes.addressof(work), *part.rows, *part.blocks)

    def most_spikes(self, bits: Array) -> int:
        """Return the most spikes that a row has."""
        return int(self._library.most_spikes(_address(bits), len(bits), bits.shape[1] * bits.shape[2]))

    def list_values(self, values: Array, view: tuple[int, int], events: Array, carried: Array, starts: Array) -> None:
        """List the nonzero values of graded maps."""
        images, height, width, channels = values.shape
        numbers = (images * height, width, channels, *view)
        self._library.list_values(_address(values), *numbers, *map(_address, (events, carried, starts)))

    def spread(self, bits: Array, shape: Shape, by_neuron: bool, out: Array) -> None:
        """Write bits as bytes."""
        rows, steps, words = bits.shape
        self._library.spread(_address(bits), words, steps, rows, shape[0], shape[1] * shape[2], int(by_neuron), _address(out))


def _spans(layer: LayerPlan) -> tuple[int, ...]:
    """Return how many neighbouring rows of each source lie under a window at most."""
    spans = [1] * len(layer.sources)
    for y in range(layer.population.shape[0]):
        under: dict[int, list[int]] = {}
        for piece in (piece for block in layer.blocks for piece in block.spiking if piece.kind is PieceKind.EVENTS):
            read = piece.rows.entries[piece.rows.starts[y] : piece.rows.starts[y + 1], 0]
            under.setdefault(layer.sources.index(piece.source), []).extend(read.tolist())
        for index, rows in under.items():
            spans[index] = max(spans[index], max(rows, default=0) - min(rows, default=0) + 1)
    return tuple(spans)


def _sources(job: Job, spans: tuple[int, ...], lists: Lists) -> list[_CSource]:
    """Return what the pieces read, with room for lists of spikes."""
    made = [_source(s) for s in job.sources]
    listed = [(c, s, span) for c, s, span in zip(made, job.sources, spans, strict=True) if s.kept]
    if not listed:
        return made
    sizes = np.array([(0, 0, 0), *((span * (s.most + SPARE), span * job.steps * (s.shape[1] + 1), span) for _, s, span in listed)])
    ends = np.cumsum(sizes, axis=0)
    lists.hold(*(int(end) for end in ends[-1]))
    for (c, s, span), (event, start, row) in zip(listed, ends, strict=False):
        c.kept, c.span, c.entries = s.kept, span, s.most + SPARE
        c.events, c.starts, c.rows = _address(lists.events[event:]), _address(lists.starts[start:]), _address(lists.rows[row:])
    return made


def _source(s: SpikeSource) -> _CSource:
    height, width, channels = s.shape
    words = -(-width * channels // 64)
    numbers = (height, width, words, height * width * channels, channels, s.first, s.is_silent)
    return _CSource(*numbers, 0, 0, 0, *map(_address, (s.events, s.starts, None, s.values, s.plane, s.bits, s.trains)))
