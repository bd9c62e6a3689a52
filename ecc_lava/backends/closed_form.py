"""ECC's closed form: what neurons have sent after T steps if every neuron's input came evenly over them.

``N = clip(floor((relu(I + b*T) + v_init) / vth), 0, m*T)`` with I the weighted sum of the sources' N, and m the largest payload: 1 where
spikes are binary.
v_init = vth/2 is thresholding for residual elimination (TRE): a residual of at least half the threshold counts as one more spike.

Source: Wu, Yi and Huang, "A Little Energy Goes a Long Way: Build an Energy-Efficient, Accurate Spiking Neural Network From Convolutional
Neural Network", Frontiers in Neuroscience 16, 2022 (arXiv 2103.00944). The closed form ignores spike timing; attribution reports the
difference from the time-stepped network as a loss of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ecc_lava.backends.activity import Activity, Recording, input_activity
from ecc_lava.common import BINARY, Array, Float
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import apply
from ecc_lava.networks import Kind, Population, SpikingNetwork

__all__ = ["closed_form", "even_counts"]


def closed_form(network: SpikingNetwork, q: Mapping[str, Array], timesteps: int, recording: Recording) -> dict[str, Activity]:
    """Evaluate the closed form in float64.

    Parameters
    ----------
    network : SpikingNetwork
    q : input name -> uint8 array (N, H, W, C)
        Encoded input.
    timesteps : int
    recording : Recording

    Raises
    ------
    InvalidInput
        If the recording asks for rasters or potentials over time: the closed form has no time.
    """
    if recording.rasters or recording.over_time:
        raise InvalidInput("the closed form has no timesteps: rasters and potentials over time come from the other back ends")
    sent: dict[str, Array] = {
        name: x.sum(axis=1, dtype=np.float64) if x.ndim == 5 else x.astype(np.float64) * timesteps for name, x in q.items()
    }
    done = {name: input_activity(x, timesteps, recording, name) for name, x in q.items()}
    for population in network.populations[len(q) :]:
        total = population.bias * timesteps
        for projection in network.into(population.name):
            total = total + apply(projection.geometry, sent[projection.source])
        if population.kind is Kind.READOUT:
            done[population.name] = Activity(np.zeros(total.shape, np.int64), total)
            continue
        counts = even_counts(population, total, timesteps)
        sent[population.name] = counts
        left = total / timesteps if population.kind is Kind.STEP else total + population.v_init - counts * population.vth
        sums = counts.astype(np.int64)
        spikes = None if population.payload == BINARY else np.minimum(sums, timesteps)  # one spike a step, of whatever payload
        done[population.name] = Activity(sums, left, sent=spikes)
    return done


def even_counts(population: Population, total: Array, timesteps: int) -> Float:
    """Return what neurons send in T steps, over all steps, if their input comes evenly over them.

    An integrate-and-fire neuron with v_init in 0 to vth sends as much when it is stepped with a constant input. A step population fires at
    every step or at none.

    Parameters
    ----------
    population : Population
        A population that spikes.
    total : array (N, H, W, C)
        Input and bias, summed over all T steps.
    timesteps : int
        T.
    """
    if population.kind is Kind.STEP:
        return np.where(total >= population.vth * timesteps, float(timesteps), 0.0)
    whole = np.floor((np.maximum(total, 0.0) + population.v_init) / population.vth)
    return np.clip(whole, 0.0, float(population.payload.largest * timesteps))
