"""Windows around boxes: what an embedding sees of a frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.tracking.boxes import Box, checked_box, checked_frame
from ecc_lava.tracking.layout import checked_shape
from ecc_lava.tracking.responses import Following
from ecc_lava.tracking.sampling import window

__all__ = ["pixel_size", "search_windows", "windows_at"]


def pixel_size(box: Box, exemplar: Sequence[int], context: float) -> float:
    """Return the side of a window's pixel in pixels of the frame.

    The exemplar's window covers as much as a rectangle of ``width + m`` by ``height + m`` with ``m = context * (width + height)``.
    """
    margin = context * (box[2] + box[3])
    return float(np.sqrt((box[2] + margin) * (box[3] + margin) / (exemplar[0] * exemplar[1])))


def windows_at(frame: Array, centre: tuple[float, float], pixels: Sequence[float] | Array, shape: Sequence[int]) -> Array:
    """Return windows of a shape around one place of a frame, (N, H, W, C): one for each size of a pixel."""
    return np.stack([window(frame, centre, (shape[1] * pixel, shape[0] * pixel), (shape[0], shape[1])) for pixel in pixels])


def search_windows(
    frames: Array, boxes: Array, exemplar_shape: Sequence[int], search_shape: Sequence[int], following: Following | None = None
) -> Array:
    """Return the search window around the box of each frame, (F, H, W, C): what the embedding of a tracker is converted and calibrated on.

    Parameters
    ----------
    frames : array (F, H, W, C)
    boxes : array (F, 4)
        x, y, width, height.
    exemplar_shape, search_shape : (H, W, C)
        As `ecc_lava.Siamese` takes them.
    following : Following, optional
        Its context is the tracker's.

    Raises
    ------
    InvalidInput
        If there are no frames, a box for each frame is missing, or as `ecc_lava.Siamese.start` of a frame and its box.
    """
    exemplar, search = checked_shape(exemplar_shape, "exemplar_shape"), checked_shape(search_shape, "search_shape")
    if len(frames) != len(boxes) or not len(frames):
        raise InvalidInput(f"{len(frames)} frames and {len(boxes)} boxes; each frame needs one, and there is at least one frame")
    context = (Following() if following is None else following).context
    found = []
    for frame, box in zip(frames, boxes, strict=True):
        image = checked_frame(frame, search[2])
        x, y, width, height = checked_box(box, image)
        pixel = pixel_size((x, y, width, height), exemplar, context)
        found.append(windows_at(image, (x + width / 2, y + height / 2), [pixel], search)[0])
    return np.stack(found)
