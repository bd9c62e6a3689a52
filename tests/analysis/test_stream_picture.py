"""The picture of a stream's check: of any sequence, in every format."""

from __future__ import annotations

import numpy as np
import pytest

import ecc_lava
from ecc_lava.analysis import PICTURES, draw_stream
from tests.helpers.streams import random_frames, skip_network

STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("format", PICTURES)
def test_a_picture_of_every_format(format: str) -> None:
    network = skip_network(1)
    frames = random_frames(network, 1, 20)["input"]
    report = ecc_lava.check_stream(ecc_lava.sigma_delta(network), frames, lava=False)
    assert draw_stream(report, frames[0], format).startswith(STARTS[format])


def test_still_black_frames_have_a_picture() -> None:
    network = skip_network(1)
    frames = np.zeros((1, 1, *network.input.shape[:2], 3), np.uint8)
    report = ecc_lava.check_stream(ecc_lava.sigma_delta(network), frames, lava=False)
    assert draw_stream(report, frames[0, :, :, :, :2]).startswith(STARTS["png"])
