"""Images that are stopped early are counted for the steps that ran."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from ecc_lava.analysis import stopped
from ecc_lava.analysis.energy import image_events
from ecc_lava.analysis.stopped import steps_run, stopped_events
from ecc_lava.backends.simulate import simulate
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import fan_out
from ecc_lava.inputs import batch_part
from ecc_lava.networks import QuantisedNetwork
from tests.helpers.networks import random_images, random_network, recoded, with_payloads

NETWORKS = {
    "rate": recoded(random_network(3), "rate"),
    "poisson": recoded(random_network(1), "poisson"),
    "graded input": random_network(2),
    "payloads": with_payloads(random_network(3), 3, 4, True),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_images_that_are_not_stopped_have_the_events_of_the_whole_run(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = NETWORKS[kind]
    images = random_images(network, 5)
    whole = image_events(simulate(network, images), network)
    assert stopped_events(network, images, np.full(5, network.timesteps)) == whole
    monkeypatch.setattr(stopped, "_RASTER_BYTES", 1)  # one image at a time
    assert stopped_events(network, images, np.full(5, network.timesteps)) == whole


@pytest.mark.parametrize("kind", ["rate", "payloads"])
@pytest.mark.parametrize("steps", [1, 3])
def test_layers_before_the_readout_have_run_ahead(kind: str, steps: int) -> None:
    """Against runs of fewer steps, one for each depth."""
    network = NETWORKS[kind]
    images, whole = random_images(network, 4), network.timesteps
    found = stopped_events(network, images, np.array([steps, whole, steps, steps]))
    spikes = passed = 0.0
    for image in range(4):
        shown = whole if image == 1 else steps
        for population in network.populations[:-1]:
            ran = min(whole, shown + network.depth - population.depth)
            few = simulate(network, batch_part(images, slice(image, image + 1)), timesteps=ran, record=[population.name])
            fan = sum(fan_out(p.geometry, population.shape) for p in network.projections if p.source == population.name)
            spikes += float(few.messages(population.name).sum())
            passed += float((few.messages(population.name) * fan).sum())
    assert found.spikes == spikes / 4
    assert found.synops + found.input_macs + found.graded_synops == pytest.approx(passed / 4, rel=1e-12)
    neurons = sum(p.neurons for p in network.populations[1:])
    assert found.updates == neurons * (3 * min(whole, steps + network.depth) + whole) / 4


def test_an_image_takes_no_more_steps_than_the_stream_gives_it() -> None:
    assert steps_run(np.array([1, 5, 8]), 8, 2).tolist() == [3, 7, 8]


def test_fewer_steps_are_fewer_events() -> None:
    network: QuantisedNetwork = NETWORKS["rate"]
    images = random_images(network, 3)
    first, last = (astuple(stopped_events(network, images, np.full(3, steps))) for steps in (1, network.timesteps))
    assert all(a <= b for a, b in zip(first, last, strict=True)) and first[0] < last[0]


def test_every_image_needs_its_steps() -> None:
    network = NETWORKS["rate"]
    with pytest.raises(InvalidInput, match=r"steps of shape \(2,\) for 3 images"):
        stopped_events(network, random_images(network, 3), np.array([1, 2]))
