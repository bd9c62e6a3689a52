"""The closed set of operators, and the shape of the map that each makes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TypeAlias

import numpy as np

from ecc_lava.common import Array, Shape, read_only
from ecc_lava.errors import InvalidNetwork

__all__ = [
    "Conv",
    "Dense",
    "Geometry",
    "Sparse",
    "diagonal",
    "is_diagonal",
    "is_placement",
    "stretched",
    "target_shape",
    "with_kernel",
    "written",
]


@dataclass(frozen=True, eq=False)
class Conv:
    """Two-dimensional cross-correlation, as Keras computes it.

    ``y[i, j, o] = gain[i, j] * sum_{a, b, c} kernel[a, b, c, o] * x[i*sy + a*dy - top, j*sx + b*dx - left, g(o)*I + c]``

    with I = Cin/groups input channels per group, g(o) the group of output channel o, and x zero outside its map. x is the source's map
    or a range of its channels, with ``input_dilation - 1`` zeros between its rows and columns; y may be a range of the target's channels,
    the others being zero.

    Attributes
    ----------
    kernel : array (kh, kw, Cin/groups, Cout)
        Depthwise convolution is groups = Cin with kernel (kh, kw, 1, Cin*multiplier).
    strides, dilation : (vertical, horizontal)
    padding : (top, bottom, left, right)
        Zeros added on each side; negative values crop.
    groups : int
    gain : array (H, W) of the output map, or None
        Factor per output position (Keras averages a `same` pool over its valid pixels only).
    input_dilation : (vertical, horizontal)
        Above 1 for transposed convolution and nearest upsampling; padding counts after it.
    reads : (first, stop) or None
        Range of the source's channels; all by default.
    writes : (first, total) or None
        First of the target's channels and their number; all by default.
    """

    kernel: Array
    strides: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    gain: Array | None = None
    input_dilation: tuple[int, int] = (1, 1)
    reads: tuple[int, int] | None = None
    writes: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", read_only(self.kernel))
        if self.gain is not None:
            object.__setattr__(self, "gain", read_only(self.gain))
        if self.kernel.ndim != 4 or 0 in self.kernel.shape:
            raise InvalidNetwork(f"a Conv kernel has four non-empty axes (kh, kw, Cin/groups, Cout), got shape {self.kernel.shape}")
        if min(*self.strides, *self.dilation, *self.input_dilation, self.groups) < 1:
            raise InvalidNetwork(
                f"strides {self.strides}, dilation {self.dilation}, input dilation {self.input_dilation} and groups {self.groups} "
                "must be at least 1"
            )
        if self.kernel.shape[3] % self.groups:
            raise InvalidNetwork(f"{self.kernel.shape[3]} output channels do not divide into {self.groups} groups")


@dataclass(frozen=True, eq=False)
class Dense:
    """Every source neuron to every target neuron: ``y[o] = sum_i kernel[i, o] * x.ravel()[i]`` (Keras's flatten order).

    Attributes
    ----------
    kernel : array (H*W*C of the source, K)
        The target map is (1, 1, K).
    """

    kernel: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", read_only(self.kernel))
        if self.kernel.ndim != 2 or 0 in self.kernel.shape:
            raise InvalidNetwork(f"a Dense kernel has two non-empty axes (inputs, outputs), got shape {self.kernel.shape}")


@dataclass(frozen=True, eq=False)
class Sparse:
    """Synapses given one by one, for what is neither a convolution nor dense: ``y.ravel()[o] = sum_k kernel[k] * x.ravel()[sources[k]]``.

    The sum runs over ``starts[o] <= k < starts[o + 1]`` (compressed rows); flatten order is Keras's, as for `Dense`.

    Attributes
    ----------
    kernel : array (nonzeros,)
        No entry is 0: a weight of 0 is no synapse.
    sources : int32 array (nonzeros,)
        Flat index of each synapse's source neuron; ascending within a target.
    starts : int64 array (H*W*C of the target + 1,)
        First synapse of every target neuron; the last entry is the number of synapses.
    source, target : (H, W, C)
    """

    kernel: Array
    sources: Array
    starts: Array
    source: Shape
    target: Shape

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", read_only(self.kernel))
        object.__setattr__(self, "sources", read_only(self.sources, np.int32))
        object.__setattr__(self, "starts", read_only(self.starts, np.int64))
        if len(self.source) != 3 or len(self.target) != 3 or min(*self.source, *self.target) < 1:
            raise InvalidNetwork(f"sparse synapses from a map of {self.source} to one of {self.target}; (H, W, C) must be at least 1")
        inputs, outputs, number = prod(self.source), prod(self.target), len(self.sources)
        if self.kernel.shape != (number,) or self.sources.ndim != 1 or self.starts.shape != (outputs + 1,):
            raise InvalidNetwork(
                f"sparse synapses onto {outputs} neurons have {self.kernel.shape} weights, {self.sources.shape} sources and "
                f"{self.starts.shape} starts; they must be one, one and {outputs + 1} long"
            )
        if self.starts[0] != 0 or self.starts[-1] != number or (np.diff(self.starts) < 0).any():
            raise InvalidNetwork(f"the starts of sparse synapses must ascend from 0 to their number, {number}")
        if number and not (self.sources.min() >= 0 and self.sources.max() < inputs):
            raise InvalidNetwork(f"sparse synapses read neurons {self.sources.min()}..{self.sources.max()} of a source of {inputs}")
        ascends = np.diff(self.sources) > 0
        ascends[self.starts[(self.starts > 0) & (self.starts < number)] - 1] = True  # the next target's sources begin anew
        if not ascends.all():
            raise InvalidNetwork("the sources of a sparse target must ascend, each named once")
        if not self.kernel.all():
            raise InvalidNetwork("a sparse synapse has a weight of 0; leave it out")


Geometry: TypeAlias = Conv | Dense | Sparse


def with_kernel(geometry: Geometry, kernel: Array, gain: Array | None = None) -> Geometry:
    """Return the same operator with other weights of the same shape; `gain` replaces a Conv's gain map if given.

    Synapses of a Sparse whose weights are now 0 are left out.
    """
    match geometry:
        case Conv():
            return replace(geometry, kernel=kernel, gain=geometry.gain if gain is None else gain)
        case Dense():
            return Dense(kernel)
        case Sparse():
            kept = kernel != 0
            if kept.all():
                return replace(geometry, kernel=kernel)
            starts = np.concatenate([[0], np.cumsum(kept)])[geometry.starts]
            return replace(geometry, kernel=kernel[kept], sources=geometry.sources[kept], starts=starts)


def diagonal(scale: Array) -> Conv:
    """Return the operator that multiplies channel c by ``scale[c]``: a 1x1 depthwise Conv."""
    scale = np.asarray(scale)
    return Conv(scale.reshape(1, 1, 1, -1), groups=scale.size)


def is_diagonal(geometry: Geometry) -> bool:
    """Whether `geometry` only multiplies every channel by a constant."""
    return isinstance(geometry, Conv) and is_placement(geometry) and geometry.reads is None and geometry.writes is None


def is_placement(geometry: Geometry) -> bool:
    """Whether `geometry` only multiplies channels by constants and moves them to other channels."""
    return (
        isinstance(geometry, Conv)
        and geometry.kernel.shape[:3] == (1, 1, 1)
        and geometry.groups == geometry.kernel.shape[3]
        and geometry.strides == (1, 1)
        and geometry.input_dilation == (1, 1)
        and geometry.padding == (0, 0, 0, 0)
        and geometry.gain is None
    )


def _axis_length(size: int, kernel: int, stride: int, dilation: int, before: int, after: int) -> int:
    return (size + before + after - (kernel - 1) * dilation - 1) // stride + 1


def written(geometry: Geometry) -> slice:
    """Return which of the target's channels an operator writes."""
    if isinstance(geometry, Conv) and geometry.writes is not None:
        return slice(geometry.writes[0], geometry.writes[0] + geometry.kernel.shape[3])
    return slice(None)


def stretched(size: int, input_dilation: int) -> int:
    """Return the length of an axis with ``input_dilation - 1`` zeros between its entries."""
    return (size - 1) * input_dilation + 1


def target_shape(geometry: Geometry, source: Shape) -> Shape:
    """Return the (H, W, C) of the output map for an input map `source`.

    Raises
    ------
    InvalidNetwork
        If the kernel does not belong to a source of this shape.
    """
    height, width, channels = source
    match geometry:
        case Conv(kernel=kernel, strides=strides, padding=padding, dilation=dilation, groups=groups):
            first, stop = geometry.reads or (0, channels)
            if not 0 <= first < stop <= channels or kernel.shape[2] * groups != stop - first:
                raise InvalidNetwork(
                    f"a kernel for {kernel.shape[2] * groups} channels ({groups} groups) cannot read {first}..{stop} of {channels} channels"
                )
            offset, total = geometry.writes or (0, kernel.shape[3])
            if not 0 <= offset <= total - kernel.shape[3]:
                raise InvalidNetwork(f"{kernel.shape[3]} output channels from {offset} on do not fit in a target of {total} channels")
            height, width = (stretched(size, step) for size, step in zip((height, width), geometry.input_dilation, strict=True))
            out_h = _axis_length(height, kernel.shape[0], strides[0], dilation[0], padding[0], padding[1])
            out_w = _axis_length(width, kernel.shape[1], strides[1], dilation[1], padding[2], padding[3])
            if out_h < 1 or out_w < 1:
                raise InvalidNetwork(f"a {kernel.shape[0]}x{kernel.shape[1]} kernel does not fit on a {height}x{width} map")
            if geometry.gain is not None and geometry.gain.shape != (out_h, out_w):
                raise InvalidNetwork(f"a gain map of shape {geometry.gain.shape} does not fit an output of {out_h}x{out_w}")
            return out_h, out_w, total
        case Dense(kernel=kernel):
            if kernel.shape[0] != height * width * channels:
                raise InvalidNetwork(f"a Dense kernel for {kernel.shape[0]} inputs does not fit a source of {height}x{width}x{channels}")
            return 1, 1, kernel.shape[1]
        case Sparse():
            if source != geometry.source:
                raise InvalidNetwork(f"sparse synapses from a source of {geometry.source} do not fit a source of {source}")
            return geometry.target
