"""Products and Cholesky factors of float matrices, by SciPy's BLAS and without Python's lock.

NumPy 1.26 brings a BLAS of 2023. On processors that it does not know it runs code for those of 2004, a quarter as fast; SciPy's is newer.
SciPy's own wrappers keep Python's lock. So its routines are called by their addresses, as Numba calls them. Parts are the same on any
number of cores, and with them every rounding where BLAS has one thread.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np

from ecc_lava.common.arrays import Array
from ecc_lava.common.threads import on_all_cores

__all__ = ["factorised", "gram", "product", "solved"]

WORTH_A_CALL: Final = 2**18
"""Multiplications. NumPy is as fast for fewer, and SciPy's BLAS then need not be loaded."""

PANEL: Final = 256
"""Rows of a matrix of products, or of a factor, that one thread computes at once."""

COLUMNS: Final = 128
"""Columns that one thread solves for at once."""


def product(left: Array, right: Array) -> Array:
    """Return ``left @ right`` of two matrices, whatever their layout and type."""
    if left.dtype != right.dtype or left.dtype not in (np.float32, np.float64) or left.size * right.shape[1] < WORTH_A_CALL:
        return left @ right
    result = np.empty((len(left), right.shape[1]), left.dtype)
    _multiply(left, right, result)
    return result


def gram(rows: Array) -> Array:
    """Return ``rows.T @ rows`` of float (M, K); above the diagonal it may be 0."""
    size = rows.shape[1]
    result = np.zeros((size, size), rows.dtype)

    def panel(start: int) -> None:
        stop = min(start + PANEL, size)
        _multiply(rows[:, start:stop].T, rows[:, :stop], result[start:stop, :stop])

    on_all_cores(panel, range(0, size, PANEL)[::-1])  # the longest first
    return result


def factorised(matrix: Array) -> Array:
    """Return L with ``L @ L.T = matrix``, (K, K), in place; only what is on and below the diagonal is read and written.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite.
    """
    for start in range(0, len(matrix), PANEL):
        _factorise(matrix[start:, start:])
    return matrix


def _factorise(matrix: Array) -> None:
    """Write the first columns of the factor to a matrix, and take what they make up off the others."""
    corner, beside, rest = matrix[:PANEL, :PANEL], matrix[PANEL:, :PANEL], matrix[PANEL:, PANEL:]
    failed = ctypes.c_int64(0)
    _routine("potrf", matrix.dtype.char)(b"U", _whole(len(corner)), corner.ctypes.data, _leading(corner), ctypes.byref(failed))
    if failed.value:
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    starts = range(0, len(beside), PANEL)

    def divide(start: int) -> None:
        _divide(b"L", b"T", corner, beside[start : start + PANEL])

    def subtract(start: int) -> None:
        stop = start + PANEL
        _multiply(beside[start:stop], beside[:stop].T, rest[start:stop, :stop], -1.0, 1.0)

    on_all_cores(divide, starts)
    on_all_cores(subtract, starts[::-1])  # the longest first


def solved(lower: Array, values: Array) -> Array:
    """Return X, (K, C), with ``L @ L.T @ X = values``, from L of `factorised`."""
    result = np.array(values, lower.dtype, order="C")

    def part(start: int) -> None:
        for side in (b"N", b"T"):
            _divide(b"R", side, lower, result[:, start : start + COLUMNS])

    on_all_cores(part, range(0, values.shape[1], COLUMNS))
    return result


def _multiply(left: Array, right: Array, result: Array, factor: float = 1.0, kept: float = 0.0) -> None:
    """Write ``factor * left @ right + kept * result`` to the result, whose rows lie whole."""
    kind = left.dtype.char
    (a, a_turned), (b, b_turned) = _laid(left), _laid(right)
    sizes = (_whole(result.shape[1]), _whole(len(result)), _whole(left.shape[1]))
    by = (_number(kind, factor), b.ctypes.data, _leading(b), a.ctypes.data, _leading(a), _number(kind, kept))
    # BLAS reads columns where rows lie, so that it is told the transpose of all: result.T = right.T @ left.T
    _routine("gemm", kind)(b_turned, a_turned, *sizes, *by, result.ctypes.data, _leading(result))


def _divide(side: bytes, turned: bytes, lower: Array, values: Array) -> None:
    """Write ``values @ inv(L).T`` (side L, turned T), ``inv(L) @ values`` (R, N) or ``inv(L).T @ values`` (R, T) to the values."""
    kind = lower.dtype.char
    sizes = (_whole(values.shape[1]), _whole(len(values)))
    by = (_number(kind, 1.0), lower.ctypes.data, _leading(lower), values.ctypes.data, _leading(values))
    _routine("trsm", kind)(side, b"U", turned, b"N", *sizes, *by)


def _laid(matrix: Array) -> tuple[Array, bytes]:
    """Return a matrix whose rows lie whole, and whether it is the transpose of the given one."""
    for rows, turned in ((matrix, b"N"), (matrix.T, b"T")):
        if rows.strides[1] == rows.itemsize and rows.strides[0] >= rows.itemsize * rows.shape[1] and rows.strides[0] % rows.itemsize == 0:
            return rows, turned
    return np.ascontiguousarray(matrix), b"N"


def _leading(rows: Array) -> Any:
    """Return how many numbers lie between the beginnings of two rows."""
    return _whole(max(rows.strides[0] // rows.itemsize, rows.shape[1], 1))


def _whole(number: int) -> Any:
    """Return a pointer to a whole number: its lower half comes first, so that BLAS of either width reads it."""
    return ctypes.byref(ctypes.c_int64(number))


def _number(kind: str, number: float) -> Any:
    return ctypes.byref((ctypes.c_float if kind == "f" else ctypes.c_double)(number))


@cache
def _routine(name: str, kind: str) -> Callable[..., None]:
    """Return a routine of BLAS or LAPACK for float32 ("f") or float64 ("d"); its arguments are pointers."""
    from scipy.linalg import cython_blas, cython_lapack

    name = {"f": "s", "d": "d"}[kind] + name
    capsule = (cython_blas.__pyx_capi__ | cython_lapack.__pyx_capi__)[name]
    named = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", ctypes.pythonapi))(capsule)
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * named.count(b"*"))(pointer(capsule, named))
