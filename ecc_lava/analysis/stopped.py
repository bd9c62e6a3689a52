"""The events of images that are stopped early: of the steps that ran, not of all T."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from ecc_lava.analysis.energy import ImageEvents, updated_neurons
from ecc_lava.backends import EVENTS, EventTally, Network, Result, sent_at_steps, simulate
from ecc_lava.common import Array, Images, Int, StageProgress
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import ImageSource, batch_part, batch_size
from ecc_lava.networks import Kind, depths, refuse_stream

__all__ = ["steps_run", "stopped_events"]

_RASTER_BYTES: Final = 2**28
"""Memory of the spikes of the images that are counted together, a byte for every neuron and step."""


def steps_run(steps: Int, timesteps: int, depth: int) -> Int:
    """Return how many steps ran for a population of every image whose answer is known after `steps` steps of the readout.

    ``min(T, steps + D - d)``: a population of depth d begins d steps after the image and the readout D steps after it, so that the
    population is ahead of the readout by D - d steps when the image is stopped.

    Parameters
    ----------
    steps : int64 array (N,)
    timesteps : int
        T.
    depth : int
        D - d; D for the chip, all of whose neurons are updated from the image's first step on.
    """
    return np.minimum(timesteps, steps + depth)


def stopped_events(
    network: Network,
    x: Images | ImageSource,
    steps: Int,
    *,
    backend: str = "fast",
    timesteps: int | None = None,
    progress: StageProgress | None = None,
) -> ImageEvents:
    """Return the mean events of images that are each stopped once the readout has done `steps` steps.

    The images run again, with every spike recorded. Spikes are those of `steps_run` steps of each population; updates are all neurons, in
    every step from the image's first until it is stopped or, at T, the next image begins.

    Parameters
    ----------
    network : SpikingNetwork or QuantisedNetwork
    x : array (N, H, W, C), or arrays by input name
    steps : int array (N,)
        Of each image, 1 to T; see `confident`.
    backend, timesteps, progress
        As of `simulate`; the back end records rasters.

    Raises
    ------
    InvalidInput
        If there is not one number of steps for each image.
    """
    refuse_stream(network, "stopping early")
    if np.shape(steps) != (batch_size(x),):
        raise InvalidInput(f"steps of shape {np.shape(steps)} for {batch_size(x)} images; each needs one number")
    depth = depths(list(network.by_name), [(p.source, p.target) for p in network.projections])
    deepest, tally, found, done = max(depth.values()), EventTally(network), [], 0
    for result in _recorded(network, x, backend, timesteps, progress):
        of_part = steps[done : done + len(result.synops)]
        ran = {name: steps_run(of_part, result.timesteps, deepest - d) for name, d in depth.items()}
        spikes, events = tally.count({name: _sent(result, name, network.by_name[name].shape, ran[name]) for name in result.raster})
        updates = updated_neurons(network) * steps_run(of_part, result.timesteps, deepest)
        found.append(np.array([sum(spikes.values()), *(events[what] for what in EVENTS), updates], np.float64))
        done += len(of_part)
    return ImageEvents(*np.concatenate(found, axis=1).mean(axis=1).tolist())


def _recorded(
    network: Network, x: Images | ImageSource, backend: str, timesteps: int | None, progress: StageProgress | None
) -> Iterator[Result]:
    """Simulate as many images at a time as their spikes have room; record the spikes of all populations."""
    sending = [p.name for p in network.populations if p.kind is not Kind.READOUT]
    steps = timesteps or network.timesteps or 1
    size = max(1, _RASTER_BYTES // (steps * sum(network.by_name[name].neurons for name in sending)))
    samples = batch_size(x)
    for first in range(0, samples, size):
        part = batch_part(x, slice(first, first + size))
        yield simulate(network, part, backend=backend, timesteps=timesteps, record=sending, first_sample=first)
        if progress:
            progress(min(first + size, samples), samples)


def _sent(result: Result, name: str, shape: tuple[int, int, int], ran: Int) -> Array:
    """Return the number of spikes of each neuron in the steps that ran, (N, H, W, C)."""
    sent = sent_at_steps(result.raster[name], shape) != 0
    inside = np.arange(result.timesteps) < ran[:, None]
    return (sent & inside[:, :, None, None, None]).sum(axis=1)
