"""One call that runs a network on images with any back end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ecc_lava.arrays import Array, Int
from ecc_lava.backends.activity import Activity, ActivityOf, Wanted
from ecc_lava.encode import as_batch, encode, images_as_floats
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.geometry import fan_out
from ecc_lava.network import Kind, SpikingNetwork, depths
from ecc_lava.quantised import QuantisedNetwork
from ecc_lava.result import Result

__all__ = ["BACKENDS", "simulate"]

Network = SpikingNetwork | QuantisedNetwork

BATCH_BYTES = 2**28
"""Memory that one batch's largest layer may take in the stepwise engines, bytes."""


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
    x: Array,
    *,
    backend: str = "fast",
    timesteps: int | None = None,
    over_time: bool = False,
    record: Iterable[str] = (),
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Run a network on images.

    Parameters
    ----------
    network : QuantisedNetwork for `fast`, `golden`, `lava`; SpikingNetwork for `float`, `closed_form`
    x : array (N, H, W, C)
        As the Keras model takes it; uint8 is scaled by the coding's `uint8_scale`.
    backend : str
    timesteps : int, optional
        T; at most, and by default, the network's own.
    over_time : bool
        Also return the logits after every step.
    record : names of populations
        Whose counts, rasters and potentials are kept.
    strict : bool
        Make any saturation of a potential an error.
    progress : callable (images done, images), optional

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
    q = encode(images_as_floats(as_batch(x, network.input.shape), network.coding.uint8_scale), network.coding)
    wanted = Wanted(frozenset(recorded) if backend != "closed_form" else frozenset(), over_time)
    size = len(q) if backend == "lava" else _batch_size(network, steps)
    collector = _Collector(network, recorded)
    for start in range(0, len(q), size):
        collector.add(run(network, q[start : start + size], steps, wanted))
        if progress:
            progress(min(start + size, len(q)), len(q))
    result = collector.result(backend, steps)
    _refuse_saturation(network, result, strict)
    return result


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


def _batch_size(network: Network, timesteps: int) -> int:
    """Return how many images keep the largest layer's currents of all steps within `BATCH_BYTES`."""
    largest = max(p.neurons for p in network.populations)
    return max(1, BATCH_BYTES // (8 * largest * timesteps))


class _Collector:
    """Sums up the activity of batches."""

    def __init__(self, network: Network, recorded: Sequence[str]) -> None:
        self._network = network
        self._recorded = recorded
        self._batches: list[dict[str, Any]] = []
        self._low = dict.fromkeys(network.by_name, 0)
        self._high = dict.fromkeys(network.by_name, 0)
        self._fan_out = [(p.source, fan_out(p.geometry, network.by_name[p.source].shape)) for p in network.projections]

    def add(self, activity: ActivityOf) -> None:
        readout = activity[self._network.readout.name]
        samples = len(readout.potential)
        synops = {kind: np.zeros(samples, np.int64) for kind in Kind}
        for source, fan in self._fan_out:
            synops[self._network.by_name[source].kind] += (activity[source].counts * fan).sum(axis=(1, 2, 3))
        self._batches.append(
            {
                "readout": readout.potential.reshape(samples, -1),
                "over_time": None if readout.over_time is None else readout.over_time.reshape(samples, readout.over_time.shape[1], -1),
                "spikes": {name: a.counts.sum(axis=(1, 2, 3)) for name, a in activity.items()},
                "synops": synops[Kind.IF],
                "input_macs": synops[Kind.INPUT],
                "recorded": {name: _compact(activity[name]) for name in self._recorded},
            }
        )
        for name, a in activity.items():
            self._low[name] += a.saturated_low
            self._high[name] += a.saturated_high

    def result(self, backend: str, timesteps: int) -> Result:
        network, batches = self._network, self._batches
        integer = isinstance(network, QuantisedNetwork)
        scale = network.logit_scale if isinstance(network, QuantisedNetwork) else 1.0 / network.readout.lambda_
        readout = np.concatenate([b["readout"] for b in batches])
        unit = np.asarray(scale, np.float64).ravel()
        over_time = None
        if batches[0]["over_time"] is not None:
            steps = np.arange(1, timesteps + 1)[:, None]
            over_time = (np.concatenate([b["over_time"] for b in batches]) / (steps * unit)).astype(np.float32)
        depth = depths(list(network.by_name), [(p.source, p.target) for p in network.projections])

        def recorded(field: int) -> dict[str, Array]:
            kept = {name: [b["recorded"][name][field] for b in batches] for name in self._recorded}
            return {name: np.concatenate(parts) for name, parts in kept.items() if parts[0] is not None}

        return Result(
            backend=backend,
            timesteps=timesteps,
            latency_steps=timesteps + max(depth.values()),
            logits=(readout / (timesteps * unit)).astype(np.float32),
            readout=readout.astype(np.int32) if integer else None,
            spike_counts={name: _joined(batches, "spikes", name) for name in network.by_name},
            synops=np.concatenate([b["synops"] for b in batches]),
            input_macs=np.concatenate([b["input_macs"] for b in batches]),
            saturated_low=self._low,
            saturated_high=self._high,
            logits_over_time=over_time,
            counts=recorded(0),
            raster=recorded(1),
            potential=recorded(2),
        )


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
