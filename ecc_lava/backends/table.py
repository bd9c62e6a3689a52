"""The back ends by name, and what callers must know of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ecc_lava.backends.activity import ActivityOf, Recording
from ecc_lava.backends.lava.installed import is_installed as lava_is_installed
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork

__all__ = ["BACKENDS", "BackEnd", "Network"]

Network = SpikingNetwork | QuantisedNetwork

_LARGEST_CURRENTS = 2**28
"""Bytes that the currents of the largest population take by default, over all images that run together."""


def _of_largest_currents(network: Network, timesteps: int, recording: Recording) -> int:
    """Return the bytes of the currents of the largest population."""
    return 8 * max(p.neurons for p in network.populations) * timesteps


def _without_time(network: Network, timesteps: int, recording: Recording) -> int:
    """Return the bytes of the largest population, whose currents are summed over all steps at once."""
    return _of_largest_currents(network, 1, recording)


def _of_results_and_lists(network: QuantisedNetwork, timesteps: int, recording: Recording) -> int:
    from ecc_lava.backends.fast.run import image_bytes

    return image_bytes(network, timesteps, recording)


def _by_largest_currents(network: Network, timesteps: int, recording: Recording, max_memory: int | None) -> int:
    """Return how many images have the currents of their largest population, 8 bytes a neuron and step, within `max_memory` bytes."""
    return max(1, (max_memory or _LARGEST_CURRENTS) // _of_largest_currents(network, timesteps, recording))


def _by_results_and_lists(network: QuantisedNetwork, timesteps: int, recording: Recording, max_memory: int | None) -> int:
    from ecc_lava.backends.fast.run import images_per_batch

    return images_per_batch(network, timesteps, recording, max_memory)


def _always() -> bool:
    return True


@dataclass(frozen=True)
class BackEnd:
    """What callers must know of a back end.

    Attributes
    ----------
    name : str
    network_type : type
        The networks that it runs.
    load : callable () -> function
        Imports the back end and returns its function (network, encoded input, timesteps, recording) -> activity.
    image_bytes : callable (network, timesteps, recording) -> int
        Bytes that one image usually takes beside the neurons.
    images_per_batch : callable (network, timesteps, recording, bytes or None) -> int, or None
        How many images run together; None if all images must.
    records_rasters : bool
        Whether it can tell at which step a neuron fires.
    carries : bool
        Whether it goes on with a sequence from what the earlier frames have left: its function takes `Carried` as a last argument.
    is_installed : callable () -> bool
        Looks for the packages that the back end needs, and imports none.
    """

    name: str
    network_type: type[Network]
    load: Callable[[], Callable[..., ActivityOf]]
    image_bytes: Callable[..., int] = _of_largest_currents
    images_per_batch: Callable[..., int] | None = _by_largest_currents
    records_rasters: bool = True
    carries: bool = False
    is_installed: Callable[[], bool] = _always


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
    from ecc_lava.backends.fast.run import fast

    return fast


def _lava() -> Callable[..., ActivityOf]:
    from ecc_lava.backends.lava.run import lava

    return lava


_RECORDS = (
    BackEnd("fast", QuantisedNetwork, _fast, _of_results_and_lists, _by_results_and_lists, carries=True),
    BackEnd("golden", QuantisedNetwork, _golden, carries=True),
    BackEnd("lava", QuantisedNetwork, _lava, _without_time, None, is_installed=lava_is_installed),
    BackEnd("float", SpikingNetwork, _floating),
    BackEnd("closed_form", SpikingNetwork, _closed_form, _without_time, records_rasters=False),
)

BACKENDS = {record.name: record for record in _RECORDS}
"""Back end name -> record."""
