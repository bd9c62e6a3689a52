"""The thresholds of a stream, chosen on unlabelled frames for a stated error of the outputs or a stated number of events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Final

import numpy as np

from ecc_lava.backends import Result, simulate
from ecc_lava.common import Array, Images, Progress
from ecc_lava.conversion.streams import sigma_delta
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import clipping_not_repeated, single_frames
from ecc_lava.networks import Kind, QuantisedNetwork

__all__ = ["StreamThresholds", "stream_thresholds"]

PROBES: Final = (2, 4, 8, 16)
"""Thresholds that are tried on each population alone, beside 1."""

ROUNDS: Final = 12
"""Combinations of thresholds that are run to find the best one within the limit."""


@dataclass(frozen=True)
class StreamThresholds:
    """Thresholds, and what they did on the frames that they were chosen on.

    Attributes
    ----------
    thresholds : population -> int
        For `ecc_lava.sigma_delta`.
    error : float
        RMS error of the logits against the network frame by frame, over the deviation of these.
    events : float
        Synops of any payload, input included, as a share of those of the network frame by frame.
    """

    thresholds: dict[str, int]
    error: float
    events: float


def stream_thresholds(
    network: QuantisedNetwork,
    frames: Images,
    *,
    max_error: float | None = None,
    max_events: float | None = None,
    progress: Progress | None = None,
) -> StreamThresholds:
    """Choose the threshold of every population of a stream, without labels.

    Each population alone is run with each threshold of `PROBES`, which gives the events that it saves and the squared error that it makes.
    A price of the squared error then chooses thresholds, ``argmax(saved - price * error**2)`` for each population, and the price is
    searched by bisection. Each combination, and every single threshold for all populations, is run, and the best one that keeps the limit
    is returned: the fewest events within `max_error`, or the least error within `max_events`.

    Parameters
    ----------
    network : QuantisedNetwork
        As `sigma_delta` takes it.
    frames : array (N, F, H, W, C), or arrays by input name
    max_error : float, optional
        Most RMS error of the logits, over the deviation of the logits of the network frame by frame; 0.01 is one percent.
    max_events : float, optional
        Most synops, as a share of those of the network frame by frame. One of the two limits is given.
    progress : callable (stage, done, total), optional

    Raises
    ------
    InvalidInput
        If not one limit is given, a limit is out of range or out of reach, or network or frames do not fit.
    """
    _check_limits(max_error, max_events)
    with clipping_not_repeated():
        trials = _Trials(network, frames)
        prices = _probed(trials, progress)
        limit, by_error = (max_error, True) if max_error is not None else (max_events, False)
        assert limit is not None
        _search(trials, prices, limit, by_error, progress)
    kept = [t for t in trials.known.values() if (t.error if by_error else t.events) <= limit]
    if not kept:
        least = min(t.events for t in trials.known.values())
        raise InvalidInput(f"max_events {limit:g} is out of reach; thresholds up to {PROBES[-1]} leave {least:.3g} of the events")
    return min(kept, key=lambda t: (t.events, t.error) if by_error else (t.error, t.events))


def _check_limits(max_error: float | None, max_events: float | None) -> None:
    if (max_error is None) == (max_events is None):
        raise InvalidInput("give either max_error or max_events: what the thresholds must keep")
    if max_error is not None and not (isfinite(max_error) and max_error >= 0):
        raise InvalidInput(f"max_error {max_error}; it must be a number of at least 0, such as 0.01 for one percent")
    if max_events is not None and not 0 < max_events <= 1:
        raise InvalidInput(f"max_events {max_events}; it must be a share above 0 and up to 1")


@dataclass
class _Trials:
    """Runs of a network as a stream with different thresholds on the same frames."""

    network: QuantisedNetwork
    frames: Images
    known: dict[tuple[int, ...], StreamThresholds] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stream = sigma_delta(self.network)
        self.largest = {p.name: p.payload.largest for p in stream.populations if p.kind is not Kind.READOUT}
        exact = simulate(stream, self.frames)
        self._reference = _logits(exact)
        self._deviation = float(self._reference.std()) or 1.0
        self._whole = _events(simulate(stream, single_frames(self.frames)))
        self._keep(dict.fromkeys(self.largest, 1), exact)

    def run(self, thresholds: Mapping[str, int]) -> StreamThresholds:
        """Return what thresholds do; those that are not named are 1, and none is larger than its population's payload."""
        full = {name: min(thresholds.get(name, 1), largest) for name, largest in self.largest.items()}
        key = tuple(full.values())
        return self.known[key] if key in self.known else self._keep(full, simulate(sigma_delta(self.network, full), self.frames))

    def _keep(self, full: dict[str, int], result: Result) -> StreamThresholds:
        error = float(np.sqrt(np.mean((_logits(result) - self._reference) ** 2))) / self._deviation
        found = StreamThresholds(full, error, _events(result) / max(self._whole, 1.0))
        self.known[tuple(full.values())] = found
        return found


_Prices = dict[str, list[tuple[int, float, float]]]
"""Of each population: thresholds, the share of events that each saves, and the squared error that it makes."""


def _probed(trials: _Trials, progress: Progress | None) -> _Prices:
    """Try each population alone, and all of them together with the same threshold."""
    base, prices = trials.run({}), dict[str, list[tuple[int, float, float]]]()
    for index, (name, largest) in enumerate(trials.largest.items()):
        prices[name] = [(1, 0.0, 0.0)]
        for theta in (t for t in PROBES if t <= largest):
            found = trials.run({name: theta})
            prices[name].append((theta, base.events - found.events, found.error**2))
        if progress:
            progress("trying thresholds", index + 1, len(trials.largest))
    for theta in PROBES:
        trials.run(dict.fromkeys(trials.largest, theta))
    return prices


def _search(trials: _Trials, prices: _Prices, limit: float, by_error: bool, progress: Progress | None) -> None:
    """Run combinations of thresholds around the price at which the limit is just kept."""
    ratios = [saved / error for tried in prices.values() for _, saved, error in tried if saved > 0 < error]
    low, high = (np.log(min(ratios)) - 1, np.log(max(ratios)) + 3) if ratios else (0.0, 0.0)
    for number in range(ROUNDS):
        middle = (low + high) / 2
        price = float(np.exp(middle))
        found = trials.run({name: max(tried, key=lambda t: t[1] - price * t[2])[0] for name, tried in prices.items()})
        if progress:
            progress("combining thresholds", number + 1, ROUNDS)
        if (found.error > limit) if by_error else (found.events <= limit):
            low = middle  # errors must be dearer, or may be
        else:
            high = middle


def _logits(result: Result) -> Array:
    """Return the logits of all outputs in one array."""
    outputs = result.logits.values() if isinstance(result.logits, Mapping) else [result.logits]
    return np.concatenate([logits.reshape(-1) for logits in outputs]).astype(np.float64)


def _events(result: Result) -> float:
    """Return the mean synops of a frame, of any payload and of the input."""
    return float((result.synops + result.graded_synops + result.input_macs).mean())
