"""Currents summed event by event against the operator applied to every step."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ecc_lava.conversion.calibration.currents import currents_at
from ecc_lava.geometry import apply, target_shape
from tests.helpers.graphs import geometries


@settings(max_examples=60)
@given(st.data(), st.sampled_from([(4, 5, 3), (3, 3, 8), (1, 1, 11)]), st.booleans(), st.integers(0, 100))
def test_every_geometry_and_payload(data: st.DataObject, source: tuple[int, int, int], signed: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    geometry = data.draw(geometries(source))
    spikes = rng.integers(-3, 4, (2, 3, *source)).astype(np.int16) if signed else (rng.random((2, 3, *source)) < 0.2).astype(np.uint8)
    height, width, channels = target_shape(geometry, source)
    places = rng.choice(height * width, min(3, height * width), replace=False)
    rows, columns = places // width, places % width
    expected = apply(geometry, spikes.reshape(-1, *source).astype(np.float64))[:, rows, columns].reshape(2, 3, len(places), channels)
    found = currents_at(geometry, spikes, rows, columns)
    np.testing.assert_allclose(found, expected.swapaxes(1, 2), rtol=1e-5, atol=1e-5)
