"""The rooms that compile with numba also run where numba finds no folder for its cache."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import pytest
from numba.core import caching

from ecc_lava.common import compiled_by

COMPILING = {
    "fast": (
        "from ecc_lava.backends.fast.kernels.in_python.lists import list_events\n"
        "events, starts = np.zeros(9, np.int64), np.zeros(3, np.int64)\n"
        "list_events(np.full(1, 22, np.uint64), 3, 0, 3, events, starts)\n"
        "print(starts)\n",
        "[0 2 3]",
    ),
    "calibration": (
        "from ecc_lava.conversion.calibration.response import moments\n"
        "print(moments(np.ones((3, 1), np.float32), np.ones((3, 1), np.float32))[0])\n",
        "[3.]",
    ),
    "annealing": (
        "from hw_mappings.placement.pair_kernel import anneal\n"
        "none = np.zeros(0, np.int64)\n"
        "print(anneal(np.zeros((1, 2), np.int64), np.zeros(2, np.int64), none, np.zeros(0), 0, 1.0, 1.0, 0))\n",
        "[0]",
    ),
}


@pytest.mark.parametrize("room", ["fast", "calibration", pytest.param("annealing", marks=pytest.mark.slow)])
def test_without_a_folder_for_the_cache(room: str, tmp_path: Path) -> None:
    """The functions compile for this process alone and say so."""
    runs, prints = COMPILING[room]
    program = (
        "import logging, sys\nlogging.basicConfig(stream=sys.stdout)\n"
        "import numba.core.caching as c\nc.CacheImpl._locator_classes = []\n"
        f"import numpy as np\n{runs}"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=os.environ | {"HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert "numba finds no folder to cache kernels in" in done.stdout
    assert prints in done.stdout


def _double(x: int) -> int:
    return 2 * x


class _Cached:
    """A function as every process compiles it: of a cache in a folder, what is loaded and what is said of it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
        monkeypatch.setattr(numba.config, "CACHE_DIR", str(folder))
        caplog.set_level(logging.DEBUG, "ecc_lava")
        self._folder, self._caplog = folder, caplog

    def run(self) -> tuple[int, str]:
        """Return how often machine code came from the cache, and what was said."""
        self._caplog.clear()
        made: Any = compiled_by(numba.njit, _double)
        assert made(21) == 42
        return sum(made.stats.cache_hits.values()), self._caplog.text

    def files(self, ending: str) -> list[Path]:
        return sorted(self._folder.rglob(f"*{ending}"))


def test_numbas_cache_is_verified_before_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cached = _Cached(tmp_path / "cache", monkeypatch, caplog)
    assert cached.run()[0] == 0
    assert cached.run()[0] == 1
    kept = (*cached.files(".nbi"), *cached.files(".nbc"), *cached.files(".sha256"))
    assert len(kept) == 4
    for damaged in kept:
        content = damaged.read_bytes()
        damaged.write_bytes(content[: len(content) // 2])
        hits, said = cached.run()
        assert "is not what was written there" in said
        assert hits == 0
        assert cached.run()[0] == 1
    cached.files(".nbc")[0].chmod(0o666)
    assert "can be written by others" in cached.run()[1]
    for unsealed in cached.files(".sha256"):
        unsealed.unlink()
    assert cached.run()[0] == 0
    cached.files(".nbc")[0].parent.chmod(0o777)
    hits, said = cached.run()
    assert "can be written by others: kernels are compiled for this process only" in said
    assert hits == 0


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")
def test_a_full_disk_keeps_no_kernels_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write(*_: object) -> None:
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    monkeypatch.setattr(caching.IndexDataCacheFile, "_dump", write)
    hits, said = _Cached(tmp_path / "cache", monkeypatch, caplog).run()
    assert hits == 0
    assert said.count("No space left") == 1
