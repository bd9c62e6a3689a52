"""Arrays in anonymous shared memory, which carry results and signs of life out of the processes of a Lava run.

The memory has no name, so nothing of it remains after the last process that holds it.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecc_lava.backends.lava.cores.counters import COUNTERS
from ecc_lava.backends.lava.cores.overflows import OVERFLOW
from ecc_lava.backends.lava.cores.plan import LavaPlan
from ecc_lava.common import Array

__all__ = ["Layout", "allocate", "plan_layout"]

_ALIGNMENT = 64
"""Bytes; more than any dtype needs."""


@dataclass(frozen=True)
class Layout:
    """The places of arrays in one block of memory.

    Attributes
    ----------
    arrays : dict
        Name -> (offset in bytes, shape, dtype).
    size : int
        Bytes in all.
    """

    arrays: Mapping[str, tuple[int, tuple[int, ...], str]]
    size: int

    @staticmethod
    def of(arrays: Mapping[str, tuple[tuple[int, ...], Any]]) -> Layout:
        """Lay out arrays given as name -> (shape, dtype), one after the other."""
        placed: dict[str, tuple[int, tuple[int, ...], str]] = {}
        offset = 0
        for name, (shape, dtype) in arrays.items():
            placed[name] = (offset, shape, np.dtype(dtype).str)
            offset += -(-int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize // _ALIGNMENT) * _ALIGNMENT
        return Layout(placed, max(offset, mmap.PAGESIZE))

    def open(self, fd: int) -> dict[str, Array]:
        """Map the file and return its arrays; every process that maps the file sees writes."""
        memory = mmap.mmap(fd, self.size)
        return {name: np.ndarray(shape, dtype, memory, offset) for name, (offset, shape, dtype) in self.arrays.items()}


def allocate(size: int) -> int:
    """Return the descriptor of a new file without a name, of `size` zero bytes.

    Raises
    ------
    OSError
        If there is no room.
    """
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("ecc_lava")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    try:
        os.ftruncate(fd, size)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)  # without room this fails now, not as a bus error later
    except BaseException:
        os.close(fd)
        raise
    return fd


def plan_layout(plan: LavaPlan) -> Layout:
    """Return the layout of everything a run of `plan` writes.

    ``beat`` (1,) counts the host's looks. ``steps`` (nodes + 1,) counts the steps that the source, every core and the sink have finished.
    ``counters`` (shards, COUNTERS) holds the counters of every shard, ``overflows`` (shards, OVERFLOW) its first overflow. A population has
    ``NAME/counts`` and ``NAME/potential`` (N, H, W, C), also ``NAME/sent`` if graded, ``NAME/clips`` (2,), and where recorded
    ``NAME/raster`` and ``NAME/over_time`` (N, T, H, W, C).
    """
    samples, timesteps, _ = plan.clock
    shards = [part for core in plan.cores for part in core.shards]
    one_of = {part.shard.population: part for part in shards}
    arrays: dict[str, tuple[tuple[int, ...], Any]] = {
        "beat": ((1,), np.int64),
        "steps": ((len(plan.cores) + 2,), np.int64),
        "counters": ((len(shards), len(COUNTERS)), np.int64),
        "overflows": ((len(shards), len(OVERFLOW)), np.int64),
    }
    for name, shape in plan.populations.items():
        arrays[f"{name}/counts"] = ((samples, *shape), np.int32)
        arrays[f"{name}/potential"] = ((samples, *shape), np.int32)
        if one_of[name].is_graded:
            arrays[f"{name}/sent"] = ((samples, *shape), np.int32)
        arrays[f"{name}/clips"] = ((2,), np.int64)
        if name in plan.recording.rasters:
            arrays[f"{name}/raster"] = ((samples, timesteps, *shape), one_of[name].payload.dtype)
        if plan.recording.over_time and not one_of[name].fires:
            arrays[f"{name}/over_time"] = ((samples, timesteps, *shape), np.int32)
    return Layout.of(arrays)
