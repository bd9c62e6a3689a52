"""One call that runs a network on images with any back end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ecc_lava.arrays import Array, Images, Int, by_output
from ecc_lava.backends.activity import Activity, ActivityOf, Wanted
from ecc_lava.batches import as_batch, batch_size, parts
from ecc_lava.encode import encode_all, sent_by_all
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.geometry import fan_out
from ecc_lava.network import Kind, SpikingNetwork, depths, output_name
from ecc_lava.quantised import QuantisedNetwork
from ecc_lava.result import Result

__all__ = ["BACKENDS", "as_result", "simulate"]

Network = SpikingNetwork | QuantisedNetwork


def _golden() -> Callable[..., ActivityOf]:
    from ecc_lava.backends.stepwise import golden

    return golden


def _floating() -> Callable[..., ActivityOf]:
    from ecc_lava.backends.stepwise import floating

    return floating


def _closed_form() -> Callable[..., ActivityOf]:
    from ecc_lava.backends.closed_form import closed_form

    return closed_form


def _fast() -> Callable[..., ActivityOf]:
    from ecc_lava.backends.fast import fast

    return fast


def _lava() -> Callable[..., ActivityOf]:
    from ecc_lava.backends.lava import lava

    return lava


BACKENDS: dict[str, tuple[type[Network], Callable[[], Callable[..., ActivityOf]]]] = {
    "fast": (QuantisedNetwork, _fast),
    "golden": (QuantisedNetwork, _golden),
    "lava": (QuantisedNetwork, _lava),
    "float": (SpikingNetwork, _floating),
    "closed_form": (SpikingNetwork, _closed_form),
}
"""Back end name -> (network type it runs, loader of its function); heavy packages are imported by the loader."""


def simulate(
    network: Network,
    x: Images,
    *,
    backend: str = "fast",
    timesteps: int | None = None,
    over_time: bool = False,
    record: Iterable[str] = (),
    strict: bool = False,
    first_sample: int = 0,
    progress: Callable[[int, int], None] | None = None,
    max_memory: int | None = None,
) -> Result:
    """Run a network on images.

    Parameters
    ----------
    network : QuantisedNetwork for `fast`, `golden`, `lava`; SpikingNetwork for `float`, `closed_form`
    x : array (N, H, W, C), or arrays by input name
        As the Keras model takes it; uint8 is scaled by the coding's `uint8_scale`. Binary (N, T, H, W, C) for the coding "events".
    backend : str
    timesteps : int, optional
        T; at most, and by default, the network's own.
    over_time : bool
        Also return the logits after every step.
    record : names of populations
        Whose counts, rasters and potentials are kept.
    strict : bool
        Make any saturation of a potential an error.
    first_sample : int
        Number of the first image among those of a larger run: what a random input coding draws depends on it.
    progress : callable (images done, images), optional
    max_memory : int, optional
        Bytes that a batch's results and lists may take in `fast` (by default 1 GiB), and its largest layer's currents in the stepwise back
        ends (256 MiB); it chooses how many images run together, at least one.

    Returns
    -------
    Result

    Raises
    ------
    InvalidInput
        Wrong back end, network type, images, timesteps or population name.
    RangeError
        A readout saturated, or with `strict` any population.
    """
    run = _backend(backend, network)
    steps = _timesteps(network, timesteps)
    recorded = tuple(record)
    for name in recorded:
        if name not in network.by_name:
            raise InvalidInput(f"there is no population {name!r} to record; there are {', '.join(network.by_name)}")
    q = encode_all(as_batch(x, network.input_specs), network.codings)
    wanted = Wanted(frozenset(recorded) if backend != "closed_form" else frozenset(), over_time)
    samples = batch_size(q)
    collector, done = _Collector(network, recorded), 0
    for part in parts(q, samples if backend == "lava" else _batch_size(network, steps, wanted, backend, max_memory)):
        sent = sent_by_all(part, network.codings, steps, first_sample + done)
        done = collector.add(run(network, sent, steps, wanted))
        if progress:
            progress(done, samples)
    result = collector.result(backend, steps)
    _refuse_saturation(network, result, strict)
    return result


def as_result(network: Network, activity: ActivityOf, backend: str, timesteps: int, record: Sequence[str]) -> Result:
    """Return the result of one batch's activity.

    Parameters
    ----------
    network : SpikingNetwork or QuantisedNetwork
    activity : population -> Activity
        Of every population.
    backend : str
        What ran it.
    timesteps : int
    record : names of populations
        Whose counts, rasters and potentials are kept.
    """
    collector = _Collector(network, record)
    collector.add(activity)
    return collector.result(backend, timesteps)


def _backend(name: str, network: Network) -> Callable[..., ActivityOf]:
    if name not in BACKENDS:
        raise InvalidInput(f"back end {name!r} is not known; known: {', '.join(BACKENDS)}")
    kind, load = BACKENDS[name]
    if not isinstance(network, kind):
        raise InvalidInput(f"the back end {name!r} runs a {kind.__name__}, not a {type(network).__name__}")
    return load()


def _timesteps(network: Network, asked: int | None) -> int:
    limit = network.timesteps
    if asked is None and limit is None:
        raise InvalidInput("the network has not been converted, so timesteps must be given")
    steps = limit if asked is None else asked
    assert steps is not None
    if steps < 1 or (limit is not None and steps > limit):
        raise InvalidInput(f"timesteps {steps}; this network was converted for 1 to {limit}")
    return steps


def _batch_size(network: Network, timesteps: int, wanted: Wanted, backend: str, max_memory: int | None) -> int:
    """Return how many images to run together."""
    if backend == "fast":
        from ecc_lava.backends.fast import images_per_batch

        assert isinstance(network, QuantisedNetwork)
        return images_per_batch(network, timesteps, wanted, max_memory or 2**30)
    largest = max(p.neurons for p in network.populations)
    return max(1, (max_memory or 2**28) // (8 * largest * timesteps))  # the largest layer's currents of all steps


class _Collector:
    """Sums up the activity of batches."""

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
        self._per_spike = {name: np.stack([np.ones(fan.size), fan.ravel()], axis=1) for name, fan in synapses.items()}

    def add(self, activity: ActivityOf) -> int:
        """Take one batch's activity and return how many samples there are now."""
        readouts = {p.name: activity[p.name] for p in self._network.readouts}
        samples = len(next(iter(readouts.values())).potential)
        synops, input_macs, spikes = np.zeros(samples, np.int64), np.zeros(samples, np.int64), {}
        for name, a in activity.items():  # in float64, whose products are fast, and exact below 2**53
            counts, few = a.counts.reshape(samples, -1), range(0, samples, 8)  # eight samples at a time stay in cache
            passed = np.concatenate([counts[i : i + 8].astype(np.float64) @ self._per_spike[name] for i in few]).astype(np.int64)
            spikes[name] = passed[:, 0]
            graded = self._network.largest_sent[name] > 1
            (input_macs if graded else synops)[:] += passed[:, 1]
        self._batches.append(
            {
                "readout": {name: a.potential.reshape(samples, -1) for name, a in readouts.items()},
                "over_time": {
                    name: a.over_time.reshape(samples, a.over_time.shape[1], -1) for name, a in readouts.items() if a.over_time is not None
                },
                "spikes": spikes,
                "synops": synops,
                "input_macs": input_macs,
                "recorded": {name: _compact(activity[name]) for name in self._recorded},
            }
        )
        for name, a in activity.items():
            self._low[name] += a.saturated_low
            self._high[name] += a.saturated_high
        self._samples += samples
        return self._samples

    def result(self, backend: str, timesteps: int) -> Result:
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
            synops=np.concatenate([b["synops"] for b in batches]),
            input_macs=np.concatenate([b["input_macs"] for b in batches]),
            saturated_low=self._low,
            saturated_high=self._high,
            logits_over_time=by_output(over_time) if over_time else None,
            counts=recorded(0),
            raster=recorded(1),
            potential=recorded(2),
        )


