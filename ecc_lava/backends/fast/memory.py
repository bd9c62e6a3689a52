"""Buffers that a thread of the fast back end uses again and again."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array

__all__ = ["Memory"]


class Memory:
    """Buffers of one thread. Fresh memory pages for every population would cost as much as its arithmetic."""

    def __init__(self) -> None:
        self._free: list[Array] = []

    def take(self, shape: tuple[int, ...], dtype: type[np.generic]) -> Array:
        """Return an uninitialised array."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        best = min((buffer for buffer in self._free if buffer.nbytes >= size), key=lambda buffer: buffer.nbytes, default=None)
        if best is None:
            self._free = self._free[1:]  # a buffer that is too small now mostly stays too small
            best = np.empty(size + size // 4, np.uint8)
        else:
            self._free = [buffer for buffer in self._free if buffer is not best]
        return np.ndarray(shape, dtype, best)

    def give(self, array: Array) -> None:
        """Take an array back."""
        assert isinstance(array.base, np.ndarray)
        self._free.append(array.base)
