"""What differs between two runs of the same integers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ecc_lava.backends import BACKENDS, Result, simulate
from ecc_lava.common import Array, Images
from ecc_lava.inputs import batch_part, batch_size, by_input
from ecc_lava.networks import Kind, QuantisedNetwork, SpikingNetwork
from ecc_lava.quantisation import as_float

__all__ = ["BATCH", "Differences", "compare", "differences"]

BATCH = 16
"""Images whose spikes are held at once."""


@dataclass(frozen=True)
class Differences:
    """Two runs of the same integers.

    Attributes
    ----------
    images : int
    differing_spikes : int
        Neurons and steps at which one fired and the other did not, or with another payload.
    differing_potentials : int
        Neurons whose potential after the last step differs.
    """

    images: int
    differing_spikes: int
    differing_potentials: int

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.differing_spikes or self.differing_potentials)

    def __add__(self, other: Differences) -> Differences:
        """Return the sum of both counts."""
        return Differences(
            self.images + other.images,
            self.differing_spikes + other.differing_spikes,
            self.differing_potentials + other.differing_potentials,
        )


def differences(a: Result, b: Result, names: Iterable[str]) -> Differences:
    """Count what differs between two runs that recorded the same populations.

    Parameters
    ----------
    a, b : Result
    names : populations
    """
    names = list(names)
    spikes = sum(_differing(a.raster[name], b.raster[name]) for name in names)
    potentials = sum(int(np.count_nonzero(a.potential[name] != b.potential[name])) for name in names)
    return Differences(len(a.synops), spikes, potentials)


def _differing(one: Array, other: Array) -> int:
    """Return at how many neurons and steps two rasters differ: payloads one by one, binary spikes bit by bit."""
    return int(np.count_nonzero(one != other) if one.dtype == np.int16 else np.unpackbits(np.bitwise_xor(one, other)).sum())


def compare(network: QuantisedNetwork, x: Images, backend: str, timesteps: int | None = None) -> Differences:
    """Run images on `fast` and on another back end and count what differs, over every population.

    Parameters
    ----------
    network : QuantisedNetwork
    x : array (N, H, W, C), or arrays by input name
    backend : str
        One that records rasters; a float back end runs the integer network's own numbers.
    timesteps : int, optional
    """
    back_end = BACKENDS[backend]
    other: QuantisedNetwork | SpikingNetwork = as_float(network) if back_end.network_type is SpikingNetwork else network
    names = [p.name for p in network.populations if p.kind is not Kind.INPUT]
    x = by_input(x, network.input_specs)
    samples = batch_size(x)
    size = samples if back_end.images_per_batch is None else BATCH
    total = Differences(0, 0, 0)
    for start in range(0, samples, size):
        part = batch_part(x, slice(start, start + size))
        a = simulate(network, part, backend="fast", record=names, timesteps=timesteps, first_sample=start)
        b = simulate(other, part, backend=backend, record=names, timesteps=timesteps, first_sample=start)
        total += differences(a, b, names)
    return total