def _logit_units(network: Network) -> dict[str, Array]:
    """Return, of every readout by name, the potential of one step that stands for 1 in the model's units."""
    if isinstance(network, QuantisedNetwork):
        return {p.name: np.array([scale]) for p, scale in zip(network.readouts, network.logit_scales, strict=True)}
    return {p.name: 1.0 / p.lambda_.ravel() for p in network.readouts}


def _joined(batches: list[dict[str, Any]], field: str, name: str) -> Int:
    return np.concatenate([b[field][name] for b in batches]).astype(np.int64)


def _compact(activity: Activity) -> tuple[Array, Array | None, Array]:
    """Return counts as uint16, the raster in bits, and the potential."""
    raster = activity.raster
    bits = None if raster is None else np.packbits(raster.reshape(*raster.shape[:2], -1) > 0, axis=-1)
    return activity.counts.astype(np.uint16), bits, activity.potential


def _refuse_saturation(network: Network, result: Result, strict: bool) -> None:
    if not isinstance(network, QuantisedNetwork):
        return
    for name, population in network.by_name.items():
        low, high = result.saturated_low[name], result.saturated_high[name]
        if (low or high) and (strict or population.kind is Kind.READOUT):
            raise RangeError(
                f"the potential of population {name!r} left +-{network.format.potential_max} {low} times below and {high} times above; "
                "use fewer timesteps or fewer bits" + ("" if population.kind is Kind.READOUT else ", or allow saturation (strict off)")
            )
