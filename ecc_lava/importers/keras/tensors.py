"""A tensor of the graph as Keras sees it: which of Keras's axes lies on which axis of the map (H, W, C).

The axes may lie in any order, so channels-first models and transpositions cost nothing until a layer needs another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from ecc_lava.common import Array, Shape

__all__ = ["Tensor", "map_shape", "natural"]

_CHANNELS_FIRST = {1: (2,), 2: (2, 1), 3: (2, 0, 1)}
"""Number of axes -> the axes of (H, W, C) that a channels-first tensor's axes lie on."""


@dataclass(frozen=True)
class Tensor:
    """A tensor of the graph with Keras's axes.

    Attributes
    ----------
    name : str
    shape : (H, W, C)
        Of the graph's map.
    sizes : tuple of int
        Keras's axes without the batch: three for images, two for signals, one for vectors.
    axes : tuple of int, or None
        The axis of (H, W, C) (0, 1, 2) that each of Keras's axes lies on. None for tensors of more than three axes: the graph keeps these
        as vectors in C order.
    """

    name: str
    shape: Shape
    sizes: tuple[int, ...]
    axes: tuple[int, ...] | None

    @property
    def channels(self) -> int:
        """Length of the map's last axis."""
        return self.shape[2]

    def in_map_order(self, values: Array) -> Array:
        """Return values given for Keras's axes as a map (H, W, C)."""
        return (values if self.axes is None else values.transpose(np.argsort(self.axes))).reshape(self.shape)

    def places(self, batch: int) -> Array:
        """Return the position of every number in a batch of flat maps, (batch, *sizes)."""
        flat = np.arange(batch * prod(self.shape))
        if self.axes is None:
            return flat.reshape(batch, *self.sizes)
        order = np.argsort(self.axes)
        return flat.reshape(batch, *(self.sizes[k] for k in order)).transpose(0, *(1 + np.argsort(order)))


def natural(name: str, sizes: Sequence[int], channels_first: bool = False) -> Tensor:
    """Return a tensor whose axes lie on (H, W, C) in their own order; with `channels_first`, the first axis lies on C."""
    sizes = tuple(sizes)
    if len(sizes) > 3:
        return Tensor(name, (1, 1, prod(sizes)), sizes, None)
    axes = _CHANNELS_FIRST[len(sizes)] if channels_first else (0, 1, 2)[3 - len(sizes) :]
    return Tensor(name, map_shape(sizes, axes), sizes, axes)


def map_shape(sizes: Sequence[int], axes: Sequence[int]) -> Shape:
    """Return the shape (H, W, C) of a map on which the given sizes lie on the given axes; the other axes have length 1."""
    shape = [1, 1, 1]
    for size, axis in zip(sizes, axes, strict=True):
        shape[axis] = size
    return shape[0], shape[1], shape[2]
