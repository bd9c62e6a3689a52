"""The fast back end: exact, event-driven, output-stationary, one image per thread at a time.

An image runs through the whole network, one population after the other (exact: see `ecc_lava.backends.stepwise`), so memory is that of one
image's largest population per thread: T * H * W * C * 8 bytes, plus its events.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ecc_lava.arrays import Array
from ecc_lava.backends.activity import Activity, Wanted
from ecc_lava.backends.fast_kernels import add_constant, add_events, add_grouped_events, integrate, select_events, write_raster
from ecc_lava.geometry import Conv, Dense, Geometry, apply, written
from ecc_lava.network import Kind
from ecc_lava.quantised import QuantisedNetwork, QuantisedPopulation, QuantisedProjection

__all__ = ["fast"]

_NO_GAIN = np.zeros((0, 0), np.int32)
_NO_TRACE = np.zeros((0, 0, 0, 0), np.int32)


@dataclass(frozen=True)
class _Events:
    """Spikes of one image's population: events and where each position's begin."""

    events: Array
    starts: Array


@dataclass(frozen=True)
class _Synapses:
    """One projection as the kernels read it."""

    source: str
    geometry: Geometry
    weights: Array
    layout: Array
    channels: int
    groups: int
    shift: int
    gain: Array
    reads: tuple[int, int]
    steps: tuple[int, int]
    writes: slice

    @staticmethod
    def of(projection: QuantisedProjection, network: QuantisedNetwork) -> _Synapses:
        height, width, channels = network.by_name[projection.source].shape
        geometry = projection.geometry
        match geometry:
            case Dense(kernel=kernel):  # a kernel as large as the map, read position by position in flatten order
                conv = Conv(kernel.reshape(height, width, channels, -1))
            case Conv():
                conv = geometry
        kh, kw, per_group, out = conv.kernel.shape
        segments, taps = (1, kw) if conv.dilation[1] == 1 else (kw, 1)
        layout = np.array([*conv.strides, conv.padding[0], conv.padding[2], *conv.dilation, segments, taps], np.int64)
        weights = np.ascontiguousarray(conv.kernel.reshape(kh, kw * per_group, out))
        gain = _NO_GAIN if conv.gain is None else np.ascontiguousarray(conv.gain)
        shift = network.format.shift(projection.exponent)
        reads = conv.reads or (0, channels)
        return _Synapses(
            projection.source, geometry, weights, layout, channels, conv.groups, shift, gain, reads, conv.input_dilation, written(conv)
        )

    def add(self, current: Array, sent: _Events) -> None:
        events, starts = sent.events, sent.starts
        if self.steps != (1, 1) or self.reads != (0, self.channels):
            events, starts = select_events(events, starts, self.channels, *self.reads, *self.steps)
        channels, target = self.reads[1] - self.reads[0], current[..., self.writes]
        if self.groups == 1:
            add_events(target, events, starts, self.weights, self.layout, channels, self.shift, self.gain)
        else:
            add_grouped_events(target, events, starts, self.weights, self.layout, channels, self.groups, self.shift, self.gain)

    def graded(self, q: Array) -> Array:
        """Return the input sum of one step of graded values; sums of int8 * uint8 products are exact in float64."""
        summed = apply(self.geometry, q[None].astype(np.float64))[0]
        return np.ascontiguousarray(summed * 2.0**self.shift, np.int32)


@dataclass(frozen=True)
class _Layer:
    """One population and its synapses as the kernels read them."""

    population: QuantisedPopulation
    bias: Array
    vth: Array
    v_init: Array
    synapses: tuple[_Synapses, ...]

    @staticmethod
    def of(population: QuantisedPopulation, network: QuantisedNetwork) -> _Layer:
        bias, vth, v_init = (
            np.ascontiguousarray(np.broadcast_to(value, population.shape)) for value in (population.bias, population.vth, population.v_init)
        )
        synapses = tuple(_Synapses.of(p, network) for p in network.into(population.name))
        return _Layer(population, bias, vth, v_init, synapses)


def fast(network: QuantisedNetwork, q: Array, timesteps: int, wanted: Wanted) -> dict[str, Activity]:
    """Run the integer network exactly; parameters and result as for `golden`.

    The result does not depend on the number of threads.
    """
    layers = [_Layer.of(p, network) for p in network.populations[1:]]

    def one(image: Array) -> dict[str, Activity]:
        return _run_image(layers, network, image, timesteps, wanted)

    with ThreadPoolExecutor(_threads()) as pool:
        done = list(pool.map(one, q))
    result = {name: _stacked([image[name] for image in done]) for name in done[0]}
    source = network.input.name
    raster = np.repeat(q[:, None], timesteps, axis=1) if source in wanted.rasters else None
    result[source] = Activity((q > 0).astype(np.int64) * timesteps, np.zeros(q.shape, np.int64), raster)
    return result


def _threads() -> int:
    """Return the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _stacked(images: list[Activity]) -> Activity:
    first = images[0]
    return Activity(
        np.stack([a.counts for a in images]),
        np.stack([a.potential for a in images]),
        None if first.raster is None else np.stack([a.raster for a in images if a.raster is not None]),
        None if first.over_time is None else np.stack([a.over_time for a in images if a.over_time is not None]),
        sum(a.saturated_low for a in images),
        sum(a.saturated_high for a in images),
    )


def _run_image(layers: list[_Layer], network: QuantisedNetwork, q: Array, timesteps: int, wanted: Wanted) -> dict[str, Activity]:
    sent: dict[str, _Events] = {}
    done: dict[str, Activity] = {}
    limit = network.format.potential_max
    for layer in layers:
        population = layer.population
        height, width, channels = population.shape
        current = np.zeros((height, width, timesteps, channels), np.int32)
        for synapses in layer.synapses:
            if synapses.source in sent:
                synapses.add(current, sent[synapses.source])
            else:
                add_constant(current, synapses.graded(q))
        spiking = population.kind is Kind.IF
        v = layer.v_init.copy()
        events = np.empty(timesteps * population.neurons if spiking else 0, np.int32)
        starts = np.empty((timesteps, height, width + 1), np.int32)
        counts = np.zeros(population.shape, np.int64)
        traced = wanted.over_time and not spiking
        over_time = np.empty((timesteps, *population.shape), np.int32) if traced else _NO_TRACE
        low, high = integrate(current, layer.bias, layer.vth, v, limit, spiking, events, starts, counts, over_time)
        sent[population.name] = _Events(events, starts)
        raster = None
        if population.name in wanted.rasters:
            raster = np.zeros((timesteps, height, width * channels), np.uint8)
            if spiking:
                write_raster(events, starts, raster)
            raster = raster.reshape(timesteps, *population.shape)
        done[population.name] = Activity(counts, v.astype(np.int64), raster, over_time if traced else None, low, high)
    return done
