"""The rooms that compile with numba also run where numba finds no folder for its cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMPILING = {
    "fast": (
        "from ecc_lava.backends.fast.kernels.with_numba import NumbaKernels\n"
        "print(NumbaKernels().row_spikes(np.full((2, 1, 1), 7, np.uint64)))\n",
        "[3 3]",
    ),
    "calibration": (
        "from ecc_lava.conversion.calibration.response import moments\n"
        "print(moments(np.ones((3, 1), np.float32), np.ones((3, 1), np.float32))[0])\n",
        "[3.]",
    ),
    "annealing": (
        "from hw_mappings.placement.annealing_kernel import anneal\n"
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


DOUBLED = """
import logging, sys
logging.basicConfig(stream=sys.stdout, level=logging.DEBUG)
logging.getLogger("numba").setLevel(logging.WARNING)
import numba
from ecc_lava.common import compiled_by
def doubled(x):
    return 2 * x
made = compiled_by(numba.njit, doubled)
print("value", made(21))
print("hits", sum(made.stats.cache_hits.values()))
"""


def _doubled(folder: Path, source: Path) -> str:
    source.write_text(DOUBLED)
    told = os.environ | {"NUMBA_CACHE_DIR": str(folder)}
    done = subprocess.run([sys.executable, str(source)], capture_output=True, text=True, env=told, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    assert "value 42" in done.stdout
    return done.stdout


def _files(folder: Path, ending: str) -> list[Path]:
    return sorted(folder.rglob(f"*{ending}"))


def test_numbas_cache_is_verified_before_it_is_loaded(tmp_path: Path) -> None:
    folder, source = tmp_path / "cache", tmp_path / "program.py"
    assert "hits 0" in _doubled(folder, source)
    assert "hits 1" in _doubled(folder, source)
    for damaged in (*_files(folder, ".nbi"), *_files(folder, ".nbc"), *_files(folder, ".sha256")):
        content = damaged.read_bytes()
        damaged.write_bytes(content[: len(content) // 2])
        assert "is not what was written there" in (said := _doubled(folder, source))
        assert "hits 0" in said
        assert "hits 1" in _doubled(folder, source)
    _files(folder, ".nbc")[0].chmod(0o666)
    assert "can be written by others" in _doubled(folder, source)
    for unsealed in _files(folder, ".sha256"):
        unsealed.unlink()
    assert "hits 0" in _doubled(folder, source)
    _files(folder, ".nbc")[0].parent.chmod(0o777)
    said = _doubled(folder, source)
    assert "can be written by others: kernels are compiled for this process only" in said
    assert "hits 0" in said


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")
def test_a_full_disk_keeps_no_kernels_and_ends_nothing(tmp_path: Path) -> None:
    source = tmp_path / "program.py"
    full = "import numba.core.caching as c, os\nc.IndexDataCacheFile._dump = lambda *_: os.write(os.open('/dev/full', 1), b'x')\n"
    source.write_text(full + DOUBLED)
    done = subprocess.run(
        [sys.executable, str(source)], capture_output=True, text=True, env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    )
    assert done.returncode == 0, done.stderr
    assert "value 42" in done.stdout
    assert done.stdout.count("No space left") == 1
