"""The codings by which an image becomes what an input population sends; `ecc_lava.inputs.encoding` applies them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecc_lava.errors import InvalidInput

__all__ = ["CODINGS", "PAYLOAD_MAX", "InputCoding"]

PAYLOAD_MAX = 255
"""Largest value of an 8-bit graded spike, and the largest q."""

CODINGS = ("graded", "rate", "poisson", "events")
"""Kinds of input coding; see `InputCoding`."""

_SEED_MAX = 2**63 - 1


@dataclass(frozen=True)
class InputCoding:
    """How an image becomes what the input population sends.

    An image becomes ``q = round((x - offset) / scale)`` in 0..255 for all kinds but events.

    - graded: q is sent as an 8-bit graded spike at every step.
    - rate: every value drives an integrate-and-fire neuron of bias q, threshold 255 and initial potential 127, so that 255 fires at every
      step; its spikes are binary.
    - poisson: a binary spike with probability q / 255 at every step, independently.
    - events: the data are binary spikes themselves, (N, T, H, W, C), sent as they are; the CNN's input is their mean over time.

    Attributes
    ----------
    kind : {"graded", "rate", "poisson", "events"}
    offset, scale : float
        In units of the model's input; 0 and 1 for events.
    uint8_scale : float
        Factor that brings a stored uint8 pixel into the units that the model takes (1/255, or 1 if the model rescales itself).
    channels_first : bool
        Whether the model takes (N, C, H, W).
    seed : int
        Seed of the poisson draws.
    """

    kind: str = "graded"
    offset: float = 0.0
    scale: float = 1.0
    uint8_scale: float = 1.0 / 255.0
    channels_first: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in CODINGS:
            raise InvalidInput(f"input coding {self.kind!r} is not known; known: {', '.join(CODINGS)}")
        if not (np.isfinite([self.offset, self.scale, self.uint8_scale]).all() and self.scale > 0 and self.uint8_scale > 0):
            raise InvalidInput(f"input coding needs finite numbers and positive scales, got {self}")
        if self.kind == "events" and (self.offset, self.scale) != (0.0, 1.0):
            raise InvalidInput(f"events are sent as they are, without offset and scale, got {self}")
        if not 0 <= self.seed <= _SEED_MAX:
            raise InvalidInput(f"seed {self.seed} of an input coding; it lies in 0 to {_SEED_MAX}")

    @property
    def largest(self) -> int:
        """Largest value sent in one step."""
        return PAYLOAD_MAX if self.kind == "graded" else 1

    @property
    def unit(self) -> float:
        """What a 1 at every step adds to the offset, in units of the model's input."""
        return self.scale if self.kind in ("graded", "events") else PAYLOAD_MAX * self.scale
