"""The back ends by name."""

from __future__ import annotations

from collections.abc import Callable

from ecc_lava.backends.activity import ActivityOf
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork

__all__ = ["BACKENDS", "Network"]

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
    from ecc_lava.backends.fast.run import fast

    return fast


def _lava() -> Callable[..., ActivityOf]:
    from ecc_lava.backends.lava.run import lava

    return lava


BACKENDS: dict[str, tuple[type[Network], Callable[[], Callable[..., ActivityOf]]]] = {
    "fast": (QuantisedNetwork, _fast),
    "golden": (QuantisedNetwork, _golden),
    "lava": (QuantisedNetwork, _lava),
    "float": (SpikingNetwork, _floating),
    "closed_form": (SpikingNetwork, _closed_form),
}
"""Back end name -> (network type it runs, loader of its function); heavy packages are imported by the loader."""
