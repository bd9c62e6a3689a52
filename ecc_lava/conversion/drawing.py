"""Which of the images given calibrate: seeded draws, and validation images that stand in none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ecc_lava.cluster import Shards, shared_out
from ecc_lava.common import Array, Images, StageProgress
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import ImageSource, batch_part, batch_size

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["CALIBRATION_IMAGES", "calibration_subset", "drawn_images", "over_draws", "validation_subset"]

CALIBRATION_IMAGES: Final = 256
"""Calibration images that are drawn of those given unless a caller names another number."""

VALIDATION_MIN: Final = 100
"""Fewest images that judge draws: one of them is one percent."""

VALIDATION_MAX: Final = 1000
"""Most images that judge draws; the CNN, in floats of 64 bits, takes most of their time."""


def calibration_subset(images: int, seed: int = 0, size: int = CALIBRATION_IMAGES) -> Array:
    """Return the sorted indices of `size` images, drawn without replacement by a Philox generator, or of all if there are fewer."""
    if images <= size:
        return np.arange(images)
    return np.sort(np.random.Generator(np.random.Philox(seed)).choice(images, size, replace=False))


def drawn_images(images: Images | ImageSource, seed: int, size: int | None) -> Images:
    """Return so many of the images, as `calibration_subset` draws them; all without a size. Of a source, only these are read.

    Raises
    ------
    InvalidInput
        If the size is less than 1.
    """
    if size is not None and size < 1:
        raise InvalidInput(f"calibration_images {size}; at least 1 image is needed")
    total = batch_size(images)
    if size is None or total <= size:
        return batch_part(images, slice(None)) if isinstance(images, ImageSource) else images
    return batch_part(images, calibration_subset(total, seed, size))


def validation_subset(images: int, seeds: Sequence[int], size: int | None) -> Array:
    """Return the sorted indices of the images that judge draws: of those in no draw at most `VALIDATION_MAX`, drawn by the first seed.

    Parameters
    ----------
    images : int
        Number of all images.
    seeds : sequence of int
        Of the draws.
    size : int or None
        Images of a draw.

    Raises
    ------
    InvalidInput
        If fewer than `VALIDATION_MIN` images are left.
    """
    is_left = np.ones(images, bool)
    for seed in seeds:
        is_left[calibration_subset(images, seed, images if size is None else size)] = False
    left = np.flatnonzero(is_left)
    if len(left) < VALIDATION_MIN:
        each = images if size is None else size
        raise InvalidInput(
            f"{len(seeds)} draws of {each} calibration images leave {len(left)} of {images} images to judge them by; at least "
            f"{VALIDATION_MIN} are needed: give {len(seeds) * each + VALIDATION_MIN} images, or draw fewer or smaller sets"
        )
    chosen: Array = left[calibration_subset(len(left), seeds[0], VALIDATION_MAX)]
    return chosen


def over_draws(
    function: Callable[[Any, tuple[Images, int]], Any],
    shared: Any,
    images: Images | ImageSource,
    seeds: Sequence[int],
    size: int | None = CALIBRATION_IMAGES,
    *,
    client: Client | None = None,
    finished: Callable[[int, Any], None] = lambda index, result: None,
    progress: StageProgress | None = None,
) -> list[Any]:
    """Return ``[function(shared, (images that a seed draws, seed)) for seed in seeds]``, a draw a worker if there is a cluster.

    Parameters
    ----------
    function : callable (shared, (images, seed)) -> result
        For workers it stands at the top of a module.
    shared : object
        What all draws take.
    images : array (N, H, W, C), arrays by input name, or ImageSource
        That are drawn of.
    seeds, size, client
    finished : callable (index, result)
        Called once for every draw, in the order in which they end.
    progress : callable (done, total), optional
    """
    tell = progress or (lambda done, total: None)
    shards = Shards(
        [1] * len(seeds),
        lambda index: (drawn_images(images, seeds[index], size), seeds[index]),
        finished,
        lambda done, total, report: tell(done, total),
    )
    return shared_out(client, function, shared, shards)
