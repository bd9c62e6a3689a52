"""Sequences with known boxes: repeatable, whole, and the object is where the box says."""

from __future__ import annotations

import numpy as np
import pytest

from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.tracking import moving_object
from ecc_lava.tracking.sampling import sampled, window

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 32, 32, 3), np.uint8)


def test_a_seed_decides_everything() -> None:
    one, same, other = (moving_object(IMAGES, seed, 6) for seed in (3, 3, 4))
    assert (one.frames == same.frames).all()
    assert (one.boxes == same.boxes).all()
    assert (one.frames != other.frames).any()
    assert one.frames.shape == (6, 128, 128, 3)
    assert one.boxes.shape == (6, 4)


@pytest.mark.parametrize("seed", range(4))
def test_the_object_stays_inside_the_frame(seed: int) -> None:
    boxes = moving_object(IMAGES, seed, 24).boxes
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= 128).all()
    assert (boxes[:, 2:] > 10).all()
    assert np.ptp(boxes[:, 0]) > 1


def test_the_object_fills_its_box() -> None:
    """Before dark images, the one bright image shows up in its box and nowhere else."""
    for seed in range(40):
        images = np.zeros((21, 8, 8, 1), np.uint8)
        chosen = np.random.Generator(np.random.Philox(seed)).choice(21, 21, replace=False)
        images[chosen[16]] = 255
        sequence = moving_object(images, seed, 2)
        for frame, (x, y, width, height) in zip(sequence.frames, sequence.boxes, strict=True):
            rows, columns, _ = np.nonzero(frame > 127)
            assert abs(rows.min() - y) < 2
            assert abs(rows.max() + 1 - y - height) < 2
            assert abs(columns.min() - x) < 2
            assert abs(columns.max() + 1 - x - width) < 2


def test_sampling_repeats_pixels_and_lies_between_them() -> None:
    image = np.arange(12.0).reshape(3, 4, 1)
    assert (sampled(image, np.arange(3) + 0.5, np.arange(4) + 0.5) == image).all()
    assert sampled(image, np.array([1.0]), np.array([2.0])).item() == np.mean([1, 2, 5, 6])
    assert sampled(image, np.array([-1.0]), np.array([2.0])).item() == 0


def test_a_window_has_the_mean_colour_outside_the_frame() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (20, 20, 3), np.uint8)
    part = window(frame, (0.0, 10.0), (20.0, 20.0), (20, 20))
    assert part.dtype == np.uint8
    assert (part[:, 10:] == frame[:, :10]).all()
    assert (part[:, :9] == np.rint(frame.mean(axis=(0, 1)))).all()


@pytest.mark.parametrize(
    ("images", "frames"), [(IMAGES[:20], 4), (IMAGES, 1), (IMAGES[:, :30], 4), (IMAGES.astype(np.float32), 4), (IMAGES[0], 4)]
)
def test_too_little_to_draw_from_is_refused(images: Array, frames: int) -> None:
    with pytest.raises(InvalidInput, match="21 square uint8 images are needed"):
        moving_object(images, 0, frames)
