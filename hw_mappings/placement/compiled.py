"""Compiles functions with numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

from ecc_lava.common import compiled_by

__all__ = ["compiled"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a function; see `ecc_lava.common.compiling`."""
    return compiled_by(numba.njit, function)
