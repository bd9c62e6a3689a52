"""Convolutions restricted to some of their channels, and without groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecc_lava.common import Array
from ecc_lava.geometry.types import Conv, written

__all__ = ["narrowed", "ungrouped"]


def narrowed(outer: Conv, inner: Conv, channels: int) -> tuple[Conv, Conv] | None:
    """Return both operators, restricted to the channels that `inner` writes and `outer` reads, or None if there are none.

    The results pass whole maps to each other: `inner` keeps what it reads, `outer` what it writes.
    """
    first, stop, _ = written(inner).indices(channels)
    reads = outer.reads or (0, channels)
    low, high = max(first, reads[0]), min(stop, reads[1])
    if low >= high:
        return None
    return _inputs(outer, low - reads[0], high - reads[0]), _outputs(inner, low - first, high - first)


def _inputs(conv: Conv, low: int, high: int) -> Conv:
    """Return a Conv on some of its input channels, which become all channels of its source."""
    per_input, per_output = conv.kernel.shape[2], conv.kernel.shape[3] // conv.groups
    if conv.groups == 1 or (low, high) == (0, per_input * conv.groups):
        return replace(conv, kernel=conv.kernel[:, :, low:high] if conv.groups == 1 else conv.kernel, reads=None)
    if low % per_input or high % per_input:
        return _inputs(replace(conv, kernel=ungrouped(conv), groups=1), low, high)
    offset, total = conv.writes or (0, conv.kernel.shape[3])
    kernel = conv.kernel[..., low // per_input * per_output : high // per_input * per_output]
    writes = (offset + low // per_input * per_output, total)
    return replace(conv, kernel=kernel, groups=(high - low) // per_input, reads=None, writes=writes)


def _outputs(conv: Conv, low: int, high: int) -> Conv:
    """Return a Conv of some of its output channels, which become all channels of its target."""
    per_input, per_output = conv.kernel.shape[2], conv.kernel.shape[3] // conv.groups
    if conv.groups == 1 or (low, high) == (0, per_output * conv.groups):
        return replace(conv, kernel=conv.kernel[..., low:high], writes=None)
    if low % per_output or high % per_output:
        return _outputs(replace(conv, kernel=ungrouped(conv), groups=1), low, high)
    first = (conv.reads or (0, 0))[0]
    reads = (first + low // per_output * per_input, first + high // per_output * per_input)
    return replace(conv, kernel=conv.kernel[..., low:high], groups=(high - low) // per_output, reads=reads, writes=None)


def ungrouped(conv: Conv) -> Array:
    """Return the kernel (kh, kw, Cin, Cout) of a grouped convolution, with zeros between groups."""
    kh, kw, per_group, out = conv.kernel.shape
    full = np.zeros((kh, kw, per_group * conv.groups, out), conv.kernel.dtype)
    step = out // conv.groups
    for g in range(conv.groups):
        full[:, :, g * per_group : (g + 1) * per_group, g * step : (g + 1) * step] = conv.kernel[..., g * step : (g + 1) * step]
    return full
