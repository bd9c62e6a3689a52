"""Where integers and a binarised CNN part: in the signs of the first layer, whose weights are rounded, and nowhere after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import ecc_lava
from ecc_lava.common import Array
from ecc_lava.graph import Graph
from ecc_lava.inputs import InputCoding
from ecc_lava.networks import Kind, Population, QuantisedNetwork, SpikingNetwork

__all__ = ["parting"]

IMAGES = 200
"""The most images that are looked at; signs in double precision take a quarter of a second each."""

AT_ONCE = 50
"""Images whose maps are held in floats at a time."""


def parting(graph: Graph, network: QuantisedNetwork, images: Array) -> dict[str, Any]:
    """Return how many signs of the first layer the integers move, and what differs after it, given these signs.

    The reference computes in double precision: it is `graph` lowered, whose equality with the model the tests hold.
    """
    exact = ecc_lava.convert(graph, calibration=images[:1], timesteps=1, recipe="channel")
    images = images[:IMAGES]
    first, *after = (p.name for p in network.populations if p.kind is Kind.STEP)
    rest, found = _after(exact, first), dict.fromkeys(("moved", "later_signs", "predictions", "readout"), 0)
    for part in _parts(images):
        ours = ecc_lava.simulate(network, part, record=[first, *after])
        real = ecc_lava.simulate(exact, part, backend="float", record=[first])
        given = ecc_lava.simulate(rest, ours.counts[first][:, None].astype(np.uint8), backend="float", record=after)
        found["moved"] += int((ours.counts[first] != real.counts[first]).sum())
        found["later_signs"] += sum(int((ours.counts[name] != given.counts[name]).sum()) for name in after)
        found["readout"] += int((np.asarray(ours.predictions) != given.predictions).sum())
        found["predictions"] += int((np.asarray(ours.predictions) != real.predictions).sum())
    return {
        "images_looked_at": len(images),
        "signs_moved_an_image": found["moved"] / len(images),
        "signs_an_image": network.by_name[first].neurons,
        "later_signs_differing": found["later_signs"],
        "differing_given_first": found["readout"],
        "differing_in_double": found["predictions"],
    }


def _parts(images: Array) -> Iterator[Array]:
    yield from (images[start : start + AT_ONCE] for start in range(0, len(images), AT_ONCE))


def _after(network: SpikingNetwork, first: str) -> SpikingNetwork:
    """Return the network behind a population, whose spikes are its input."""
    names = [p.name for p in network.populations]
    source = Population.ideal(first, network.by_name[first].shape, Kind.INPUT)
    rest = tuple(p for p in network.populations[names.index(first) + 1 :])
    wires = tuple(p for p in network.projections if p.target != first)
    return replace(network, populations=(source, *rest), projections=wires, codings=(InputCoding("events", uint8_scale=1.0),), ideal=None)
