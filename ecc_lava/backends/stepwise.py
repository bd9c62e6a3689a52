"""The time-stepped engine in plain numpy, one population after the other: `golden` in int64, `float` in float64.

Each population runs all T steps before the next population starts. This order is exact, because networks have no feedback and a
population's window is shifted by its depth: step t of a target reads step t of each of its sources. The engine is slow and obvious on
purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ecc_lava.backends.activity import Activity, Carried, Recording, input_activity
from ecc_lava.backends.overflow import refuse_overflow
from ecc_lava.common import BINARY, Array, NeuronStep, Payload, integrate_and_fire, send_changes
from ecc_lava.geometry import Geometry, apply
from ecc_lava.networks import Kind, QuantisedNetwork, SpikingNetwork

__all__ = ["floating", "golden"]


@dataclass(frozen=True)
class _PopulationRun:
    """One population with all its numbers in one dtype."""

    name: str
    kind: Kind
    bias: Array
    vth: Array
    v_init: Array
    inputs: tuple[tuple[str, Geometry, int], ...]
    """(source, geometry, factor of the summed input) of every projection."""
    payload: Payload
    is_checked: bool
    """Whether a sum beyond the potential's range is an error: payloads arrive, and no bound excludes it."""
    theta: int = 0

    def step(self, v: Array, current: Array, limit: float, sent: Array) -> NeuronStep:
        """Advance the neurons by one timestep, or those of a stream by one frame; `sent` is the sum of what they sent so far."""
        if self.kind is Kind.DELTA:
            return send_changes(v, current, self.vth, limit, payload=self.payload, theta=self.theta, sent=sent)
        vth = None if self.kind is Kind.READOUT else self.vth
        return integrate_and_fire(v, current, vth, limit, is_stateful=self.kind.is_stateful, payload=self.payload, sent=sent)


def golden(
    network: QuantisedNetwork, q: Mapping[str, Array], timesteps: int, recording: Recording, carried: Carried | None = None
) -> dict[str, Activity]:
    """Run the integer network exactly, in int64.

    Parameters
    ----------
    network : QuantisedNetwork
    q : input name -> uint8 array (N, H, W, C)
        What graded inputs send at every step; the other inputs send spikes, uint8 or int16 (N, T, H, W, C), those of a stream changes.
    timesteps : int
    recording : Recording
    carried : Carried, optional
        What the earlier frames of the only sequence have left.

    Raises
    ------
    RangeError
        If payloads make one step's input leave the potential's range.
    """
    layers = [
        _PopulationRun(
            p.name,
            p.kind,
            p.bias.astype(np.int64),
            p.vth.astype(np.int64),
            p.v_init.astype(np.int64),
            tuple((j.source, j.geometry, 2 ** network.format.shift(j.exponent)) for j in network.into(p.name)),
            p.payload,
            network.hears_payloads(p.name),
            p.theta,
        )
        for p in network.populations
    ]
    return _run(layers, q, np.int64, timesteps, recording, network.format.potential_max, carried)


def floating(network: SpikingNetwork, q: Mapping[str, Array], timesteps: int, recording: Recording) -> dict[str, Activity]:
    """Run a float network through time, in float64; parameters as for `golden`."""
    layers = [
        _PopulationRun(
            p.name,
            p.kind,
            p.bias,
            p.vth,
            p.v_init,
            tuple((j.source, j.geometry, 1) for j in network.into(p.name)),
            p.payload,
            network.hears_payloads(p.name),
        )
        for p in network.populations
    ]
    return _run(layers, q, np.float64, timesteps, recording, network.potential_limit)


def _run(
    layers: list[_PopulationRun],
    q: Mapping[str, Array],
    dtype: type,
    timesteps: int,
    recording: Recording,
    limit: float,
    carried: Carried | None = None,
) -> dict[str, Activity]:
    samples = len(next(iter(q.values())))
    done: dict[str, Activity] = {}
    spikes: dict[str, Array] = {}
    for layer in layers:
        if layer.kind is Kind.INPUT:
            done[layer.name] = input_activity(q[layer.name], timesteps, recording, layer.name)
            if q[layer.name].ndim == 5:
                spikes[layer.name] = q[layer.name]
            continue
        current = _currents(layer, q, spikes, timesteps)
        if layer.is_checked:
            refuse_overflow(layer.name, current, limit)
        v: Array = np.broadcast_to(layer.v_init, (samples, *current.shape[2:])).astype(dtype)
        fired, sent = np.zeros(current.shape, layer.payload.dtype), np.zeros_like(v)
        if carried is not None:
            v, sent = (array[None].astype(dtype) for array in carried[layer.name])
        over_time = np.zeros_like(current) if layer.kind is Kind.READOUT and recording.over_time else None
        low = high = 0
        for t in range(timesteps):
            step = layer.step(v, current[:, t], limit, sent)
            v, fired[:, t] = step.v, step.spikes
            sent += step.spikes
            low, high = low + step.saturated_low, high + step.saturated_high
            if over_time is not None:
                over_time[:, t] = v
        spikes[layer.name] = fired
        kept = fired if layer.name in recording.rasters else None
        spikes_sent = None if layer.payload == BINARY else np.count_nonzero(fired, axis=1).astype(np.int64)
        done[layer.name] = Activity(sent.astype(np.int64), v, kept, over_time, low, high, spikes_sent)
    return done


def _currents(layer: _PopulationRun, q: Mapping[str, Array], spikes: dict[str, Array], timesteps: int) -> Array:
    """Return the summed input plus bias of every step, (N, T, H, W, C)."""
    total: Array = np.asarray(layer.bias)
    for source, geometry, factor in layer.inputs:
        if source in spikes:
            sent = spikes[source]
            summed = apply(geometry, sent.reshape(-1, *sent.shape[2:]).astype(layer.bias.dtype))
            summed = summed.reshape(len(sent), timesteps, *summed.shape[1:])
        else:  # a graded input sends the same values at every step
            summed = np.repeat(apply(geometry, q[source].astype(layer.bias.dtype))[:, None], timesteps, axis=1)
        total = total + summed * factor
    return total
