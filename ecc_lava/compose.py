"""Composition of linear operators: fold two geometries into one where that is exact.

Nothing is approximated here; `compose` returns None where no single geometry equals the pair.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecc_lava.arrays import Array, Shape
from ecc_lava.geometry import Conv, Dense, Geometry, apply, is_diagonal, is_placement, stretched, target_shape, with_kernel, written

__all__ = ["as_conv", "compose", "touches"]

BLOCK = 2**26
"""Numbers held at once while a Dense kernel is pulled back through a convolution."""


def compose(outer: Geometry, inner: Geometry, source: Shape) -> Geometry | None:
    """Return the geometry equal to ``outer(inner(x))`` for x of shape `source`, or None if there is none.

    Parameters
    ----------
    outer, inner : Geometry
        A Dense `outer` reads the inner map in flatten order.
    source : (H, W, C)
    """
    if isinstance(inner, Conv) and is_diagonal(inner):
        return _scale_inputs(outer, inner.kernel[0, 0, 0], source)
    if is_diagonal(outer) and isinstance(outer, Conv):
        return with_kernel(inner, inner.kernel * outer.kernel[0, 0, 0][written(inner)])
    if isinstance(outer, Conv) and isinstance(inner, Dense):
        inner = as_conv(inner, source)
    match outer, inner:
        case Dense(), Dense():
            return Dense(inner.kernel @ outer.kernel)
        case Dense(), Conv():
            return _pull_back(outer, inner, source)
        case Conv(), Conv():
            narrowed = _narrowed(outer, inner, target_shape(inner, source)[2])
            return None if narrowed is None else _compose_convs(*narrowed, source)
        case _:
            return None


def as_conv(dense: Dense, source: Shape) -> Conv:
    """Return the same operator as a kernel as large as the source's map."""
    return Conv(dense.kernel.reshape(*source, -1))


def touches(outer: Geometry, inner: Geometry, channels: int) -> bool:
    """Whether `outer` reads any channel that `inner` writes of a map of `channels`; if not, their composition is zero."""
    if isinstance(outer, Dense) or outer.reads is None:
        return True
    first, stop, _ = written(inner).indices(channels)
    return outer.reads[0] < stop and first < outer.reads[1]


def _narrowed(outer: Conv, inner: Conv, channels: int) -> tuple[Conv, Conv] | None:
    """Return both restricted to the channels between them that `inner` writes and `outer` reads, or None if there are none.

    The results pass whole maps to each other: `inner` keeps what it reads, `outer` what it writes.
    """
    first, stop, _ = written(inner).indices(channels)
    reads = outer.reads or (0, channels)
    low, high = max(first, reads[0]), min(stop, reads[1])
    if low >= high:
        return None
    return _inputs(outer, low - reads[0], high - reads[0]), _outputs(inner, low - first, high - first)


