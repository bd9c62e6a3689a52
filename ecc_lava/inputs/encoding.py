"""From images to what the input populations send: first the values q of all images, then the spikes of one part after another."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from ecc_lava.common import Array, integrate_and_fire, silenced
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs.batches import images_as_floats
from ecc_lava.inputs.coding import PAYLOAD_MAX, InputCoding
from ecc_lava.inputs.ranges import PIXELS, SIGNED, UNIT, InputRange, departure

__all__ = [
    "SeenImages",
    "choose_coding",
    "clipping_not_repeated",
    "encode",
    "encode_all",
    "seen_in",
    "sent",
    "sent_by_all",
    "warn_of_all",
]

_log = logging.getLogger(__name__)

_DRAW = 2**16
"""Number of values that a draw of the poisson coding can take; probabilities are off by less than its inverse."""


def choose_coding(x: Array, coding: InputCoding) -> InputCoding:
    """Return `coding` with a range that holds all values of the calibration images; events stay as they are.

    The range is the first of [0, 1], [-1, 1] and [0, 255] that holds the data, else the data's minimum and maximum.

    Parameters
    ----------
    x : float array (N, H, W, C)
        As the model takes it.
    coding : InputCoding
    """
    if coding.kind == "events":
        return coding
    found = InputRange(float(x.min()), float(x.max()))
    held = next((usual for usual in (UNIT, SIGNED, PIXELS) if usual.holds(found)), found)
    return replace(coding, offset=held.low, scale=max(held.width, 1e-12) / PAYLOAD_MAX)


def encode(x: Array, coding: InputCoding, seen: InputRange | None = None) -> Array:
    """Return ``q = round((x - offset) / scale)`` in 0..255 as uint8; values outside are clipped, with a warning. Events stay.

    A warning also says if the images' range departs from the calibration images', see `ecc_lava.inputs.ranges.departure`.

    Parameters
    ----------
    x : array (N, H, W, C); for events (N, T, H, W, C) of 0 and 1
        As stored: uint8 images are scaled by the coding's `uint8_scale`.
    coding : InputCoding
    seen : InputRange, optional
        Range of the calibration images.

    Raises
    ------
    InvalidInput
        For events that are neither 0 nor 1.
    """
    if coding.kind == "events":
        if (x.max(initial=0) > 1) if x.dtype == np.uint8 else ((x != 0) & (x != 1)).any():
            raise InvalidInput(f"events are 0 or 1; these lie in {x.min()} to {x.max()}")
        return x.astype(np.uint8)
    values = np.arange(2**8, dtype=np.uint8) if x.dtype == np.uint8 else x  # uint8: few values, many pixels
    exact = np.rint((images_as_floats(values, coding.uint8_scale) - coding.offset) / coding.scale)
    q, outside = np.clip(exact, 0, PAYLOAD_MAX).astype(np.uint8), (exact < 0) | (exact > PAYLOAD_MAX)
    if values is not x:
        q, outside = q[x], outside[x] if outside.any() else outside[:0]
    if x.size:
        warn_of_inputs(SeenImages(len(x), q.size, int(outside.sum()), float(x.min()), float(x.max()), x.dtype), coding, seen)
    return q


@dataclass(frozen=True)
class SeenImages:
    """What is told of the images of one input: numbers that add up over parts.

    Attributes
    ----------
    images, values, clipped : int
        How many; of the values, how many lie outside the coding's range.
    low, high : float
        The least and the largest value, as stored.
    dtype : NumPy type
    """

    images: int
    values: int
    clipped: int
    low: float
    high: float
    dtype: np.dtype[Any]

    def __add__(self, other: SeenImages) -> SeenImages:
        """Return what is told of both parts."""
        counts = self.images + other.images, self.values + other.values, self.clipped + other.clipped
        return SeenImages(*counts, min(self.low, other.low), max(self.high, other.high), self.dtype)

    @staticmethod
    def of(x: Array, coding: InputCoding) -> SeenImages:
        """Return what is told of images, (N, ...) and not empty."""
        counts = np.bincount(x.ravel(), minlength=2**8) if x.dtype == np.uint8 else None
        values = np.arange(2**8, dtype=np.uint8) if counts is not None else x
        exact = np.rint((images_as_floats(values, coding.uint8_scale) - coding.offset) / coding.scale)
        outside = (exact < 0) | (exact > PAYLOAD_MAX)
        clipped = 0 if coding.kind == "events" else int(outside.sum() if counts is None else counts[outside].sum())
        return SeenImages(len(x), x.size, clipped, float(x.min()), float(x.max()), x.dtype)


def seen_in(batch: Mapping[str, Array], codings: Sequence[InputCoding]) -> tuple[SeenImages, ...]:
    """Return what is told of the images of every input, (N, ...), in the network's order."""
    return tuple(SeenImages.of(x, coding) for x, coding in zip(batch.values(), codings, strict=True))


