"""The sets of kernels of the fast back end that tests run."""

from __future__ import annotations

import ctypes
import platform
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from ecc_lava.backends.fast.jobs import Kernels
from ecc_lava.backends.fast.kernels.compile import compile_kernels, load_library
from ecc_lava.backends.fast.kernels.native import NativeKernels
from ecc_lava.backends.fast.kernels.with_numba import NumbaKernels
from ecc_lava.common.temporary import temporary_folder

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
    gcc, told = shutil.which("gcc"), Path("/proc/cpuinfo")
    if gcc is None or platform.machine() != "x86_64" or not told.is_file():
        pytest.skip("needs gcc and a processor whose vectors may be chosen")
    processor = "x86-64-v3" if "avx512dq" in told.read_text() else "x86-64"
    with temporary_folder() as folder:
        compile_kernels(gcc, folder / "narrower.so", (f"-march={processor}",))
        return NativeKernels(ctypes.CDLL(str(folder / "narrower.so")))


SETS: dict[str, Callable[[], Kernels]] = {"native": _native, "narrower": _narrower, "numba": NumbaKernels}
"""Name of a set -> what makes it, or skips."""
