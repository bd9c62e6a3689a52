"""What holds of every stream, a network that takes one frame a timestep and sends changes; and who does not take one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecc_lava.errors import InvalidInput, InvalidNetwork
from ecc_lava.networks.integer_parts import QuantisedPopulation
from ecc_lava.networks.wiring import Kind, WiredNetwork

__all__ = ["check_stream_neurons", "refuse_stream"]


def check_stream_neurons(populations: Sequence[QuantisedPopulation], timesteps: int) -> None:
    """Check that the populations are those of a stream, or that none is of one.

    In a stream every population that sends has signed payloads, and inputs and sigma-delta neurons a theta within their payload. Integrate-
    and-fire neurons with signed payloads may repeat changes. Nothing else sends, nothing adds a bias at every frame, and T is 1.

    Raises
    ------
    InvalidNetwork
        Naming the first population that breaks a rule.
    """
    is_stream = any(p.theta for p in populations if p.kind is Kind.INPUT)
    for p in populations:
        sends_changes = is_stream and p.kind in (Kind.INPUT, Kind.DELTA)
        if not sends_changes and (p.theta or p.kind is Kind.DELTA):
            raise InvalidNetwork(f"the {p.kind.value} population {p.name!r} has theta {p.theta}; only those of a stream have one")
        if sends_changes and not 1 <= p.theta <= p.payload.largest:
            raise InvalidNetwork(f"theta {p.theta} of population {p.name!r}; it lies in 1 to {p.payload.largest}")
        if is_stream and (p.kind is Kind.STEP or (p.kind is not Kind.READOUT and not p.payload.signed)):
            raise InvalidNetwork(f"the {p.kind.value} population {p.name!r} of a stream sends no signed payloads")
        if is_stream and p.bias.any():
            raise InvalidNetwork(f"population {p.name!r} of a stream has a bias, which every frame would add again")
    if is_stream and timesteps != 1:
        raise InvalidNetwork(f"a stream of {timesteps} timesteps a frame; it takes one")


def refuse_stream(network: WiredNetwork[Any, Any], what: str) -> None:
    """Refuse a stream where something, which the message names, does not know it.

    Raises
    ------
    InvalidInput
        If the network is a stream.
    """
    if network.is_stream:
        raise InvalidInput(f"{what} takes no stream; give the network that ecc_lava.sigma_delta made it from")
