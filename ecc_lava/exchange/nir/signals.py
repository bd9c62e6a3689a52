"""What flows along the edges of a NIR graph: sums of populations' spikes under linear operators, and a constant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Array, Shape, check_memory, check_sizes
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Conv, Dense, Geometry, apply, composition_of, diagonal, from_synapses, target_shape

__all__ = ["Signal", "compact", "from_nir_order", "map_shape", "scaling", "summed"]


@dataclass(frozen=True, eq=False)
class Signal:
    """An affine expression over populations.

    Attributes
    ----------
    shape : (H, W, C)
    is_flat : bool
        Whether NIR knows it as a vector; its values are still in the order (C, H, W) there.
    terms : tuple of (population, operator)
        No operator stands for the spikes themselves.
    constant : array (1,1,1), (1,1,C) or (H,W,C)
    """

    shape: Shape
    is_flat: bool
    terms: tuple[tuple[str, Geometry | None], ...]
    constant: Array

    def under(self, geometry: Geometry, bias: Array, shapes: Mapping[str, Shape], where: str, limit: int) -> Signal:
        """Return ``geometry(self) + bias``.

        Parameters
        ----------
        geometry : Geometry
        bias : array (1,1,1), (1,1,C) or (H,W,C)
        shapes : mapping
            Of the populations.
        where : str
            The node.
        limit : int
            Bytes that one operator may take.

        Raises
        ------
        InvalidInput
            If two operators in a row are no one operator, or take too much memory.
        """
        shape = target_shape(geometry, self.shape)
        check_sizes([(where, shape)])
        check_memory(where, 16 * int(np.prod(shape, dtype=object)), limit)
        kept = [(name, inner) for name, inner in self.terms if inner is None or inner.kernel.any()]  # the others only make a constant
        terms = tuple((name, _composed(geometry, inner, shapes[name], where, limit)) for name, inner in kept)
        constant = bias
        if self.constant.any():
            constant = compact(apply(geometry, np.broadcast_to(self.constant, self.shape)[None])[0] + bias)
        return Signal(shape, shape[:2] == (1, 1) and isinstance(geometry, Dense), terms, constant)


def _composed(outer: Geometry, inner: Geometry | None, source: Shape, where: str, limit: int) -> Geometry:
    if inner is None:
        return outer
    found = composition_of(outer, inner, source)
    if found is None:
        raise InvalidInput(f"{where} and the linear layer before it are no one layer of synapses; put neurons (IF) between them")
    check_memory(f"{where}, folded with the layers before it,", 8 * found.weights, limit)
    return found.made()


def compact(values: Array) -> Array:
    """Return a parameter of a map, (H, W, C), as (1,1,1) or (1,1,C) where that says the same."""
    if (values == values[:1, :1, :1]).all():
        return values[:1, :1, :1]
    return values[:1, :1] if (values == values[:1, :1]).all() else values


def summed(signals: list[Signal], where: str) -> Signal:
    """Return the sum of what arrives at a node.

    Raises
    ------
    InvalidInput
        If shapes differ.
    """
    first = signals[0]
    if any((t.shape, t.is_flat) != (first.shape, first.is_flat) for t in signals):
        raise InvalidInput(f"{where} reads maps of the shapes {', '.join(str(t.shape) for t in signals[:8])} (H, W, C); they must be equal")
    constant = sum((t.constant for t in signals[1:]), first.constant)
    return Signal(first.shape, first.is_flat, tuple(term for t in signals for term in t.terms), constant)


def map_shape(shape: Array, where: str) -> tuple[Shape, bool]:
    """Return the (H, W, C) of a shape of NIR: (C, H, W), (C, L) or (K,), and whether it is a vector.

    Raises
    ------
    InvalidInput
        If it is another.
    """
    sizes = np.atleast_1d(shape)
    if sizes.ndim != 1 or not 1 <= len(sizes) <= 3 or (sizes != np.rint(sizes)).any() or sizes.min() < 1 or sizes.max() > 2**31:
        raise InvalidInput(f"{where} has shape {sizes.tolist()!r:.80}; a shape is (C, H, W), (C, L) or (K,)")
    channels, *places = (int(size) for size in sizes)
    height, width = (1, *places)[-2:] if places else (1, 1)
    check_sizes([(where, (height, width, channels))])
    return (height, width, channels), not places


def from_nir_order(values: Array, signal: Signal, where: str) -> Array:
    """Return numbers of every neuron, as NIR orders them, as (1,1,1) or (H, W, C).

    Raises
    ------
    InvalidInput
        If they are of another shape.
    """
    if values.size == 1:
        return values.reshape(1, 1, 1)
    height, width, channels = signal.shape
    every = height * width * channels
    of_maps = [(channels, height, width), *([(channels, width)] if height == 1 else [])]
    by_channel = values.shape == (channels, 1, 1)
    if values.shape not in ([(every,)] if signal.is_flat else of_maps) and not by_channel:
        raise InvalidInput(f"{where} has numbers of shape {values.shape}; a map of {signal.shape} (H, W, C) arrives")
    if by_channel:
        return values.reshape(1, 1, channels)
    return values.reshape(channels, height, width).transpose(1, 2, 0)


def scaling(scale: Array, shape: Shape) -> Geometry:
    """Return the operator that multiplies every number of a map, by (1,1,1), (1,1,C) or (H,W,C)."""
    height, width, channels = shape
    small = compact(np.broadcast_to(scale, shape))
    if small.shape[:2] == (1, 1):
        return diagonal(np.broadcast_to(small, (1, 1, channels)).ravel())
    if (small == small[:, :, :1]).all():
        return Conv(np.ones((1, 1, 1, channels)), groups=channels, gain=small[:, :, 0])
    every = np.arange(height * width * channels)
    return from_synapses(small.ravel(), every, every, shape, shape)
