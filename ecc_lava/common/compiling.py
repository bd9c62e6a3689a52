"""Compiles functions with numba, with a cache on disk where numba finds a folder for one.

Few rooms may import numba, and this one may not: the caller hands numba's `njit` in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

__all__ = ["compiled_by"]

_log = logging.getLogger(__name__)

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled_by(njit: Callable[..., Any], function: _Function) -> _Function:
    """Return a compiled function that runs without Python's lock; without a folder for the cache, this process alone keeps it."""
    try:
        Path("~").expanduser()  # without a home, numba would make a folder called ~
        return cast(_Function, njit(cache=True, nogil=True)(function))
    except RuntimeError:
        _log.warning("numba finds no folder to cache kernels in (set NUMBA_CACHE_DIR); compiling for this process only")
        return cast(_Function, njit(nogil=True)(function))
