"""The thresholds of a stream, chosen on unlabelled frames for a stated error of the outputs or a stated number of events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Final

import numpy as np

from ecc_lava.backends import Result, output_error, simulate
from ecc_lava.common import Images, Progress
from ecc_lava.conversion.stream_costs import THETAS, threshold_costs
from ecc_lava.conversion.streams import sigma_delta
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import as_batch, by_input, clipping_not_repeated, single_frames
from ecc_lava.networks import Kind, QuantisedNetwork

__all__ = ["StreamThresholds", "ThresholdSearch", "stream_thresholds"]

PROBE: Final = 4
"""Threshold that is tried on each population alone; what others err follows from how far they leave activations behind."""

WORTH_A_PROBE: Final = 0.0005
"""Share of all changes' events below which a population keeps 1."""

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

    What each threshold of a population saves, and how far activations then lag behind, follows from one run with all thresholds at 1. A
    run of each population alone at `PROBE` gives the squared error of the outputs that such a lag makes. A price of the squared error then
    chooses thresholds, ``argmax(saved - price * error**2)`` for each population, and the price is searched by bisection. Each combination,
    and every single threshold for all populations, is run, and the best one that keeps the limit is returned: the fewest events within
    `max_error`, or the least error within `max_events`.

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
    search = ThresholdSearch(network, frames, progress)
    return search.within_error(max_error) if max_error is not None else search.within_events(max_events or 0.0)


class ThresholdSearch:
    """The thresholds of one network's stream on the same frames, for several limits; parameters as for `stream_thresholds`."""

    def __init__(self, network: QuantisedNetwork, frames: Images, progress: Progress | None = None) -> None:
        self._tell: Progress = progress or (lambda stage, done, total: None)
        with clipping_not_repeated():
            self._trials = _Trials(network, frames)
            self._prices = _probed(self._trials, self._tell)

    def within_error(self, limit: float) -> StreamThresholds:
        """Return the thresholds of the fewest events with at most this error."""
        _check_limits(limit, None)
        self._search(lambda trial: trial.error > limit)
        kept = [trial for trial in self._trials.known.values() if trial.error <= limit]
        return min(kept, key=lambda trial: (trial.events, trial.error))

    def within_events(self, limit: float) -> StreamThresholds:
        """Return the thresholds of the least error with at most these events."""
        _check_limits(None, limit)
        self._search(lambda trial: trial.events <= limit)
        kept = [trial for trial in self._trials.known.values() if trial.events <= limit]
        if not kept:
            least = min(trial.events for trial in self._trials.known.values())
            raise InvalidInput(f"max_events {limit:g} is out of reach; thresholds up to {THETAS[-1]} leave {least:.3g} of the events")
        return min(kept, key=lambda trial: (trial.error, trial.events))

    def _search(self, errors_may_be_dearer: Callable[[StreamThresholds], bool]) -> None:
        """Run combinations of thresholds around the price at which the limit is just kept."""
        ratios = [saved / error for tried in self._prices.values() for _, saved, error in tried if saved > 0 < error]
        low, high = (np.log(min(ratios)) - 1, np.log(max(ratios)) + 3) if ratios else (0.0, 0.0)
        with clipping_not_repeated():
            for number in range(ROUNDS):
                middle = (low + high) / 2
                price = float(np.exp(middle))
                found = self._trials.run({name: max(tried, key=lambda t: t[1] - price * t[2])[0] for name, tried in self._prices.items()})
                self._tell("combining thresholds", number + 1, ROUNDS)
                if errors_may_be_dearer(found):
                    low = middle
                else:
                    high = middle


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
        self.frames = by_input(self.frames, self.network.input_specs)
        self.largest = {p.name: p.payload.largest for p in stream.populations if p.kind is not Kind.READOUT}
        self.costs = threshold_costs(stream, as_batch(self.frames, stream.input_specs))
        exact = simulate(stream, self.frames)
        self._reference = exact.logits
        self._whole = simulate(stream, single_frames(self.frames)).events.mean()
        self._keep(dict.fromkeys(self.largest, 1), exact)

    def run(self, thresholds: Mapping[str, int]) -> StreamThresholds:
        """Return what thresholds do; those that are not named are 1, and none is larger than its population's payload."""
        full = {name: min(thresholds.get(name, 1), largest) for name, largest in self.largest.items()}
        key = tuple(full.values())
        return self.known[key] if key in self.known else self._keep(full, simulate(sigma_delta(self.network, full), self.frames))

    def _keep(self, full: dict[str, int], result: Result) -> StreamThresholds:
        found = StreamThresholds(full, output_error(result.logits, self._reference), float(result.events.mean() / max(self._whole, 1.0)))
        self.known[tuple(full.values())] = found
        return found


_Prices = dict[str, list[tuple[int, float, float]]]
"""Of each population: thresholds, the share of events that each saves, and the squared error that it makes."""


def _probed(trials: _Trials, tell: Progress) -> _Prices:
    """Try each population alone, and all of them together with the same threshold."""
    changes = sum(costs.events[0] for costs in trials.costs.values())
    worth = {name: c for name, c in trials.costs.items() if c.events[0] > WORTH_A_PROBE * changes}
    prices = dict[str, list[tuple[int, float, float]]]()
    for index, (name, costs) in enumerate(worth.items()):
        probe = min(PROBE, costs.thetas[-1])
        error = trials.run({name: probe}).error ** 2 / max(costs.lag[costs.thetas.index(probe)], 1.0)
        saved = (costs.events[0] - costs.events) / max(changes, 1.0)
        prices[name] = list(zip(costs.thetas, saved.tolist(), (error * costs.lag).tolist(), strict=True))
        tell("trying thresholds", index + 1, len(worth))
    for theta in THETAS:
        trials.run(dict.fromkeys(trials.largest, theta))
    return prices
