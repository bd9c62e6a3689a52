"""Cuts one projection into pieces as the fast back end's kernels read them.

If the target has few channels, neighbouring positions are merged into one position of more lanes. The merged window is a little wider and
has zero weights where a position does not read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from ecc_lava.backends.fast.plan import BLOCK_SIZES, LANES, TYPICAL_ACTIVITY, KernelPiece, PieceKind, View, rounded
from ecc_lava.backends.fast.tables import NO_TABLE, SynapseTable
from ecc_lava.common import Array, Shape
from ecc_lava.errors import RangeError
from ecc_lava.geometry import Conv, Dense, Geometry, Sparse

__all__ = ["TapSynapses", "cut_synapses", "may_merge", "merged_synapses", "numbered_synapses", "simplified"]

_MOST_ROWS = 2**16 - 1
"""Rows of weights of a piece, beside one of zeros: kernels number them in 16 bits."""


@dataclass(frozen=True, eq=False)
class TapSynapses:
    """One projection as a Conv or a Sparse, before it is cut into pieces.

    Attributes
    ----------
    source : str
    shape : (H, W, C) of the source
    geometry : Conv or Sparse
    shift : int
    graded : bool
        Whether the source is an input that sends the same graded values at every step.
    payload : bool
        Whether the source sends payloads.
    activity : float
        About which share of the source's neurons spikes at a step.
    negative : bool
        Whether the synapses read what signed payloads take back; their weights are then negated.
    """

    source: str
    shape: Shape
    geometry: Conv | Sparse
    shift: int
    graded: bool
    payload: bool = False
    activity: float = TYPICAL_ACTIVITY
    negative: bool = False

    @property
    def conv(self) -> Conv:
        """The geometry, which must be a Conv."""
        assert isinstance(self.geometry, Conv)
        return self.geometry

    @property
    def reads(self) -> tuple[int, int]:
        """The range of the source's channels that the projection reads."""
        return self.conv.reads or (0, self.shape[2])

    def negated(self) -> TapSynapses:
        """Return the synapses that read what signed payloads take back."""
        return replace(self, geometry=replace(self.geometry, kernel=-self.geometry.kernel), negative=True)

    @property
    def rows_of_weights(self) -> bool:
        """Whether events of spikes without values add rows of weights."""
        return isinstance(self.geometry, Conv) and not (self.masked or self.graded or self.payload)

    @property
    def masked(self) -> bool:
        """Whether every channel reads the spikes of its own channel alone."""
        return not self.graded and isinstance(self.geometry, Conv) and _depthwise(self.geometry)


def _depthwise(conv: Conv) -> bool:
    return conv.kernel.shape[2] == 1 and conv.groups == conv.kernel.shape[3] > 1


def simplified(geometry: Geometry, shape: Shape, graded: bool) -> Conv | Sparse:
    """Return a Dense as a Conv, and a Conv of few grouped channels as an ungrouped one."""
    match geometry:
        case Dense(kernel=kernel):  # the kernel is as large as the map, and both have the order of flatten
            return Conv(kernel.reshape(*shape, -1))
        case Conv():
            few = geometry.groups > 1 and geometry.kernel.shape[3] <= LANES and (graded or not _depthwise(geometry))
            return replace(geometry, kernel=_group_weights(geometry, 0, geometry.kernel.shape[3])[0], groups=1) if few else geometry
        case Sparse():
            return geometry


def _group_weights(conv: Conv, start: int, stop: int) -> tuple[Array, int, int]:
    """Return the ungrouped weights of output channels start..stop, and the range of channels that their groups read."""
    kernel = conv.kernel
    fan_in, fan_out = kernel.shape[2], kernel.shape[3] // conv.groups
    first, last = start // fan_out, (stop - 1) // fan_out + 1
    if conv.groups == 1:
        return kernel[..., start:stop], 0, fan_in
    weights = np.zeros((*kernel.shape[:2], (last - first) * fan_in, stop - start), kernel.dtype)
    for group in range(first, last):
        low, high = max(start, group * fan_out), min(stop, (group + 1) * fan_out)
        weights[:, :, (group - first) * fan_in : (group - first + 1) * fan_in, low - start : high - start] = kernel[..., low:high]
    return weights, first * fan_in, last * fan_in


def may_merge(s: TapSynapses, channels: int) -> bool:
    """Whether neighbouring positions of the target may be merged."""
    if isinstance(s.geometry, Sparse):
        return True  # a synapse has flat indices, which merging keeps
    conv = s.conv
    if conv.gain is not None or conv.dilation[1] != 1 or conv.input_dilation[1] != 1:
        return False
    if s.masked:
        return conv.padding[2:] == (0, 0) and conv.reads is None and conv.writes is None and channels == s.shape[2]
    return conv.groups == 1


def merged_synapses(conv: Conv, number: int, total: int) -> Conv:
    """Return the convolution onto `number` neighbouring positions at once, as channels (position, channel) of a narrower map."""
    height, width, fan_in, out = conv.kernel.shape
    stride, first = conv.strides[1], conv.writes[0] if conv.writes else 0
    if conv.groups > 1:  # masked: from a column on, the bits of further positions follow each other
        masked = np.zeros((height, width + (stride - 1) * (number - 1), 1, number, out), np.int8)
        for i in range(number):
            masked[:, i * (stride - 1) : i * (stride - 1) + width, :, i] = conv.kernel
        masked = masked.reshape(*masked.shape[:3], number * out)
        return replace(conv, kernel=masked, groups=conv.groups * number, strides=(conv.strides[0], stride * number))
    kernel = np.zeros((height, width + (number - 1) * stride, fan_in, number, total), np.int8)
    for i in range(number):
        kernel[:, i * stride : i * stride + width, :, i, first : first + out] = conv.kernel
    kernel = kernel.reshape(*kernel.shape[:3], number * total)
    return replace(conv, kernel=kernel, strides=(conv.strides[0], stride * number), writes=None)


