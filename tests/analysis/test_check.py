"""`check`: its events per image, and what it refuses."""

from __future__ import annotations

import logging

import numpy as np
import pytest

import ecc_lava
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph
from ecc_lava.inputs import sources
from tests.helpers.cnns import samples, small_graph
from tests.helpers.networks import random_network
from tests.helpers.rows import NotedRows
from tests.helpers.small_networks import converted


def test_events_per_image_are_means_over_images() -> None:
    network = random_network(3)
    x = np.random.default_rng(0).integers(0, 256, (17, *network.input.shape), np.uint8)  # batches of 16 and 1
    x[:16] = 0
    report, run = ecc_lava.check(network, x, exact_images=1, lava=False), ecc_lava.simulate(network, x)
    assert report.synops_per_image == run.synops.mean()
    assert report.input_macs_per_image == run.input_macs.mean()
    with pytest.raises(InvalidInput, match="exact_images 0; at least 1"):
        ecc_lava.check(network, x, exact_images=0, lava=False)


def test_images_that_are_read_part_by_part_give_the_same_report(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    graph: Graph = small_graph()
    snn = converted(graph)[0]
    network, x = ecc_lava.quantise(snn), samples(graph, 300, high=1.5)  # beyond the calibration images
    labels, rows = np.arange(len(x)) % 3, NotedRows(x)
    monkeypatch.setattr(sources, "PART_BYTES", 70 * x[0].nbytes)
    with caplog.at_level(logging.WARNING):
        one, other = (ecc_lava.check(network, given, snn=snn, graph=graph, labels=labels, lava=False) for given in (x, rows.source()))
    assert one.as_dict() == other.as_dict()
    assert rows.seen == set(range(len(x)))
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) % 2 == 0
    assert messages[: len(messages) // 2] == messages[len(messages) // 2 :] != []
    one_loss, other_loss = (ecc_lava.attribute(network, given, labels, snn=snn, graph=graph) for given in (x, rows.source()))
    assert one_loss == other_loss
    assert rows.most < len(x)


def test_a_bad_image_of_a_source_is_told_with_its_range(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(3)
    x = np.zeros((20, *network.input.shape))
    x[13] = np.nan
    monkeypatch.setattr(sources, "PART_BYTES", 6 * x[0].nbytes)
    with pytest.raises(InvalidInput, match="images 12 to 17: image 1 holds NaN"):
        ecc_lava.check(network, NotedRows(x).source(), lava=False)
