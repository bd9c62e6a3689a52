"""One result from the activity of many batches."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ecc_lava.backends.activity import Activity, ActivityOf
from ecc_lava.backends.result import Result
from ecc_lava.backends.table import Network
from ecc_lava.common import BINARY, Array, Int, Payload, by_output, usable_cores
from ecc_lava.geometry import fan_out
from ecc_lava.networks import QuantisedNetwork, depths, output_name

__all__ = ["Collector", "as_result"]

_EVENTS = ("synops", "input_macs", "graded_synops", "payload_bits")
"""The events of every sample that a result counts."""

SAMPLES = 8
"""Samples whose counts stay in a cache while they are multiplied."""

WORTH_A_THREAD = 2**18
"""Counts. To start a thread takes about as long as to multiply so many."""

COLUMNS = 4096
"""Neurons from which on several products in float32 are faster than one in float64."""


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
    """Adds up the activity of batches."""

    def __init__(self, network: Network, recorded: Sequence[str]) -> None:
        self._network = network
        self._recorded = recorded
        self._batches: list[dict[str, Any]] = []
        self._samples = 0
        self._low = dict.fromkeys(network.by_name, 0)
        self._high = dict.fromkeys(network.by_name, 0)
        synapses = {name: np.zeros(p.shape) for name, p in network.by_name.items()}
        for p in network.projections:
            synapses[p.source] += fan_out(p.geometry, network.by_name[p.source].shape)
        self._neurons = sum(p.neurons for p in network.populations)
        self._per_spike = {name: np.stack([np.ones(fan.size), fan.ravel()]).T for name, fan in synapses.items()}

    def add(self, activity: ActivityOf) -> int:
        """Take one batch's activity and return how many samples there are now."""
        readouts = {p.name: activity[p.name] for p in self._network.readouts}
        samples = len(next(iter(readouts.values())).potential)
        events, spikes = {what: np.zeros(samples, np.int64) for what in _EVENTS}, {}
        for name, passed in self._passed(activity, samples).items():
            spikes[name] = passed[:, 0]
            population = self._network.by_name[name]
            graded = population.payload != BINARY
            is_input = not graded and self._network.largest_sent[name] > 1
            events["input_macs" if is_input else "graded_synops" if graded else "synops"] += passed[:, 1]
            if not is_input:
                events["payload_bits"] += passed[:, 0] * (population.payload.bits + population.payload.signed)
        self._batches.append(
            {
                "readout": {name: a.potential.reshape(samples, -1) for name, a in readouts.items()},
                "over_time": {
                    name: a.over_time.reshape(samples, a.over_time.shape[1], -1) for name, a in readouts.items() if a.over_time is not None
                },
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

    def _passed(self, activity: ActivityOf, samples: int) -> dict[str, Int]:
        """Return the messages of every population, and the synapses that they reach, (N, 2)."""
        parts = max(1, min(usable_cores(), samples, samples * self._neurons // WORTH_A_THREAD))
        edges = [samples * i // parts for i in range(parts + 1)]

        def of(first: int, end: int) -> dict[str, Int]:
            return {name: _products(a.messages.reshape(samples, -1)[first:end], self._per_spike[name]) for name, a in activity.items()}

        with ThreadPoolExecutor(parts) as pool:
            found = list(pool.map(of, edges[:-1], edges[1:]))
        return {name: np.concatenate([part[name] for part in found]) for name in activity}

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
            **{what: np.concatenate([b[what] for b in batches]) for what in _EVENTS},
            saturated_low=self._low,
            saturated_high=self._high,
            logits_over_time=by_output(over_time) if over_time else None,
            counts=recorded(0),
            raster=recorded(1),
            potential=recorded(2),
            sent=recorded(3),
        )


def _products(sent: Array, per_spike: Array) -> Int:
    """Return sent @ per_spike, computed in floats, whose products are fast, and exact below 2**24 or 2**53."""
    most = int(sent.max(initial=0)) * int(per_spike.max())
    exact = 2**24 // max(most, 1)  # neurons whose sum a float32 holds
    kind, columns = (np.float32, exact) if exact >= COLUMNS else (np.float64, sent.shape[1])
    factors: Array = per_spike.astype(kind, copy=False)
    total = np.zeros((len(sent), per_spike.shape[1]), np.int64)
    for i in range(0, len(sent), SAMPLES):
        for j in range(0, sent.shape[1], columns):
            few: Array = sent[i : i + SAMPLES, j : j + columns].astype(kind)
            total[i : i + SAMPLES] += (few @ factors[j : j + columns]).astype(np.int64)
    return total


def _logit_units(network: Network) -> dict[str, Array]:
    """Return, for every readout by name, the potential per step that stands for 1 in the model's units."""
    if isinstance(network, QuantisedNetwork):
        return {p.name: np.atleast_1d(scale) for p, scale in zip(network.readouts, network.logit_scales, strict=True)}
    return {p.name: 1.0 / p.lambda_.ravel() for p in network.readouts}


def _joined(batches: list[dict[str, Any]], field: str, name: str) -> Int:
    return np.concatenate([b[field][name] for b in batches]).astype(np.int64)


def _compact(activity: Activity, payload: Payload) -> tuple[Array, Array | None, Array, Array | None]:
    """Return counts and raster in the types that `Result` promises, the potential, and the number of spikes with a payload."""
    raster = activity.raster
    if raster is not None:
        flat = raster.reshape(*raster.shape[:2], -1)
        raster = np.packbits(flat > 0, axis=-1) if payload == BINARY else flat.astype(np.int16)
    sent = None if payload == BINARY or activity.sent is None else _narrow(activity.sent)
    return _narrow(activity.counts), raster, activity.potential, sent


def _narrow(counts: Int) -> Array:
    return counts.astype(np.uint16 if counts.max(initial=0) < 2**16 else np.uint32)
