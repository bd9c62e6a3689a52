"""The response of neurons to recorded input: the same in one part and in many, and where numba finds no folder for its cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecc_lava.conversion.calibration import response


def test_many_threads_compute_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    current, target = rng.normal(0.3, 0.5, (50, 6, 7)).astype(np.float32), rng.random((50, 7), np.float32)
    scale, bias, v_init = rng.uniform(0.5, 1.5, 7), rng.normal(0, 0.1, 7), rng.random(7)

    def computed() -> list[Any]:
        counts = response.spike_counts(current, scale, bias, v_init)
        return [counts, *response.moments(target, counts), *response.errors(target, counts, scale)]

    alone = computed()
    monkeypatch.setattr(response, "_WORTH_A_THREAD", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    for one, many in zip(alone, computed(), strict=True):
        np.testing.assert_array_equal(one, many)


def test_calibration_where_numba_cannot_cache(tmp_path: Path) -> None:
    program = (
        "import logging, sys\nlogging.basicConfig(stream=sys.stdout)\n"
        "import numba.core.caching as c\nc.CacheImpl._locator_classes = []\n"
        "import numpy as np\nfrom ecc_lava.conversion.calibration.response import spike_counts\n"
        "one = np.ones(1)\nprint(spike_counts(np.ones((1, 3, 1), np.float32), one, 0 * one, 0 * one).item())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=os.environ | {"HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert "numba finds no folder to cache kernels in" in done.stdout
    assert "3.0" in done.stdout
