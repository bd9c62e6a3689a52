"""Sequences of frames as what the inputs of a stream send: the changes from one frame to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ecc_lava.common import Array, Images
from ecc_lava.errors import InvalidInput

__all__ = ["changes", "changes_of_all", "frames_as_images", "labels_of_frames", "single_frames"]


def changes(q: Array, theta: int = 1, before: Array | None = None) -> Array:
    """Return the changes that an input sends, int16 (N, F, H, W, C).

    ``d = q - sent; k = d if |d| >= theta, else 0; sent <- sent + k`` for one frame after the other; every sequence begins with sent = 0.

    Parameters
    ----------
    q : uint8 array (N, F, H, W, C)
        Encoded frames.
    theta : int
        The least change that is sent.
    before : array (N, H, W, C), optional
        What was sent before these frames; nothing by default.
    """
    frames = q.astype(np.int16)
    sent, result = np.zeros_like(frames[:, 0]) if before is None else before.astype(np.int16), np.empty_like(frames)
    if theta == 1:
        return np.diff(frames, axis=1, prepend=sent[:, None])
    for index in range(frames.shape[1]):
        change = frames[:, index] - sent
        result[:, index] = np.where(np.abs(change) >= theta, change, 0)
        sent += result[:, index]
    return result


def changes_of_all(q: Mapping[str, Array], thetas: Sequence[int], before: Mapping[str, Array] | None = None) -> dict[str, Array]:
    """Return the changes that every input sends, by its name, from its frames and its theta in the network's order; see `changes`.

    Raises
    ------
    InvalidInput
        If the inputs have different numbers of frames.
    """
    if len({x.shape[1] for x in q.values()}) > 1:
        raise InvalidInput(f"the inputs have different numbers of frames, {', '.join(f'{name} {x.shape[1]}' for name, x in q.items())}")
    return {name: changes(x, theta, None if before is None else before[name]) for (name, x), theta in zip(q.items(), thetas, strict=True)}


def single_frames(x: Images) -> Images:
    """Return sequences (N, F, ...) as sequences of one frame each, (N*F, 1, ...), in the form in which they are given.

    A stream sends each of these frames whole, so that it does what its network does frame by frame.
    """
    return _of_each(x, lambda array: array.reshape(-1, 1, *array.shape[2:]))


def frames_as_images(x: Images) -> Images:
    """Return sequences (N, F, ...) as images (N*F, ...), in the form in which they are given."""
    return _of_each(x, lambda array: array.reshape(-1, *array.shape[2:]))


def _of_each(x: Images, form: Callable[[Array], Array]) -> Images:
    """Return the arrays of all inputs in another form."""
    if isinstance(x, np.ndarray):
        return form(x)
    if isinstance(x, Mapping):
        return {name: form(np.asarray(array)) for name, array in x.items()}
    return [form(np.asarray(array)) for array in x]


def labels_of_frames(y: Array, sequences: int, frames: int) -> Array:
    """Return one label for every frame, (N*F, ...), from labels of frames (N, F, ...) or of whole sequences (N, ...).

    Raises
    ------
    InvalidInput
        If there is not one label for each sequence.
    """
    if len(y) != sequences:
        raise InvalidInput(f"{len(y)} rows of labels for {sequences} sequences of frames; each sequence needs one")
    if y.ndim > 1 and y.shape[1] == frames:
        return y.reshape(-1, *y.shape[2:])
    return y.repeat(frames, axis=0)
