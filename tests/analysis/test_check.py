"""`check`: its events per image, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import ecc_lava
from ecc_lava.errors import InvalidInput
from tests.helpers.networks import random_network


def test_events_per_image_are_means_over_images() -> None:
    network = random_network(3)
    x = np.random.default_rng(0).integers(0, 256, (17, *network.input.shape), np.uint8)  # batches of 16 and 1
    x[:16] = 0
    report, run = ecc_lava.check(network, x, exact_images=1, lava=False), ecc_lava.simulate(network, x)
    assert report.synops_per_image == run.synops.mean()
    assert report.input_macs_per_image == run.input_macs.mean()
    with pytest.raises(InvalidInput, match="exact_images 0; at least 1"):
        ecc_lava.check(network, x, exact_images=0, lava=False)
