"""The response of neurons to recorded input is the same in one part and in many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecc_lava.common import BINARY
from ecc_lava.conversion.calibration import response


def test_many_threads_compute_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    current, target = rng.normal(0.3, 0.5, (50, 6, 7)).astype(np.float32), rng.random((50, 7), np.float32)
    scale, bias, v_init = rng.uniform(0.5, 1.5, 7), rng.normal(0, 0.1, 7), rng.random(7)

    def computed() -> list[Any]:
        counts = response.sent_sums(current, scale, bias, v_init, BINARY)
        return [counts, *response.moments(target, counts), *response.errors(target, counts, scale)]

    alone = computed()
    monkeypatch.setattr(response, "_WORTH_A_THREAD", 1)
    monkeypatch.setattr(response, "usable_cores", lambda: 5)
    for one, many in zip(alone, computed(), strict=True):
        np.testing.assert_array_equal(one, many)
