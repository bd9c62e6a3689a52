"""One result from the activity of many batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ecc_lava.backends.activity import Activity, ActivityOf
from ecc_lava.backends.counting import EVENTS, EventTally
from ecc_lava.backends.result import Result
from ecc_lava.backends.table import Network
from ecc_lava.common import BINARY, Array, Int, Payload, by_output
from ecc_lava.networks import QuantisedNetwork, depths, output_name

__all__ = ["Collector", "as_result", "compact_raster"]


def as_result(network: Network, activity: ActivityOf, backend: str, timesteps: int, record: Sequence[str]) -> Result:
    """Return the result of one batch's activity.

    Parameters
    ----------
    network : SpikingNetwork or QuantisedNetwork
    activity : population -> Activity
        The activity of every population.
    backend : str
        Name of the back end that ran.
    timesteps : int
    record : names of populations
        Populations whose counts, rasters and potentials the result keeps.
    """
    collector = Collector(network, record)
    collector.add(activity)
    return collector.result(backend, timesteps)


class Collector:
    """Adds up the activity of batches; `counter` counts events, and is made if there is none yet."""

    def __init__(self, network: Network, recorded: Sequence[str], counter: EventTally | None = None) -> None:
        self._network = network
        self._recorded = recorded
        self._batches: list[dict[str, Any]] = []
        self._samples = 0
        self._low = dict.fromkeys(network.by_name, 0)
        self._high = dict.fromkeys(network.by_name, 0)
        self._counter = counter or EventTally(network)

    def add(self, activity: ActivityOf) -> int:
        """Take one batch's activity and return how many samples there are now."""
        readouts = {p.name: activity[p.name] for p in self._network.readouts}
        samples = len(next(iter(readouts.values())).potential)
        over_time = {n: a.over_time.reshape(samples, a.over_time.shape[1], -1) for n, a in readouts.items() if a.over_time is not None}
        is_stream = self._network.is_stream
        spikes, events = self._events_of_frames(activity) if is_stream else self._events(activity)
        self._batches.append(
            {
                "readout": over_time if is_stream else {name: a.potential.reshape(samples, -1) for name, a in readouts.items()},
                "over_time": {} if is_stream else over_time,
                "spikes": spikes,
                **events,
                "recorded": {name: _compact(activity[name], self._network.by_name[name].payload) for name in self._recorded},
            }
        )
        for name, a in activity.items():
            self._low[name] += a.saturated_low
            self._high[name] += a.saturated_high
        self._samples += samples
        return self._samples

    def _events(self, activity: ActivityOf) -> tuple[dict[str, Int], dict[str, Int]]:
        """Return the spikes of every population and the events, (N,)."""
        return self._counter.count({name: a.messages for name, a in activity.items()})

    def _events_of_frames(self, activity: ActivityOf) -> tuple[dict[str, Int], dict[str, Int]]:
        """Return the spikes of every population and the events of every frame, (N, F)."""
        rasters = {name: a.raster for name, a in activity.items() if a.raster is not None}
        frames = next(iter(rasters.values())).shape[:2]
        changed = {name: (raster != 0).reshape(-1, *raster.shape[2:]) for name, raster in rasters.items()}
        spikes, events = self._counter.count(changed)
        silent = {name: np.zeros(frames, np.int64) for name in activity if name not in changed}
        return silent | {n: s.reshape(frames) for n, s in spikes.items()}, {what: e.reshape(frames) for what, e in events.items()}

    def result(self, backend: str, timesteps: int) -> Result:
        """Return the result of all batches together."""
        network, batches = self._network, self._batches
        integer = isinstance(network, QuantisedNetwork)
        units = _logit_units(network)
        readout = {name: np.concatenate([b["readout"][name] for b in batches]) for name in units}
        steps = np.arange(1, timesteps + 1)[:, None]
        over_time = {
            output_name(name): (np.concatenate([b["over_time"][name] for b in batches]) / (steps * unit)).astype(np.float32)
            for name, unit in units.items()
            if name in batches[0]["over_time"]
        }
        depth = depths(list(network.by_name), [(p.source, p.target) for p in network.projections])

        def recorded(field: int) -> dict[str, Array]:
            kept = {name: [b["recorded"][name][field] for b in batches] for name in self._recorded}
            return {name: np.concatenate(parts) for name, parts in kept.items() if parts[0] is not None}

        return Result(
            backend=backend,
            timesteps=timesteps,
            latency_steps=timesteps + max(depth.values()),
            logits=by_output({output_name(n): (readout[n] / (timesteps * unit)).astype(np.float32) for n, unit in units.items()}),
            readout=by_output({output_name(n): v.astype(np.int32) for n, v in readout.items()}) if integer else None,
            spike_counts={name: _joined(batches, "spikes", name) for name in network.by_name},
            **{what: np.concatenate([b[what] for b in batches]) for what in EVENTS},
            saturated_low=self._low,
            saturated_high=self._high,
            logits_over_time=by_output(over_time) if over_time else None,
            counts=recorded(0),
            raster=recorded(1),
            potential=recorded(2),
            sent=recorded(3),
        )


def _logit_units(network: Network) -> dict[str, Array]:
    """Return, for every readout by name, the potential per step that stands for 1 in the model's units."""
    if isinstance(network, QuantisedNetwork):
        return {p.name: np.atleast_1d(scale) for p, scale in zip(network.readouts, network.logit_scales, strict=True)}
    return {p.name: 1.0 / p.lambda_.ravel() for p in network.readouts}


def _joined(batches: list[dict[str, Any]], field: str, name: str) -> Int:
    return np.concatenate([b[field][name] for b in batches]).astype(np.int64)


def _compact(activity: Activity, payload: Payload) -> tuple[Array, Array | None, Array, Array | None]:
    """Return counts and raster in the types that `Result` promises, the potential, and the number of spikes with a payload."""
    raster = None if activity.raster is None else compact_raster(activity.raster, payload)
    sent = None if payload == BINARY or activity.sent is None else _narrow(activity.sent)
    return _narrow(activity.counts), raster, activity.potential, sent


def compact_raster(raster: Array, payload: Payload) -> Array:
    """Return what a population sent at each step, (N, T, H, W, C), as a `Result` has it: spikes in bits, or payloads in int16."""
    flat = raster.reshape(*raster.shape[:2], -1)
    return np.packbits(flat, axis=-1) if payload == BINARY else flat.astype(np.int16)


def _narrow(counts: Int) -> Array:
    return counts.astype(np.uint16 if counts.max(initial=0) < 2**16 else np.uint32)