def numbered_synapses(s: TapSynapses) -> list[TapSynapses]:
    """Return synapses in parts of the kernel so small that every piece's rows of weights have numbers.

    Raises
    ------
    RangeError
        If the channels of one group are too many.
    """
    if isinstance(s.geometry, Sparse) or s.masked:
        return [s]
    conv = s.conv
    sizes = conv.kernel.shape[:3] if conv.groups == 1 else conv.kernel.shape[:2]
    groups = min(conv.groups, BLOCK_SIZES[0] * conv.groups // conv.kernel.shape[3] + 2)  # that a block reads
    if prod(conv.kernel.shape[:3]) * groups <= _MOST_ROWS:
        return [s]
    axis = max(range(len(sizes)), key=lambda axis: sizes[axis])
    if sizes[axis] == 1:
        raise RangeError(
            f"{conv.kernel.shape[2]} channels of each group from population {s.source!r}; the fast back end holds {_MOST_ROWS // groups}. "
            "Use the back end 'golden'"
        )
    half, parts = sizes[axis] // 2, []
    for first, stop in ((0, half), (half, sizes[axis])):
        kernel = conv.kernel[(slice(None),) * axis + (slice(first, stop),)]
        if axis == 2:
            part = replace(conv, kernel=kernel, reads=(s.reads[0] + first, s.reads[0] + stop))
        else:
            padding, step = list(conv.padding), conv.dilation[axis]
            padding[2 * axis] -= first * step
            padding[2 * axis + 1] -= (sizes[axis] - stop) * step
            part = replace(conv, kernel=kernel, padding=(padding[0], padding[1], padding[2], padding[3]))
        parts += numbered_synapses(replace(s, geometry=part))
    return parts


def _rows(conv: Conv, height: int, out: int, row_of_tap: int) -> SynapseTable:
    """Return the source rows under every target row, and the first weight row of each kernel row."""
    lists = []
    for o in range(out):
        at = [(o * conv.strides[0] + a * conv.dilation[0] - conv.padding[0], a) for a in range(conv.kernel.shape[0])]
        step = conv.input_dilation[0]
        lists.append([(y // step, a * row_of_tap) for y, a in at if y % step == 0 and 0 <= y // step < height])
    return SynapseTable.of(lists, 2)


def _columns(conv: Conv, width: int, out: int, channels: int) -> SynapseTable:
    """Return the runs of source columns under every target column; the weights of a run follow each other."""
    step, lists = conv.input_dilation[1], []
    for o in range(out):
        runs: list[tuple[int, ...]] = []
        for b in range(conv.kernel.shape[1]):
            at = o * conv.strides[1] + b * conv.dilation[1] - conv.padding[2]
            if at % step or not 0 <= at // step < width:
                continue
            x = at // step
            base = (b - x) * channels
            if runs and runs[-1][1] == x and runs[-1][2] == base:
                runs[-1] = (runs[-1][0], x + 1, base)
            else:
                runs.append((x, x + 1, base))
        lists.append(runs)
    return SynapseTable.of(lists, 3)


def cut_synapses(s: TapSynapses, block: int, lanes: int, out: tuple[int, int]) -> KernelPiece | None:
    """Return the synapses onto lanes block..block + lanes of a map of `out` (rows, columns), or None without any."""
    valued = s.graded or s.payload
    if isinstance(s.geometry, Sparse):
        view = View(s.source, 0, s.shape[2], s.negative)
        return KernelPiece(
            PieceKind.SPARSE, view, 0, s.geometry.kernel, NO_TABLE, NO_TABLE, 0, 0, s.shift, None, valued, s.activity, s.geometry
        )
    conv = s.conv
    kernel_h, kernel_w, _, span = conv.kernel.shape
    written = conv.writes[0] if conv.writes else 0
    start, stop = max(block, written), min(block + lanes, written + span)
    if start >= stop:
        return None
    first = (start - block) // LANES * LANES
    width = rounded(stop - block) - first
    if width not in BLOCK_SIZES and not s.masked:  # masked lanes that no weight has would be read beyond the source's spare words
        first, width = 0, lanes
    into = slice(start - block - first, stop - block - first)
    gain = None if conv.gain is None else np.array(conv.gain, np.int32).ravel()
    read = s.reads[0]
    if s.masked:
        weights = np.zeros((kernel_h * kernel_w, width), np.int16)
        weights[:, into] = conv.kernel[:, :, 0, start - written : stop - written].reshape(kernel_h * kernel_w, -1)
        rows, columns = _rows(conv, s.shape[0], out[0], kernel_w), _columns(conv, s.shape[1], out[1], 1)
        bit = read + block + first - written
        view = View(s.source, 0, s.shape[2], s.negative)
        return KernelPiece(PieceKind.MASKED, view, first, weights, rows, columns, s.shape[2], bit, s.shift, gain, valued, s.activity)
    plain, low, high = _group_weights(conv, start - written, stop - written)
    weights = np.zeros((1 + prod(plain.shape[:3]), width), np.int8)
    weights[1:, into] = plain.reshape(-1, stop - start)
    rows, columns = _rows(conv, s.shape[0], out[0], kernel_w * (high - low)), _columns(conv, s.shape[1], out[1], high - low)
    view = View(s.source, read + low, read + high, s.negative)
    return KernelPiece(PieceKind.EVENTS, view, first, weights, rows, columns, high - low, 0, s.shift, gain, valued, s.activity)
