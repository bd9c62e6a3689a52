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
