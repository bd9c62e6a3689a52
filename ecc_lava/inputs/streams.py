"""Sequences of frames as what the inputs of a stream send: the changes from one frame to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput

__all__ = ["changes", "changes_of_all"]


def changes(q: Array, theta: int = 1) -> Array:
    """Return the changes that an input sends, int16 (N, F, H, W, C).

    ``d = q - sent; k = d if |d| >= theta, else 0; sent <- sent + k`` for one frame after the other; every sequence begins with sent = 0.

    Parameters
    ----------
    q : uint8 array (N, F, H, W, C)
        Encoded frames.
    theta : int
        The least change that is sent.
    """
    frames = q.astype(np.int16)
    if theta == 1:
        return np.diff(frames, axis=1, prepend=np.int16(0))
    sent, result = np.zeros_like(frames[:, 0]), np.empty_like(frames)
    for index in range(frames.shape[1]):
        change = frames[:, index] - sent
        result[:, index] = np.where(np.abs(change) >= theta, change, 0)
        sent += result[:, index]
    return result


def changes_of_all(q: Mapping[str, Array], thetas: Sequence[int]) -> dict[str, Array]:
    """Return the changes that every input sends, by its name, from its frames and its theta in the network's order; see `changes`.

    Raises
    ------
    InvalidInput
        If the inputs have different numbers of frames.
    """
    if len({x.shape[1] for x in q.values()}) > 1:
        raise InvalidInput(f"the inputs have different numbers of frames, {', '.join(f'{name} {x.shape[1]}' for name, x in q.items())}")
    return {name: changes(x, theta) for (name, x), theta in zip(q.items(), thetas, strict=True)}
