"""Exported networks in other people's simulators: the same spikes at every step, and their networks here."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import ecc_lava
from ecc_lava import from_nir, to_nir
from ecc_lava.common import Array
from ecc_lava.demo.data import MODEL, calibration_images
from ecc_lava.demo.data import test_images as images_of_digits
from ecc_lava.geometry import Conv
from ecc_lava.graph import Graph
from ecc_lava.importers.keras import examined_file
from ecc_lava.networks import QuantisedNetwork
from tests.helpers.networks import random_network, with_payloads
from tests.helpers.simulators import SIMULATORS, load
from tests.helpers.simulators.comparing import differences, in_floats, own_spikes

HERE = [name for name in SIMULATORS if find_spec(name) is not None]

pytestmark = [
    pytest.mark.skipif(len(HERE) < len(SIMULATORS), reason="needs the simulators: uv run --group simulators, on Python 3.11 or later"),
    pytest.mark.filterwarnings("ignore"),  # those of the simulators
]


def _written(network: QuantisedNetwork, path: Path) -> dict[str, str]:
    """Write a network; return the population of every node."""
    graph = to_nir(network, path)
    told = {name: node.metadata.get("ecc_lava") for name, node in graph.nodes.items()}
    return {name: json.loads(facts["json"])["population"] for name, facts in told.items() if facts}


def _digits(offset: float) -> Array:
    """Return images of digits from the offset to the offset + 1; one that is not 0 gives neurons at borders another bias."""
    images = images_of_digits().x
    assert isinstance(images, np.ndarray)
    return images[:4] / 255.0 + offset


@pytest.fixture(scope="module", params=[0.0, -1.0])
def digits(request: pytest.FixtureRequest) -> QuantisedNetwork:
    _, graph = examined_file(MODEL)  # in a process of its own: TensorFlow and PyTorch in one may end it
    assert isinstance(graph, Graph)
    snn = ecc_lava.convert(graph, calibration=np.asarray(calibration_images().x) / 255.0 + request.param, timesteps=8)
    return ecc_lava.quantise(snn, format="loihi2")


@pytest.mark.parametrize("name", SIMULATORS)
def test_digits_spike_the_same(name: str, digits: QuantisedNetwork, tmp_path: Path) -> None:
    names = _written(digits, tmp_path / "net.nir")
    own = own_spikes(digits, _digits(digits.codings[0].offset))
    found = differences(own, load(name).as_set(tmp_path / "net.nir", own.x), names)
    assert (found.differing, found.first, own.saturated) == (0, None, 0)
    assert found.spikes > 1000


def _without_scale(seed: int, layers: int) -> QuantisedNetwork:
    """Return a generated network without factors and biases of single positions: `Scale`, which none of the simulators reads."""
    network = random_network(seed, layers)
    populations = tuple(replace(p, bias=p.bias[:1, :1]) for p in network.populations)
    projections = tuple(
        replace(q, geometry=replace(q.geometry, gain=None)) if isinstance(q.geometry, Conv) else q for q in network.projections
    )
    return replace(network, populations=populations, projections=projections)


@pytest.mark.parametrize("seed", [0, 1, 2, 9])  # the last has a skip connection
@pytest.mark.parametrize("name", SIMULATORS)
def test_generated_networks_spike_the_same(name: str, seed: int, tmp_path: Path) -> None:
    network = _without_scale(seed, layers=5)
    names = _written(network, tmp_path / "net.nir")
    own = own_spikes(network, np.random.default_rng(seed).uniform(size=(2, *network.input.shape)))
    assert differences(own, load(name).as_set(tmp_path / "net.nir", own.x), names).differing == 0


def test_payloads_are_the_multiple_spikes_of_sinabs(tmp_path: Path) -> None:
    network = with_payloads(_without_scale(41, layers=2), 1, 3, signed=False)
    names = _written(network, tmp_path / "net.nir")
    own = own_spikes(network, np.random.default_rng(1).uniform(size=(2, *network.input.shape)))
    assert max(s.max() for s in own.spikes.values()) > 1
    assert differences(own, load("sinabs").as_set(tmp_path / "net.nir", own.x), names).differing == 0


@pytest.mark.parametrize("name", ["sinabs", "snntorch"])
def test_their_networks_spike_the_same_here_and_become_integers(name: str, tmp_path: Path) -> None:
    from tests.helpers.simulators.writers import SHAPE, WRITERS

    x = (np.random.default_rng(5).random((3, 12, *SHAPE)) < 0.3).astype(np.float64)
    theirs = WRITERS[name](tmp_path / "net.nir", x)
    network = from_nir(tmp_path / "net.nir", timesteps=12, reset="subtract")
    found = differences(in_floats(network, x), theirs, {node: node for node in theirs})
    assert (found.differing, found.first) == (0, None)
    assert found.spikes > 1000
    integers = ecc_lava.quantise(network, format="loihi2")
    assert own_spikes(integers, np.moveaxis(x, 2, -1)).saturated == 0
