"""Compiled kernels of the fast back end: add the weight rows of events, integrate, fire, emit events.

Events of one (step, row) lie together in the order of x*C + c, so that the taps of a kernel row are one range of events, and an event's
weight row is its number minus that of the window's start. All sums are int32: the range audit keeps them within 24 bits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

from ecc_lava.arrays import Array

__all__ = ["add_constant", "add_events", "add_grouped_events", "integrate", "select_events", "write_raster"]

_log = logging.getLogger(__name__)

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compiled(function: _Function) -> _Function:
    """Compile without the GIL, cached on disk where a cache can be written."""
    try:
        return cast(_Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:
        _log.warning("numba finds no folder to cache kernels in (set NUMBA_CACHE_DIR); compiling for this process only")
        return cast(_Function, numba.njit(nogil=True)(function))


@_compiled
def add_events(current: Array, events: Array, starts: Array, weights: Array, layout: Array, channels: int, shift: int, gain: Array) -> None:
    """Add ungrouped synapses of spikes.

    Parameters
    ----------
    current : int32 (H', W', T, C')
        Added to.
    events : int32 (number,)
        x*C + c of every spike, by (t, y), then x, then c.
    starts : int32 (T, H, W + 1)
        First event of each position; the last entry of a row ends it.
    weights : int8 (kh, segments * taps * C, C')
    layout : int64 (8,)
        stride y, stride x, top, left, dilation y, dilation x, segments, taps per segment: a kernel row is read as `segments` runs of
        `taps` neighbouring positions (one run unless dilated).
    channels : C of the source
    shift : left shift of the sum
    gain : int32 (H', W') or (0, 0)
    """
    stride_y, stride_x, top, left, dilation_y, dilation_x, segments, taps = layout
    steps, height, width = starts.shape[0], starts.shape[1], starts.shape[2] - 1
    out_h, out_w, _, out_c = current.shape
    kernel_h = weights.shape[0]
    total = np.empty(out_c, np.int32)
    for oy in range(out_h):
        for ox in range(out_w):
            factor = np.int32(1 << shift)
            if gain.size:
                factor *= gain[oy, ox]
            for t in range(steps):
                total[:] = 0
                for a in range(kernel_h):
                    y = oy * stride_y + a * dilation_y - top
                    if y < 0 or y >= height:
                        continue
                    for s in range(segments):
                        x = ox * stride_x + s * dilation_x - left
                        first = starts[t, y, min(max(x, 0), width)]
                        last = starts[t, y, max(min(x + taps, width), 0)]
                        base = (x - s * taps) * channels
                        for e in range(first, last):
                            row = weights[a, events[e] - base]
                            for o in range(out_c):
                                total[o] += row[o]
                sums = current[oy, ox, t]
                for o in range(out_c):
                    sums[o] += total[o] * factor


@_compiled
def add_grouped_events(
    current: Array, events: Array, starts: Array, weights: Array, layout: Array, channels: int, groups: int, shift: int, gain: Array
) -> None:
    """Add grouped synapses of spikes; parameters as for `add_events`, weights int8 (kh, segments * taps * C/groups, C')."""
    stride_y, stride_x, top, left, dilation_y, dilation_x, segments, taps = layout
    steps, height, width = starts.shape[0], starts.shape[1], starts.shape[2] - 1
    out_h, out_w, _, out_c = current.shape
    kernel_h = weights.shape[0]
    fan_in, fan_out = channels // groups, out_c // groups
    for oy in range(out_h):
        for ox in range(out_w):
            factor = np.int32(1 << shift)
            if gain.size:
                factor *= gain[oy, ox]
            for t in range(steps):
                sums = current[oy, ox, t]
                for a in range(kernel_h):
                    y = oy * stride_y + a * dilation_y - top
                    if y < 0 or y >= height:
                        continue
                    for s in range(segments):
                        x = ox * stride_x + s * dilation_x - left
                        first = starts[t, y, min(max(x, 0), width)]
                        last = starts[t, y, max(min(x + taps, width), 0)]
                        base = (x - s * taps) * channels
                        for e in range(first, last):
                            offset = events[e] - base
                            tap, c = offset // channels, offset % channels
                            group = c // fan_in
                            row = weights[a, tap * fan_in + c % fan_in]
                            for o in range(group * fan_out, (group + 1) * fan_out):
                                sums[o] += row[o] * factor


@_compiled
def add_constant(current: Array, summed: Array) -> None:
    """Add the same input, int32 (H', W', C'), at every step."""
    out_h, out_w, steps, out_c = current.shape
    for oy in range(out_h):
        for ox in range(out_w):
            for t in range(steps):
                for o in range(out_c):
                    current[oy, ox, t, o] += summed[oy, ox, o]


@_compiled
def select_events(events: Array, starts: Array, channels: int, first: int, stop: int, step_y: int, step_x: int) -> tuple[Array, Array]:
    """Return the events of channels `first` to `stop` on a map with ``step - 1`` empty rows and columns between those of the source.

    Parameters
    ----------
    events, starts : as for `add_events`
    channels : C of the source
    first, stop : channels kept; their number is the C of the result
    step_y, step_x : input dilation
    """
    steps, height, width = starts.shape[0], starts.shape[1], starts.shape[2] - 1
    kept = stop - first
    out_width = (width - 1) * step_x + 1
    chosen = np.empty(len(events), np.int32)
    offsets = np.zeros((steps, (height - 1) * step_y + 1, out_width + 1), np.int32)
    position = 0
    for t in range(steps):
        for y in range(height):
            row = offsets[t, y * step_y]
            row[0] = position
            for x in range(width):
                for e in range(starts[t, y, x], starts[t, y, x + 1]):
                    c = events[e] - x * channels
                    if first <= c < stop:
                        chosen[position] = x * step_x * kept + c - first
                        position += 1
                for gap in range(x * step_x + 1, min((x + 1) * step_x, out_width) + 1):
                    row[gap] = position
    return chosen[:position], offsets


@_compiled
def integrate(
    current: Array,
    bias: Array,
    vth: Array,
    v: Array,
    limit: int,
    spiking: bool,
    events: Array,
    starts: Array,
    counts: Array,
    over_time: Array,
) -> tuple[int, int]:
    """Run all steps of a population's neurons, as `ecc_lava.neuron.integrate_and_fire` has it.

    Parameters
    ----------
    current : int32 (H, W, T, C)
    bias, vth : int32 (H, W, C)
    v : int32 (H, W, C)
        v_init on entry, the potential after the last step on return.
    limit : potential rail
    spiking : whether neurons fire
    events, starts : written as `add_events` reads them; events has room for all
    counts : int64 (H, W, C), written
    over_time : int32 (T, H, W, C) or empty; potential after every step, written

    Returns
    -------
    (int, int)
        How often the low and the high rail were reached. (After a reset 0 <= v < limit, so only integration can.)
    """
    height, width, steps, channels = current.shape
    low = high = 0
    for y in range(height):
        for t in range(steps):
            starts[t, y, 0] = (t * height + y) * width * channels
        for x in range(width):
            for t in range(steps):
                position = starts[t, y, x]
                first = x * channels
                for c in range(channels):
                    potential = v[y, x, c] + current[y, x, t, c] + bias[y, x, c]
                    if potential > limit:
                        potential = limit
                        high += 1
                    elif potential < -limit:
                        potential = -limit
                        low += 1
                    if spiking and potential >= vth[y, x, c]:
                        potential -= vth[y, x, c]
                        events[position] = first + c
                        position += 1
                        counts[y, x, c] += 1
                    v[y, x, c] = potential
                    if over_time.size:
                        over_time[t, y, x, c] = potential
                starts[t, y, x + 1] = position
    return low, high


@_compiled
def write_raster(events: Array, starts: Array, raster: Array) -> None:
    """Set raster, uint8 (T, H, W*C), to 1 at every event."""
    steps, height, _ = starts.shape
    for t in range(steps):
        for y in range(height):
            for e in range(starts[t, y, 0], starts[t, y, starts.shape[2] - 1]):
                raster[t, y, events[e]] = 1
