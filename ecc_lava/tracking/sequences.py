"""Sequences with known boxes: objects cut from images move before a background of images.

The object changes its place and size, other objects move behind it, and in some sequences a piece of another image passes in front of it.
All draws follow from a seed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.errors import InvalidInput
from ecc_lava.tracking.sampling import sampled

__all__ = ["ObjectSequence", "moving_object"]

FRAME = 128
"""Pixels on each side of a frame."""

BACKGROUND = 4
"""Images on each side of a background; each is enlarged so that the whole is twice as wide as a frame."""

DISTRACTORS = 3
"""Other objects in a sequence."""

OCCLUDED = 0.5
"""Share of sequences in which something passes in front of the object."""

PASSING = 10
"""Frames in which it passes."""

IMAGES = BACKGROUND**2 + DISTRACTORS + 2
"""Images of a sequence: of the background, the object, the distractors and what passes in front."""


class ObjectSequence(NamedTuple):
    """Frames, and the box of an object in each.

    Attributes
    ----------
    frames : uint8 array (F, H, W, C)
    boxes : float64 array (F, 4)
        x, y of the upper left corner, width, height, in pixels; the first pixel reaches from 0 to 1.
    """

    frames: Array
    boxes: Float


class _Cutout(NamedTuple):
    """An object cut from an image: colours times opacity, opacity (N, N, 1), and the object's size in pixels (width, height)."""

    colours: Float
    opacity: Float
    size: Float


def moving_object(images: Array, seed: int, frames: int = 40) -> ObjectSequence:
    """Return a sequence of an object of one image before a background of others, and its boxes.

    Parameters
    ----------
    images : uint8 array (N, H, W, C)
        At least 21 square images, of which the seed chooses 21.
    seed : int
        Decides everything: images, places, sizes.
    frames : int
        Number of frames, at least 2.

    Returns
    -------
    ObjectSequence
        Frames of 128 pixels on each side. The object is whole in every frame.

    Raises
    ------
    InvalidInput
        If there are too few images or frames, or the images are not square and uint8.
    """
    if images.ndim != 4 or images.dtype != np.uint8 or images.shape[1] != images.shape[2] or len(images) < IMAGES or frames < 2:
        raise InvalidInput(
            f"{frames} frames from images {images.dtype} {images.shape}; at least 2 frames and {IMAGES} square uint8 images are needed"
        )
    rng = np.random.Generator(np.random.Philox(seed))
    chosen = images[rng.choice(len(images), IMAGES, replace=False)].astype(np.float64)
    background = _background(rng, chosen[: BACKGROUND**2], frames)
    front = _cutout(rng, chosen[-1])
    target, *others = (_cutout(rng, image) for image in chosen[BACKGROUND**2 : -1])
    centres, scales = _path(rng, frames, target.size)
    paths = [_path(rng, frames, other.size) for other in others]
    passing = _passing(rng, frames)
    result = np.empty((frames, FRAME, FRAME, images.shape[3]), np.uint8)
    for at, frame in enumerate(background):
        for other, (places, sizes) in zip(others, paths, strict=True):
            _paste(frame, other, places[at], sizes[at])
        _paste(frame, target, centres[at], scales[at])
        if passing is not None and abs(passing[at]) <= 1.5:
            _paste(frame, front, centres[at] + [passing[at] * target.size[0] * scales[at], 0.0], 0.7 * scales[at])
        result[at] = np.rint(np.clip(frame, 0.0, 255.0))
    sizes = scales[:, None] * target.size
    return ObjectSequence(result, np.concatenate([centres - sizes / 2, sizes], axis=1))


def _cutout(rng: np.random.Generator, image: Float) -> _Cutout:
    """Return an ellipse-like middle of an image, with a soft edge of a pixel."""
    edge = image.shape[0]
    radii = rng.uniform(0.3, 0.44, 2) * edge
    away = np.abs(np.arange(edge) + 0.5 - edge / 2)
    distance = ((away[None] / radii[0]) ** 3 + (away[:, None] / radii[1]) ** 3) ** (1 / 3)
    opacity = np.clip((1.0 - distance) * radii.min() + 0.5, 0.0, 1.0)[..., None]
    return _Cutout(image * opacity, opacity, 2 * radii)


def _walk(rng: np.random.Generator, frames: int, dimensions: int, step: float) -> Float:
    """Return smooth random paths, (frames, dimensions): speeds of `step` a frame that turn over about five frames."""
    speed, kept = rng.normal(size=dimensions), 0.8
    speeds = np.empty((frames, dimensions))
    for at in range(frames):
        speeds[at] = speed
        speed = kept * speed + np.sqrt(1 - kept**2) * rng.normal(size=dimensions)
    return np.cumsum(step * speeds, axis=0)


def _mirrored(path: Float, low: Float, high: Float) -> Float:
    """Return a path that turns back at two limits."""
    span = high - low
    return low + span - np.abs((path - low) % (2 * span) - span)


def _path(rng: np.random.Generator, frames: int, size: Float) -> tuple[Float, Float]:
    """Return centres (frames, 2) in x and y, and scales (frames,), of an object that stays inside the frame."""
    low, high = np.log(0.7), np.log(1.6)
    scales = np.exp(_mirrored(rng.uniform(low, high) + _walk(rng, frames, 1, 0.02), np.array(low), np.array(high)))
    margin = scales * size / 2
    centres = rng.uniform(margin[0], FRAME - margin[0]) + _walk(rng, frames, 2, rng.uniform(1.0, 3.0))
    return _mirrored(centres, margin, FRAME - margin), scales[:, 0]


def _passing(rng: np.random.Generator, frames: int) -> Float | None:
    """Return how many widths of the object lie between it and what passes in front of it, (frames,); None if nothing does."""
    if rng.random() >= OCCLUDED or frames < 2 * PASSING:
        return None
    middle = rng.integers(PASSING, frames - PASSING + 1)
    return float(rng.choice([-1.0, 1.0])) * 3.0 * (np.arange(frames) - middle) / PASSING


def _background(rng: np.random.Generator, images: Float, frames: int) -> Float:
    """Return the background of every frame, (frames, FRAME, FRAME, C): a mosaic of images under a camera that moves."""
    rows = [np.concatenate(list(row), axis=1) for row in images.reshape(BACKGROUND, BACKGROUND, *images.shape[1:])]
    mosaic = np.concatenate(rows, axis=0)
    pixel = mosaic.shape[0] / (2 * FRAME)
    places = _mirrored(rng.uniform(0, FRAME, 2) + _walk(rng, frames, 2, 1.0), np.array(1.0 / pixel), np.array(FRAME - 1.0 / pixel))
    within = (np.arange(FRAME) + 0.5) * pixel
    return np.stack([sampled(mosaic, within + x * pixel, within + y * pixel) for x, y in places])


def _paste(frame: Float, cutout: _Cutout, centre: Float, scale: float) -> None:
    """Draw an object over a frame, in place."""
    edge = len(cutout.opacity)
    reach = scale * edge / 2
    first = np.maximum(np.floor(centre - reach), 0).astype(int)
    last = np.minimum(np.ceil(centre + reach), FRAME).astype(int)
    if (first >= last).any():
        return
    columns, rows = ((np.arange(a, b) + 0.5 - c) / scale + edge / 2 for a, b, c in zip(first, last, centre, strict=True))
    part = frame[first[1] : last[1], first[0] : last[0]]
    part *= 1.0 - sampled(cutout.opacity, rows, columns)
    part += sampled(cutout.colours, rows, columns)
