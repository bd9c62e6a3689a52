"""Boxes and frames as a tracker takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput

__all__ = ["Box", "checked_box", "checked_frame"]

Box: TypeAlias = tuple[float, float, float, float]
"""x, y of the upper left corner, width, height, in pixels; the first pixel reaches from 0 to 1."""

EDGE_MIN = 2.0
"""Least width and height of a box, pixels."""


def checked_box(box: Sequence[float] | Array, frame: Array) -> Box:
    """Return the box of an object in a frame.

    Raises
    ------
    InvalidInput
        If it has no four finite numbers, is smaller than 2 pixels, or reaches outside the frame.
    """
    values = np.asarray(box, dtype=object)
    numbers = np.array([v for v in values.ravel() if isinstance(v, int | float | np.number)], np.float64)
    if values.shape != (4,) or len(numbers) != 4 or not np.isfinite(numbers).all():
        raise InvalidInput(f"box {_told(values)}; it needs four finite numbers: x, y, width, height in pixels")
    x, y, width, height = map(float, numbers)
    if min(width, height) < EDGE_MIN:
        raise InvalidInput(f"box {_told(values)} is {width:g} x {height:g} pixels; at least {EDGE_MIN:g} x {EDGE_MIN:g} are needed")
    rows, columns = frame.shape[:2]
    if min(x, y) < 0 or x + width > columns or y + height > rows:
        left, top, right, bottom = max(x, 0.0), max(y, 0.0), min(x + width, float(columns)), min(y + height, float(rows))
        inside = f": its part inside is {left:g} {top:g} {right - left:g} {bottom - top:g}" if left < right and top < bottom else ""
        raise InvalidInput(f"box {_told(values)} reaches outside the frame of {columns} x {rows} pixels (width x height){inside}")
    return x, y, width, height


def checked_frame(frame: Array, channels: int, like: Array | None = None) -> Array:
    """Return a frame as (H, W, C).

    Parameters
    ----------
    frame : array (H, W, C), or (H, W) of one channel
    channels : int
        C of the embedding.
    like : array (H, W, C), optional
        The first frame, whose size and type the frame must have.

    Raises
    ------
    InvalidInput
        If it has another shape or type, is empty, or holds NaN or infinity.
    """
    frame = np.asarray(frame)
    if frame.dtype.kind not in "uif":
        raise InvalidInput(f"a frame of type {frame.dtype}; it needs numbers")
    if frame.ndim == 2 and channels == 1:
        frame = frame[..., None]
    if frame.ndim != 3 or frame.shape[2] != channels or not frame.size:
        raise InvalidInput(f"a frame of shape {frame.shape}; the embedding takes frames of (height, width, {channels})")
    if like is not None and (frame.shape != like.shape or frame.dtype != like.dtype):
        raise InvalidInput(
            f"a frame {frame.dtype} {frame.shape}, the first one was {like.dtype} {like.shape}; "
            "all frames of a sequence have one size and type: start anew after a change"
        )
    if frame.dtype.kind == "f" and not np.isfinite(frame).all():
        raise InvalidInput(f"a frame holds NaN or infinity, {int((~np.isfinite(frame)).sum())} values of {frame.size}")
    return frame


def _told(values: Array) -> str:
    return f"{' '.join(f'{v:g}' if isinstance(v, int | float | np.number) else repr(v) for v in values.ravel()[:5])}"[:80]
