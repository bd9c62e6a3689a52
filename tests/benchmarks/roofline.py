"""What the processor could do at best: weight rows added from its caches, and threads that share nothing."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from ecc_lava.common.arrays import Array

__all__ = ["busy_loops", "roofline", "told"]

HERE = Path(__file__).parent
LINE = 64
LANES_16_BIT, OPERATIONS = 32, 3
"""Of a 512-bit processor: 16-bit lanes; operations that a line of 64 weights takes."""
HALF_WIDTH = "25"
"""Family of processors (Zen 4) whose four vector pipes are 256 bits wide: measured, 2.00 independent 512-bit additions a cycle."""


def told(name: str) -> str | None:
    """Return what Linux says of the first core."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name), None)


def roofline(repeats: int) -> dict[str, Any]:
    """Measure how fast weight rows can be added from both caches, in C and in numba, beside lanes x ports x clock."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "roofline.so"
        command = ["cc", "-std=gnu11", "-O3", "-march=native", "-mprefer-vector-width=512", "-shared", "-fPIC"]
        subprocess.run([*command, "-o", str(path), str(HERE / "roofline.c")], check=True)
        library = ctypes.CDLL(str(path))
    library.chain.argtypes, library.chain.restype = [ctypes.c_int64], ctypes.c_int64
    seconds = []
    for _ in range(repeats):
        start = time.thread_time()
        library.chain(200_000_000)
        seconds.append(time.thread_time() - start)
    clock = 0.2 / min(seconds)
    measured: dict[str, dict[str, float]] = {"L1": {}, "L2": {}}
    for level, size in (("L1", 24 * 1024), ("L2", 512 * 1024)):
        best = max(_c_rows(library, size, blocks, repeats) for blocks in (1, 2, 4))
        measured[level] = {"c": best, "numba": _numba_rows(size, repeats)}
    ports = 2 if told("cpu family") == HALF_WIDTH else 4
    theoretical = LANES_16_BIT * ports * clock
    by_operations = LINE * ports * clock / OPERATIONS
    return {"clock_ghz": clock, "lanes x ports x clock": theoretical, "64 x ports x clock / 3": by_operations, "gsynop_s": measured}


def _rows(size: int, blocks: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    raw = np.empty(size + LINE, np.int8)
    weights = raw[-raw.ctypes.data % LINE :][:size]
    weights[:] = rng.integers(-127, 128, size)
    return weights, rng.integers(0, size // (LINE * blocks), (64, 256)).astype(np.int32)


def _c_rows(library: Any, size: int, blocks: int, repeats: int) -> float:
    weights, rows = _rows(size, blocks)
    offsets, out = np.ascontiguousarray(rows * LINE * blocks), np.zeros(8 * 32 + 32, np.int16)
    at = out.ctypes.data + -out.ctypes.data % LINE
    times = 50
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in (weights, offsets)]
    best = np.inf
    for _ in range(4 * repeats):
        start = time.thread_time()
        library.add_lists(
            *(ctypes.c_int64(blocks), *pointers, ctypes.c_int64(256), ctypes.c_int64(64), ctypes.c_int64(times), ctypes.c_void_p(at))
        )
        best = min(best, time.thread_time() - start)
    return times * rows.size * LINE * blocks / best / 1e9


def _numba_rows(size: int, repeats: int) -> float:
    import numba

    @numba.njit(nogil=True)
    def add(weights: Array, rows: Array, total: Array) -> None:
        for r in range(len(rows)):
            total[:] = 0
            for i in range(rows.shape[1]):
                row = weights[rows[r, i]]
                for o in range(total.size):
                    total[o] += row[o]

    flat, rows = _rows(size, 4)
    weights, total = flat.reshape(-1, 4 * LINE), np.zeros(4 * LINE, np.int16)
    best = np.inf
    for _ in range(4 * repeats):
        start = time.thread_time()
        for _ in range(10):
            add(weights, rows, total)
        best = min(best, time.thread_time() - start)
    return 10 * rows.size * 4 * LINE / best / 1e9


def busy_loops(number: int) -> float:
    """Return the seconds that so many threads take for the same arithmetic each, without memory traffic."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "roofline.so"
        subprocess.run(["cc", "-O3", "-shared", "-fPIC", "-o", str(path), str(HERE / "roofline.c")], check=True)
        library = ctypes.CDLL(str(path))
    library.chain.argtypes = [ctypes.c_int64]
    workers = [threading.Thread(target=library.chain, args=(500_000_000,)) for _ in range(number)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - start