def warn_of_all(parts: Sequence[tuple[SeenImages, ...]], codings: Sequence[InputCoding], calibrated: Sequence[InputRange]) -> None:
    """Warn once of the images of all parts, each as `seen_in` has it."""
    for number, coding in enumerate(codings):
        warn_of_inputs(reduce(add, (part[number] for part in parts)), coding, calibrated[number] if calibrated else None)


def warn_of_inputs(found: SeenImages, coding: InputCoding, seen: InputRange | None) -> None:
    """Warn if values were clipped, or if the range of images departs from that of the calibration images."""
    if coding.kind == "events":
        return
    top = coding.offset + coding.scale * PAYLOAD_MAX
    said = [f"{found.clipped} of {found.values} input values lie outside [{coding.offset:g}, {top:g}] and were clipped"] * bool(
        found.clipped
    )
    if seen is not None:
        factor = coding.uint8_scale if found.dtype == np.uint8 else 1.0
        inside = InputRange(found.low * factor, found.high * factor)
        said.append(departure(found.images, found.dtype, inside, seen, coding.uint8_scale))
    if any(said):
        _log.warning("%s", "; ".join(filter(None, said)))


def encode_all(batch: Mapping[str, Array], codings: Sequence[InputCoding], seen: Sequence[InputRange] = ()) -> dict[str, Array]:
    """Return the values of every input population by its name, from the inputs in the network's order; see `encode`."""
    ranges: Sequence[InputRange | None] = seen or [None] * len(codings)
    return {name: encode(x, coding, found) for (name, x), coding, found in zip(batch.items(), codings, ranges, strict=True)}


def sent(q: Array, coding: InputCoding, timesteps: int, first: int = 0, population: int = 0) -> Array:
    """Return what an input population sends: uint8 (N, H, W, C), the same at every step, or binary spikes (N, T, H, W, C).

    Parameters
    ----------
    q : uint8 array
        As `encode` returns it.
    coding : InputCoding
    timesteps : int
        T.
    first : int
        Number of the first sample among all that are run: a sample's draws do not depend on its batch.
    population : int
        Number of the input population.

    Raises
    ------
    InvalidInput
        If events last fewer steps.
    """
    match coding.kind:
        case "graded":
            return q
        case "rate":
            return _rate(q, timesteps)
        case "poisson":
            return np.stack([_poisson(x, timesteps, (coding.seed, population), first + n) for n, x in enumerate(q)])
        case _:
            if q.shape[1] < timesteps:
                raise InvalidInput(f"the events last {q.shape[1]} steps; the network is run for {timesteps}, use fewer timesteps")
            return q[:, :timesteps]


def sent_by_all(q: Mapping[str, Array], codings: Sequence[InputCoding], timesteps: int, first: int = 0) -> dict[str, Array]:
    """Return what every input population sends, by its name; see `sent`."""
    return {
        name: sent(x, coding, timesteps, first, number) for number, ((name, x), coding) in enumerate(zip(q.items(), codings, strict=True))
    }


def _rate(q: Array, timesteps: int) -> Array:
    """Return the spikes of integrate-and-fire neurons of bias q: after t steps ``round(q * t / 255)``."""
    current, vth = q.astype(np.int32), np.array(PAYLOAD_MAX, np.int32)
    v = np.full_like(current, PAYLOAD_MAX // 2)
    spikes = np.empty((len(q), timesteps, *q.shape[1:]), np.uint8)
    for t in range(timesteps):
        step = integrate_and_fire(v, current, vth, 2 * PAYLOAD_MAX)  # v + q < 2 * 255: never reached
        v, spikes[:, t] = step.v, step.spikes
    return spikes


def _poisson(q: Array, timesteps: int, key: tuple[int, int], sample: int) -> Array:
    """Return the spikes of one sample: a Philox stream of its own for every (seed, population; sample, step)."""
    least = -(-q.astype(np.int64) * _DRAW // PAYLOAD_MAX)  # ceil: 255 always fires, 0 never
    spikes = np.empty((timesteps, *q.shape), np.uint8)
    for t in range(timesteps):
        stream = np.random.Philox(key=np.array(key, np.uint64), counter=np.array([0, 0, sample, t], np.uint64))
        words = stream.random_raw(-(-q.size // 4)).astype("<u8").view("<u2")
        spikes[t] = words[: q.size].reshape(q.shape) < least
    return spikes


def clipping_not_repeated() -> AbstractContextManager[None]:
    """Silence warnings of clipped values and of ranges, while a caller that has warned of all images encodes parts of them."""
    return silenced(_log)
