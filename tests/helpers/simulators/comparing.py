"""A network's own spikes against those of a simulator, step by step and layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ecc_lava.backends.activity import ActivityOf, Recording
from ecc_lava.backends.sending import sent_by_inputs
from ecc_lava.backends.stepwise import floating, golden
from ecc_lava.common import Array, Images, only
from ecc_lava.inputs import as_batch, encode_all
from ecc_lava.networks import Kind, QuantisedNetwork, SpikingNetwork
from tests.helpers.simulators import Spikes

__all__ = ["Difference", "Own", "differences", "in_floats", "own_spikes"]


@dataclass(frozen=True, eq=False)
class Own:
    """What a network takes and sends itself.

    Attributes
    ----------
    x : array (N, T, C, H, W)
        What the input sends.
    spikes : Spikes
        By population, in the network's order, as NIR orders neurons.
    saturated : int
        How often a potential was clipped, which simulators do not do.
    """

    x: Array
    spikes: Spikes
    saturated: int


@dataclass(frozen=True)
class Difference:
    """How far a simulator's spikes are from the network's.

    Attributes
    ----------
    spikes, differing : int
        Of all populations, images and steps; payloads count each unit.
    first : str or None
        The first population in order that differs, and the first step at which it does.
    """

    spikes: int
    differing: int
    first: str | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def own_spikes(network: QuantisedNetwork, images: Images) -> Own:
    """Return what the golden model makes of images."""
    q = encode_all(as_batch(images, network.input_specs), network.codings)
    sent = sent_by_inputs(network, q, network.timesteps)
    done = golden(network, sent, network.timesteps, Recording(frozenset(network.by_name)))
    x = only(tuple(sent.values()), "input").astype(np.float64)
    if x.ndim == 4:  # the same at every step
        x = np.repeat(x[:, None], network.timesteps, axis=1)
    return _own(network, np.ascontiguousarray(np.moveaxis(x, -1, 2)), done)


def in_floats(network: SpikingNetwork, x: Array) -> Own:
    """Return what a float network makes of binary spikes (N, T, C, H, W)."""
    sent = {network.input.name: np.moveaxis(x, 2, -1).astype(np.uint8)}
    return _own(network, x, floating(network, sent, x.shape[1], Recording(frozenset(network.by_name))))


def _own(network: QuantisedNetwork | SpikingNetwork, x: Array, done: ActivityOf) -> Own:
    rasters = {p.name: done[p.name].raster for p in network.populations if p.kind is Kind.IF}
    spikes = {n: np.moveaxis(r, -1, 2).reshape(*r.shape[:2], -1).astype(np.int16) for n, r in rasters.items() if r is not None}
    return Own(x, spikes, sum(a.saturated_low + a.saturated_high for a in done.values()))


def differences(own: Own, theirs: Mapping[str, Array], names: Mapping[str, str]) -> Difference:
    """Return how far a simulator's spikes are from the network's; `names` are the populations of the nodes."""
    found = {names[node]: spikes for node, spikes in theirs.items()}
    assert set(found) == set(own.spikes), f"the simulator has the populations {sorted(found)}"
    first, differing = None, 0
    for name, ours in own.spikes.items():
        apart = np.abs(found[name].astype(np.int64) - ours)
        differing += int(apart.sum())
        if first is None and apart.any():
            first = f"{name}, step {int(np.flatnonzero(apart.any(axis=(0, 2)))[0])}"
    return Difference(sum(int(s.sum()) for s in own.spikes.values()), differing, first)
