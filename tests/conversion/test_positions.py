"""Which positions of a map are sampled: as many of every image, others of other images, the same however the work is cut."""

from __future__ import annotations

import numpy as np
import pytest

from ecc_lava.common.arrays import Array
from ecc_lava.conversion.calibration.positions import at_positions


def _of_images(images: slice, rows: Array, columns: Array) -> Array:
    """Return (image, row, column) of every position, (N, P, 3)."""
    numbers = np.arange(images.start, images.stop)
    return np.stack(np.broadcast_arrays(numbers[:, None], rows, columns), axis=-1)


@pytest.mark.parametrize(("images", "most"), [(256, 4096), (100, 350), (7, 50), (1, 1), (40, 3)])
def test_every_image_has_as_many_positions_none_twice(images: int, most: int) -> None:
    found = at_positions((9, 11, 4), images, most, 32, _of_images)
    each = max(1, min(99, most // images))
    assert found.shape == (images * each, 3)
    np.testing.assert_array_equal(found[:, 0], np.repeat(np.arange(images), each))
    assert len(np.unique(found, axis=0)) == len(found)
    assert (found[:, 1:] < (9, 11)).all()


def test_few_positions_of_each_image_cover_the_map() -> None:
    found = at_positions((8, 8, 1), 256, 4096, 32, _of_images)
    assert len(np.unique(found[:, 1:], axis=0)) == 64


@pytest.mark.parametrize("at_once", [1, 3, 5, 32, 1000])
def test_positions_do_not_depend_on_the_images_computed_at_once(at_once: int) -> None:
    expected = at_positions((6, 5, 1), 77, 300, 32, _of_images)
    np.testing.assert_array_equal(at_positions((6, 5, 1), 77, 300, at_once, _of_images), expected)
