"""The figures of docs/results.md are those of the JSON, and the benchmark's reference of another's max-pool is what its paper describes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecc_lava.version import __version__
from tests.benchmarks.published.gated import fire, gated_pool
from tests.benchmarks.published.page import replaced
from tests.benchmarks.published.sources import SOURCES

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def measured() -> Any:
    stored = ROOT / "tests" / "benchmarks" / "results" / __version__ / "published.json"
    return json.loads(stored.read_text(encoding="utf-8"))["sources"]


def test_the_page_has_the_figures_of_the_json(measured: Any) -> None:
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert replaced(page, measured) == page


def test_claims_follow_from_what_was_measured(measured: Any) -> None:
    assert set(measured) == set(SOURCES)
    for name, source in SOURCES.items():
        claims = [asdict(claim) for claim in source.claims(measured[name]["settings"], measured[name]["rows"])]
        assert claims == measured[name]["claims"]


def test_a_gate_passes_the_input_that_has_fired_most() -> None:
    first, second = [1, 1, 0, 0, 0, 0], [0, 1, 1, 1, 1, 0]  # level after three steps, where the first stays
    spikes = np.array([first, second], np.float32).T.reshape(6, 1, 1, 2, 1)
    assert gated_pool(spikes, (1, 2), (1, 2), (0, 0, 0, 0)).ravel().tolist() == [1, 1, 0, 1, 1, 0]


def test_no_gate_opens_to_the_border() -> None:
    spikes = np.zeros((1, 1, 2, 2, 1), np.float32)
    spikes[0, 0, 1, 1] = 1
    passed = gated_pool(spikes, (3, 3), (1, 1), (1, 1, 1, 1))
    assert passed.shape == spikes.shape and passed.all()


def test_neurons_send_lambda_as_often_as_their_input_makes_up() -> None:
    currents = np.full((8, 1, 1, 1, 2), 0.5, np.float32)
    sent = fire(currents, np.array([2.0, 1.0], np.float32))
    assert sent.sum(axis=0).ravel().tolist() == [4.0, 4.0] and set(sent[..., 0].ravel()) == {0.0, 2.0}
