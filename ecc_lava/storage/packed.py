"""Arrays with few distinct values a channel, as binarised and quantised weights are: a table of the values, and codes of a few bits."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from ecc_lava.common import Array
from ecc_lava.errors import InvalidNetwork

__all__ = ["Packed", "packed", "unpacked"]

VALUES_LEAST = 4096
"""Arrays of fewer values stand in files as they are."""

BITS_MAX = 7
"""Width of the widest codes."""

SAMPLE = 1024
"""Rows that show at once that an array has too many values."""


class Packed(NamedTuple):
    """An array (..., C) in few bits.

    Attributes
    ----------
    values : array (K, C)
        Values of each channel, in the order of their bits; channels of fewer repeat the last.
    codes : uint8 array (bits, ceil(size / 8))
        Which of them each element is, the lowest bit first, as `numpy.packbits` has them.
    """

    values: Array
    codes: Array


def packed(array: Array) -> Packed | None:
    """Return an array in few bits, or None if it has too many values or takes no fewer bytes."""
    if array.size < VALUES_LEAST or array.dtype.kind not in "if":
        return None
    rows = array.reshape(-1, array.shape[-1]).view(f"u{array.itemsize}")  # equal bits, not equal numbers
    if _distinct(np.sort(rows[:SAMPLE], axis=0)).max() > 2**BITS_MAX:
        return None
    ordered = np.sort(rows, axis=0)
    number = _distinct(ordered)
    most = int(number.max())
    bits = max(1, (most - 1).bit_length())
    if bits > BITS_MAX or most * rows[0].nbytes + bits * array.size // 8 >= array.nbytes:
        return None
    values, codes = np.empty((most, rows.shape[1]), rows.dtype), np.empty(rows.shape, np.uint8)
    for channel in range(rows.shape[1]):
        own = np.unique(ordered[:, channel])
        values[:, channel] = own[np.minimum(np.arange(most), len(own) - 1)]
        codes[:, channel] = np.searchsorted(own, rows[:, channel])
    planes = np.stack([np.packbits(codes.ravel() >> bit & 1) for bit in range(bits)])
    return Packed(values.view(array.dtype), planes)


def unpacked(stored: Packed, shape: tuple[int, ...], where: str) -> Array:
    """Return the array.

    Raises
    ------
    InvalidNetwork
        If the parts are not those of an array of this shape.
    """
    values, codes = stored
    size = prod(shape)
    fits = values.ndim == codes.ndim == 2 and shape and min(shape) > 0 and values.shape[1] == shape[-1] and len(values) > 0
    if not fits or codes.shape != (codes.shape[0], -(-size // 8)) or not 1 <= codes.shape[0] <= BITS_MAX:
        raise InvalidNetwork(f"{where} has values {values.shape} and codes {codes.shape}, which make no array {shape}")
    which = np.zeros(size, np.uint8)
    for bit, plane in enumerate(codes):
        which |= np.unpackbits(plane, count=size) << np.uint8(bit)
    if which.max() >= len(values):
        raise InvalidNetwork(f"{where} names value {which.max()} of {len(values)}")
    result: Array = np.take_along_axis(values, which.reshape(-1, shape[-1]), axis=0).reshape(shape)
    return result


def _distinct(ordered: Array) -> Array:
    """Return how many distinct values each sorted column has."""
    number: Array = 1 + (ordered[1:] != ordered[:-1]).sum(axis=0)
    return number
