"""Networks made of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ecc_lava.networks import QuantisedNetwork
from ecc_lava.networks.wiring import Kind
from tests.helpers.networks import random_network, with_payloads

__all__ = ["eager", "overflowing", "side_by_side"]


def eager(network: QuantisedNetwork) -> QuantisedNetwork:
    """Return the network with low thresholds, so that spikes carry large values."""
    return replace(network, populations=tuple(replace(p, vth=np.maximum(p.vth >> 7, 1)) for p in network.populations))


def overflowing(seed: int) -> QuantisedNetwork:
    """Return a network of payloads of 8 bits whose weights count so much that a sum may leave the potential's range."""
    network = eager(with_payloads(random_network(seed), seed, 8))
    return replace(network, projections=tuple(replace(q, exponent=q.exponent if q.source == "input" else 2) for q in network.projections))


def side_by_side(networks: Mapping[str, QuantisedNetwork]) -> QuantisedNetwork:
    """Return networks of one format as one, in which they know nothing of each other; names begin with `NAME:`."""
    first, *_ = networks.values()
    assert all((n.format, n.timesteps) == (first.format, first.timesteps) for n in networks.values())
    populations = [replace(p, name=f"{name}:{p.name}") for name, n in networks.items() for p in n.populations]
    projections = [
        replace(q, source=f"{name}:{q.source}", target=f"{name}:{q.target}") for name, n in networks.items() for q in n.projections
    ]
    return replace(
        first,
        populations=tuple(sorted(populations, key=lambda p: p.kind is not Kind.INPUT)),
        projections=tuple(projections),
        bits=max(n.bits for n in networks.values()),
        codings=tuple(coding for n in networks.values() for coding in n.codings),
        calibrated=tuple(seen for n in networks.values() for seen in n.calibrated),
        logit_scales=tuple(scale for n in networks.values() for scale in n.logit_scales),
    )
