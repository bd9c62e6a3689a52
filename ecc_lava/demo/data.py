"""The demo's embedded model and images."""

from __future__ import annotations

from pathlib import Path

from ecc_lava.inputs import Dataset, load_dataset

__all__ = ["MODEL", "calibration_images", "test_images"]

FOLDER = Path(__file__).parent / "digits"
MODEL = FOLDER / "digits_cnn.keras"
"""A CNN with two convolutions, BN, pooling and two dense layers, trained on scikit-learn's digits by `make_data`."""


def calibration_images() -> Dataset:
    """Return 256 training images, uint8 (N, 8, 8, 1), without labels."""
    return load_dataset(FOLDER / "digits.npz", "train")


def test_images() -> Dataset:
    """Return the 360 test images and their labels."""
    return load_dataset(FOLDER / "digits.npz", "test")