def _inputs(conv: Conv, low: int, high: int) -> Conv:
    """Return a Conv for some of its input channels, which are then all of its source's."""
    per_input, per_output = conv.kernel.shape[2], conv.kernel.shape[3] // conv.groups
    if conv.groups == 1 or (low, high) == (0, per_input * conv.groups):
        return replace(conv, kernel=conv.kernel[:, :, low:high] if conv.groups == 1 else conv.kernel, reads=None)
    if low % per_input or high % per_input:
        return _inputs(replace(conv, kernel=_ungrouped(conv), groups=1), low, high)
    offset, total = conv.writes or (0, conv.kernel.shape[3])
    kernel = conv.kernel[..., low // per_input * per_output : high // per_input * per_output]
    writes = (offset + low // per_input * per_output, total)
    return replace(conv, kernel=kernel, groups=(high - low) // per_input, reads=None, writes=writes)


def _outputs(conv: Conv, low: int, high: int) -> Conv:
    """Return a Conv for some of its output channels, which are then all of its target's."""
    per_input, per_output = conv.kernel.shape[2], conv.kernel.shape[3] // conv.groups
    if conv.groups == 1 or (low, high) == (0, per_output * conv.groups):
        return replace(conv, kernel=conv.kernel[..., low:high], writes=None)
    if low % per_output or high % per_output:
        return _outputs(replace(conv, kernel=_ungrouped(conv), groups=1), low, high)
    first = (conv.reads or (0, 0))[0]
    reads = (first + low // per_output * per_input, first + high // per_output * per_input)
    return replace(conv, kernel=conv.kernel[..., low:high], groups=(high - low) // per_output, reads=reads, writes=None)


def _scale_inputs(outer: Geometry, scale: Array, source: Shape) -> Geometry:
    """Multiply each weight by the scale of its input channel."""
    match outer:
        case Dense(kernel=kernel):
            return Dense(kernel * np.tile(scale, source[0] * source[1])[:, None])
        case Conv(kernel=kernel, groups=groups):
            per_input = scale[slice(*(outer.reads or (0, None)))].reshape(groups, kernel.shape[2])  # (group, input within it)
            per_weight = np.repeat(per_input, kernel.shape[3] // groups, axis=0).T  # (input, output)
            return with_kernel(outer, kernel * per_weight)


def _pull_back(outer: Dense, inner: Conv, source: Shape) -> Dense:
    """Return the Dense kernel over the source of `inner`: one row per source neuron, in blocks that fit memory."""
    neurons = int(np.prod(source))
    block = max(1, BLOCK // outer.kernel.shape[0])
    rows = []
    for start in range(0, neurons, block):
        basis = np.zeros((min(block, neurons - start), neurons))
        basis[np.arange(len(basis)), start + np.arange(len(basis))] = 1.0
        rows.append(apply(outer, apply(inner, basis.reshape(-1, *source)))[:, 0, 0])
    return Dense(np.concatenate(rows))


def _reads_only_zeros_outside(inner: Conv, axis: int, size: int, out: int) -> bool:
    """Whether `inner`, continued beyond its output map along `axis`, would read nothing but zeros there."""
    stride, dilation, kernel = inner.strides[axis], inner.dilation[axis], inner.kernel.shape[axis]
    before = inner.padding[2 * axis]
    last_read_before = -stride - before + (kernel - 1) * dilation
    first_read_after = out * stride - before
    return last_read_before < 0 and first_read_after >= size


def _ungrouped(conv: Conv) -> Array:
    """Return the kernel (kh, kw, Cin, Cout) of a grouped convolution, with zeros between groups."""
    kh, kw, per_group, out = conv.kernel.shape
    full = np.zeros((kh, kw, per_group * conv.groups, out), conv.kernel.dtype)
    step = out // conv.groups
    for g in range(conv.groups):
        full[:, :, g * per_group : (g + 1) * per_group, g * step : (g + 1) * step] = conv.kernel[..., g * step : (g + 1) * step]
    return full


def _compose_convs(outer: Conv, inner: Conv, source: Shape) -> Conv | None:
    if is_placement(outer):
        return replace(inner, kernel=inner.kernel * outer.kernel[0, 0, 0], writes=outer.writes)
    if is_placement(inner):
        scaled = _scale_inputs(replace(outer, reads=None), inner.kernel[0, 0, 0], source)
        assert isinstance(scaled, Conv), "scaling keeps the type"
        return replace(scaled, reads=inner.reads)
    if is_placement(replace(outer, gain=None)) and outer.gain is not None:
        gain = outer.gain if inner.gain is None else outer.gain * inner.gain
        return replace(inner, kernel=inner.kernel * outer.kernel[0, 0, 0], gain=gain, writes=outer.writes)
    if inner.gain is not None or outer.input_dilation != (1, 1):
        return None
    middle = target_shape(inner, source)
    final = target_shape(outer, middle)
    length = [stretched(source[axis], inner.input_dilation[axis]) for axis in (0, 1)]
    channels = inner.kernel.shape[2] * inner.groups
    for axis in (0, 1):
        padded = max(outer.padding[2 * axis], outer.padding[2 * axis + 1]) > 0
        if padded and not _reads_only_zeros_outside(inner, axis, length[axis], middle[axis]):
            return None
    strides = (outer.strides[0] * inner.strides[0], outer.strides[1] * inner.strides[1])
    size = [
        (outer.kernel.shape[a] - 1) * outer.dilation[a] * inner.strides[a] + (inner.kernel.shape[a] - 1) * inner.dilation[a] + 1
        for a in (0, 1)
    ]
    before = [inner.padding[2 * a] + inner.strides[a] * outer.padding[2 * a] for a in (0, 1)]
    after = [(final[a] - 1) * strides[a] + size[a] - length[a] - before[a] for a in (0, 1)]
    depthwise = inner.groups == outer.groups == channels == middle[2]
    outer_kernel = outer.kernel if depthwise else _ungrouped(outer)
    inner_kernel = inner.kernel if depthwise else _ungrouped(inner)
    kernel = np.zeros((size[0], size[1], 1 if depthwise else channels, outer.kernel.shape[3]), np.float64)
    for a, b in np.ndindex(outer.kernel.shape[:2]):
        for c, d in np.ndindex(inner.kernel.shape[:2]):
            y = a * outer.dilation[0] * inner.strides[0] + c * inner.dilation[0]
            x = b * outer.dilation[1] * inner.strides[1] + d * inner.dilation[1]
            if depthwise:
                multiplier = outer.kernel.shape[3] // outer.groups
                kernel[y, x] += np.repeat(inner_kernel[c, d], multiplier, axis=1) * outer_kernel[a, b]
            else:
                kernel[y, x] += inner_kernel[c, d] @ outer_kernel[a, b]
    padding = (before[0], after[0], before[1], after[1])
    groups = outer.groups if depthwise else 1
    return Conv(kernel, strides, padding, (1, 1), groups, outer.gain, inner.input_dilation, inner.reads, outer.writes)
