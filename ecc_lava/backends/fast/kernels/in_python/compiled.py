"""Compiles functions with numba."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

__all__ = ["compiled"]

_log = logging.getLogger(__name__)

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a function that runs without Python's lock, and cache it on disk where a folder can be written."""
    try:
        return cast(_Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:
        _log.warning("numba finds no folder to cache kernels in (set NUMBA_CACHE_DIR); compiling for this process only")
        return cast(_Function, numba.njit(nogil=True)(function))
