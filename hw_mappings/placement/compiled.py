"""Compiles functions with numba, and what numba lacks for words of bits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar, cast

import numba
from numba.core import types
from numba.extending import intrinsic

from ecc_lava.common import compiled_by

__all__ = ["borrowing", "compiled", "leading_zeros", "lowest_bit"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a function; see `ecc_lava.common.compiling`."""
    return compiled_by(numba.njit, function)


def borrowing(function: _Function) -> _Function:
    """Compile a function that makes no array and returns none: it counts no references to those it is called with.

    Counting takes several times as long as the few additions of such a function.
    """
    return compiled_by(partial(numba.njit, _nrt=False), function)


@intrinsic
def _lowest(context: Any, word: Any) -> Any:
    return types.int64(types.uint64), lambda target, builder, _, words: builder.cttz(words[0], target.get_constant(types.boolean, 1))


@intrinsic
def _leading_zeros(context: Any, word: Any) -> Any:
    return types.int64(types.uint64), lambda target, builder, _, words: builder.ctlz(words[0], target.get_constant(types.boolean, 1))


lowest_bit: Final = cast(Callable[[Any], int], _lowest)
"""The number of the lowest bit that is set in a uint64 other than 0, in compiled code: one instruction."""
leading_zeros: Final = cast(Callable[[Any], int], _leading_zeros)
"""The number of bits above the highest that is set in a uint64 other than 0, in compiled code."""
