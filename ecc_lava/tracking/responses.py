"""From the responses at several scales to the place and the scale of the object in the window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.errors import InvalidInput

__all__ = ["Following", "Move", "best_move"]

SCALES = 3
"""Search sizes: smaller, equal and larger by `Following.scale_step`."""


@dataclass(frozen=True)
class Following:
    """How a tracker cuts windows, and how it follows their responses.

    Source of all but the numbers: Bertinetto et al., "Fully-Convolutional Siamese Networks for Object Tracking", ECCV 2016 workshops
    (SiamFC). The numbers were chosen on sequences of training images.

    Attributes
    ----------
    context : float
        Margin of the exemplar's window around a box of width w and height h: the window is as large as a rectangle that has
        ``context * (w + h)`` more on both sides.
    scale_step : float
        Ratio of neighbouring search sizes.
    scale_penalty : float
        Factor on the responses of a changed size.
    scale_damping : float
        Share of a change of size that the box takes over in a frame.
    place_prior : float
        Share of a cosine around the window's middle in the response that is compared, 0 to 1.
    upsampling : int
        Places in each cell of the response among which the largest is searched, by cubic interpolation.
    """

    context: float = 0.5
    scale_step: float = 1.05
    scale_penalty: float = 0.97
    scale_damping: float = 0.7
    place_prior: float = 0.2
    upsampling: int = 8

    def __post_init__(self) -> None:
        limits = {"context": (0, 4), "scale_penalty": (0, 1), "scale_damping": (0, 1), "place_prior": (0, 1), "scale_step": (1, 2)}
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise InvalidInput(f"{name} {getattr(self, name)} of Following; it lies in {low} to {high}")
        if not 1 <= self.upsampling <= 64:
            raise InvalidInput(f"upsampling {self.upsampling} of Following; it lies in 1 to 64")

    @property
    def scales(self) -> Float:
        """The factors on the search size, (3,)."""
        return np.asarray(self.scale_step ** np.arange(-1.0, 2.0))


class Move(NamedTuple):
    """Where the object is: its distance from the window's middle in cells of the response, and which scale fits it."""

    x: float
    y: float
    scale: int


def best_move(responses: Array, following: Following) -> Move:
    """Return the place of the largest response over all scales.

    Each response, enlarged by cubic interpolation, is weighed by the penalty of its scale. The largest chooses the scale. That scale's
    response less its minimum, over its sum, is mixed with a cosine window; its largest value is the place.

    Parameters
    ----------
    responses : array (3, R, R')
        Of the smaller, the equal and the larger search size.
    following : Following
    """
    rows, columns = (_cubic(size, following.upsampling) for size in responses.shape[1:])
    enlarged = rows @ responses @ columns.T
    peaks = enlarged.max(axis=(1, 2))
    least = enlarged.min()
    same = SCALES // 2
    weighed = (peaks - least) * np.where(np.arange(SCALES) == same, 1.0, following.scale_penalty)
    scale = same if weighed[same] == weighed.max() else int(weighed.argmax())
    chosen = enlarged[scale] - enlarged[scale].min()
    prior = np.outer(*(np.hanning(size + 2)[1:-1] for size in chosen.shape))
    share = following.place_prior
    mixed = (1.0 - share) * chosen / max(chosen.sum(), np.finfo(float).tiny) + share * prior / prior.sum()
    row, column = np.unravel_index(mixed.argmax(), mixed.shape)
    y, x = ((at - (size - 1) / 2) / following.upsampling for at, size in zip((row, column), mixed.shape, strict=True))
    return Move(float(x), float(y), scale)


def _cubic(size: int, factor: int) -> Float:
    """Return the matrix that enlarges `size` values to ``(size - 1) * factor + 1``: cubic convolution with a = -1/2, ends repeated.

    Source: Keys, IEEE Transactions on Acoustics, Speech, and Signal Processing 29(6), 1981.
    """
    places = np.arange((size - 1) * factor + 1) / factor
    first = np.minimum(np.floor(places).astype(int), max(size - 2, 0))
    matrix = np.zeros((len(places), size))
    for offset in range(-1, 3):
        away = np.abs(places - first - offset)
        near = 1.5 * away**3 - 2.5 * away**2 + 1.0
        far = -0.5 * away**3 + 2.5 * away**2 - 4.0 * away + 2.0
        weight = np.where(away <= 1, near, np.where(away < 2, far, 0.0))
        np.add.at(matrix, (np.arange(len(places)), np.clip(first + offset, 0, size - 1)), weight)
    return matrix
