"""The sets of kernels of the fast back end that tests run."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from unittest import mock

import pytest

from ecc_lava.backends.fast.jobs import Kernels
from ecc_lava.backends.fast.kernels import compile as compiling
from ecc_lava.backends.fast.kernels.compile import load_library
from ecc_lava.backends.fast.kernels.native import NativeKernels
from ecc_lava.backends.fast.kernels.with_numba import NumbaKernels

__all__ = ["NEEDS_COMPILER", "SETS"]

NEEDS_COMPILER = "needs a C compiler"


def _native() -> NativeKernels:
    library = load_library()
    if library is None:
        pytest.skip(NEEDS_COMPILER)
    return NativeKernels(library)


@cache
def _narrower() -> NativeKernels:
    """Return kernels as they are compiled for processors with narrower vectors than this one's."""
    told = Path("/proc/cpuinfo")
    if not any(map(shutil.which, compiling._COMPILERS)) or platform.machine() != "x86_64" or not told.is_file():
        pytest.skip(f"{NEEDS_COMPILER} and a processor whose vectors may be chosen")
    processor = "x86-64-v3" if "avx512dq" in told.read_text() else "x86-64"
    with mock.patch.object(compiling, "_FOR_THIS_PROCESSOR", ((f"-march={processor}",),)):
        library = load_library()  # kept, so that not every worker compiles it
    assert library is not None
    return NativeKernels(library)


SETS: dict[str, Callable[[], Kernels]] = {"native": _native, "narrower": _narrower, "numba": NumbaKernels}
"""Name of a set -> what makes it, or skips."""
