"""Our linear operators as other tools have them: convolutions with symmetric padding and no groups, and tables of weights.

Other tools flatten maps as (C, H, W) and know padding that is the same on both sides, so a kernel gets rows and columns of zeros
where padding differs. Python's `nir` takes grouped convolutions for ones of fewer channels and kernels for square, and readers refuse
groups: kernels are written without groups, and square where zeros can make them so. No weight is changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Array, Shape
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Conv, Dense, Geometry, as_sparse, target_shape, written

__all__ = ["TABLE_MAX", "MapConv", "as_map_conv", "as_table", "channels_first", "narrowest"]

TABLE_MAX = 2**25
"""Most weights of a table of synapses that are neither a convolution nor dense."""


@dataclass(frozen=True, eq=False)
class MapConv:
    """A convolution as other tools have it.

    Attributes
    ----------
    weight : array (Cout, Cin, kh, kw)
    strides, padding : (vertical, horizontal)
        Padding lies on both sides.
    gain : array (H, W) or None
        Factor per output position, which follows the convolution.
    """

    weight: Array
    strides: tuple[int, int]
    padding: tuple[int, int]
    gain: Array | None


def channels_first(values: Array, shape: Shape) -> Array:
    """Return a parameter of a map, (1,1,1), (1,1,C) or (H,W,C), for every neuron as (C, H, W)."""
    return np.ascontiguousarray(np.broadcast_to(values, shape).transpose(2, 0, 1))


def narrowest(values: Array) -> Array:
    """Return floats of 32 bits where that changes no number, else of 64."""
    narrow = values.astype(np.float32)
    return narrow if (narrow == values).all() else values.astype(np.float64)


def as_map_conv(conv: Conv, source: Shape) -> MapConv | None:
    """Return a convolution as other tools have it, or None for one that spreads its input."""
    if conv.input_dilation != (1, 1):
        return None
    kernel = _undilated(_all_channels(conv, source), conv.dilation)
    total = [kernel.shape[axis] - conv.padding[2 * axis] - conv.padding[2 * axis + 1] for axis in (0, 1)]
    least = [max(conv.padding[2 * axis], conv.padding[2 * axis + 1], 0) for axis in (0, 1)]
    apart = (total[0] + 2 * least[0]) - (total[1] + 2 * least[1])
    if apart % 2 == 0:  # more padding and as many more zeros make the kernel square
        least[apart > 0] += abs(apart) // 2
    zeros = [(least[axis] - conv.padding[2 * axis], least[axis] - conv.padding[2 * axis + 1]) for axis in (0, 1)]
    weight = np.pad(kernel, (*zeros, (0, 0), (0, 0))).transpose(3, 2, 0, 1)
    return MapConv(np.ascontiguousarray(weight), conv.strides, (least[0], least[1]), conv.gain)


def _all_channels(conv: Conv, source: Shape) -> Array:
    """Return the kernel (kh, kw, Cin, Cout) over all channels of the source and the target, with zeros for what it leaves out."""
    kh, kw, per_input, outputs = conv.kernel.shape
    channels = target_shape(conv, source)[2]
    if conv.groups == 1 and per_input == source[2] and outputs == channels:
        return conv.kernel
    per_output, first = outputs // conv.groups, (conv.reads or (0, 0))[0]
    full = np.zeros((kh, kw, source[2], channels), conv.kernel.dtype)
    onto = np.arange(channels)[written(conv)]
    for g in range(conv.groups):
        reads = slice(first + g * per_input, first + (g + 1) * per_input)
        of_group = slice(g * per_output, (g + 1) * per_output)
        full[:, :, reads, onto[of_group][0] : onto[of_group][-1] + 1] = conv.kernel[..., of_group]
    return full


def _undilated(kernel: Array, dilation: tuple[int, int]) -> Array:
    """Return the kernel with the zeros that its dilation stands for."""
    if dilation == (1, 1):
        return kernel
    kh, kw = (step * (size - 1) + 1 for step, size in zip(dilation, kernel.shape[:2], strict=True))
    spread = np.zeros((kh, kw, *kernel.shape[2:]), kernel.dtype)
    spread[:: dilation[0], :: dilation[1]] = kernel
    return spread


def as_table(geometry: Geometry, source: Shape, arrow: str) -> Array:
    """Return all weights from a map to another, (targets, sources), both in the order (C, H, W).

    Raises
    ------
    InvalidInput
        If a table of single synapses is too large; `arrow` names the projection.
    """
    target = target_shape(geometry, source)
    order = np.arange(np.prod(source)).reshape(source).transpose(2, 0, 1).ravel()
    if isinstance(geometry, Dense):
        return np.ascontiguousarray(geometry.kernel[order].T)
    size = int(np.prod(source)) * int(np.prod(target))
    if size > TABLE_MAX:
        raise InvalidInput(
            f"the projection {arrow} has neither a kernel nor is it dense, and the file holds it as a table of {size} weights; at most "
            f"{TABLE_MAX} are written. Use a smaller input, or layers without transposed convolution, permuted axes or uneven pools"
        )
    synapses = as_sparse(geometry, source)
    table = np.zeros((np.prod(target), np.prod(source)), synapses.kernel.dtype)
    table[np.repeat(np.arange(len(table)), np.diff(synapses.starts)), synapses.sources] = synapses.kernel
    rows = np.arange(len(table)).reshape(target).transpose(2, 0, 1).ravel()
    return np.ascontiguousarray(table[rows][:, order])
