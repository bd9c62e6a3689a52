"""Every back end does what its record says, and an integer one equals `golden`."""

from __future__ import annotations

import numpy as np
import pytest

from ecc_lava.backends import BACKENDS, Recording
from ecc_lava.backends.stepwise import golden
from ecc_lava.backends.table import BackEnd
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.quantisation import as_float
from tests.helpers.compare import assert_same_activity
from tests.helpers.networks import random_images, random_network

each = pytest.mark.parametrize("back_end", BACKENDS.values(), ids=list(BACKENDS))


@each
def test_every_back_end_runs_its_networks(back_end: BackEnd) -> None:
    if not back_end.is_installed():
        pytest.skip("not installed")
    network = random_network(3)
    q = random_images(network, 2)
    recording = Recording(frozenset(network.by_name) if back_end.records_rasters else frozenset())
    expected = golden(network, q, 6, recording)
    if back_end.network_type is QuantisedNetwork:
        assert_same_activity(expected, back_end.load()(network, q, 6, recording), types=False)
        return
    activity = back_end.load()(as_float(network), q, 6, recording)
    assert list(activity) == list(expected)
    for name, integer in expected.items():
        assert activity[name].counts.shape == activity[name].potential.shape == integer.counts.shape
        assert (activity[name].raster is not None) == back_end.records_rasters


@each
def test_a_batch_is_all_images_or_as_many_as_fit_into_memory(back_end: BackEnd) -> None:
    if back_end.images_per_batch is None:
        return
    integers = random_network(3)
    network = integers if back_end.network_type is QuantisedNetwork else as_float(integers)
    sizes = [back_end.images_per_batch(network, 6, Recording(), memory) for memory in (1, 2**20, 2**30)]
    assert sizes[0] == 1
    assert (np.diff(sizes) > 0).all()
    assert back_end.images_per_batch(network, 6, Recording(), None) > 1
