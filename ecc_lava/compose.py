"""Composition of linear operators: fold two geometries into one where that is exact.

Nothing is approximated here; `compose` returns None where no single geometry equals the pair.
"""

from __future__ import annotations

import numpy as np

from ecc_lava.arrays import Array, Shape
from ecc_lava.geometry import Conv, Dense, Geometry, apply, is_diagonal, target_shape, with_kernel

__all__ = ["compose"]

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
        return with_kernel(inner, inner.kernel * outer.kernel[0, 0, 0])
    match outer, inner:
        case Dense(), Dense():
            return Dense(inner.kernel @ outer.kernel)
        case Dense(), Conv():
            return _pull_back(outer, inner, source)
        case Conv(), Conv():
            return _compose_convs(outer, inner, source)
        case _:
            return None


def _scale_inputs(outer: Geometry, scale: Array, source: Shape) -> Geometry:
    """Multiply each weight by the scale of its input channel."""
    match outer:
        case Dense(kernel=kernel):
            return Dense(kernel * np.tile(scale, source[0] * source[1])[:, None])
        case Conv(kernel=kernel, groups=groups):
            per_input = scale.reshape(groups, kernel.shape[2])  # (group, input within it)
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
    if inner.gain is not None:
        return None
    middle = target_shape(inner, source)
    final = target_shape(outer, middle)
    for axis in (0, 1):
        padded = max(outer.padding[2 * axis], outer.padding[2 * axis + 1]) > 0
        if padded and not _reads_only_zeros_outside(inner, axis, source[axis], middle[axis]):
            return None
    strides = (outer.strides[0] * inner.strides[0], outer.strides[1] * inner.strides[1])
    size = [
        (outer.kernel.shape[a] - 1) * outer.dilation[a] * inner.strides[a] + (inner.kernel.shape[a] - 1) * inner.dilation[a] + 1
        for a in (0, 1)
    ]
    before = [inner.padding[2 * a] + inner.strides[a] * outer.padding[2 * a] for a in (0, 1)]
    after = [(final[a] - 1) * strides[a] + size[a] - source[a] - before[a] for a in (0, 1)]
    depthwise = inner.groups == outer.groups == source[2] == middle[2]
    outer_kernel = outer.kernel if depthwise else _ungrouped(outer)
    inner_kernel = inner.kernel if depthwise else _ungrouped(inner)
    kernel = np.zeros((size[0], size[1], 1 if depthwise else source[2], outer.kernel.shape[3]), np.float64)
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
    return Conv(kernel, strides, padding, groups=outer.groups if depthwise else 1, gain=outer.gain)
