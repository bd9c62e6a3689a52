"""Studies of streams: thresholds and errors as settings, on sequences of frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.demo import data as demo
from ecc_lava.demo.data import MODEL
from ecc_lava.errors import InvalidInput
from ecc_lava.graph.graph import Graph
from ecc_lava.studies.results import StudyResult
from ecc_lava.studies.search.search import Search
from ecc_lava.studies.settings import Setting, grid
from ecc_lava.studies.show.page import page
from ecc_lava.studies.show.picture import draw
from tests.helpers.images import as_array
from tests.helpers.studies import figures_of

DIGITS = as_array(demo.test_images().x)[:16].reshape(4, 4, 8, 8, 1).repeat(2, axis=1)
RNG = np.random.default_rng(0)
FRAMES = np.clip(DIGITS + RNG.integers(-6, 7, DIGITS.shape) * (RNG.random(DIGITS.shape) < 0.2), 0, 255).astype(np.uint8)
LABELS = as_array(demo.test_images().y)[:16].reshape(4, 4).repeat(2, axis=1)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return ecc_lava.from_keras(ecc_lava.load_model(MODEL))


@pytest.fixture(scope="module")
def result(graph: Graph) -> StudyResult:
    return _study(graph, labels=LABELS, thresholds=(0, 1, 8), max_errors=(0.02, 0.2), mapper=_first_frames)


def _first_frames(network: ecc_lava.QuantisedNetwork, images: Any) -> Any:
    run = ecc_lava.simulate(network, images)
    return ecc_lava.studies.Mapped("none", 1, 1, energy_uj=float(run.events.mean()), mapped_images=run.images)


def _study(model: Any, **options: Any) -> StudyResult:
    given: dict[str, Any] = {
        "calibration": FRAMES[:2],
        "data": FRAMES[2:],
        "recipes": "channel",
        "bits": 8,
        "timesteps": 1,
        "payload_bits": 8,
    }
    labels = options.pop("labels", None)
    return ecc_lava.study(model, **given | {"labels": None if labels is None else labels[2:]} | options)


def test_thresholds_cost_less_and_err_more(result: StudyResult) -> None:
    whole, exact, coarse, fine, loose = (figures_of(trial) for trial in result.trials)
    assert whole.output_error == exact.output_error == 0.0
    assert whole.accuracy == exact.accuracy
    assert whole.share_of_events == 1.0
    shares = [f.share_of_events or 0.0 for f in (exact, coarse)]
    assert 1.0 > shares[0] > shares[1]
    assert (coarse.output_error or 0.0) > 0.0
    assert (loose.share_of_events or 0.0) < (fine.share_of_events or 0.0) <= shares[0]
    assert {f.images for f in (whole, exact, fine)} == {16}


def test_figures_are_those_of_the_stream_itself(graph: Graph, result: StudyResult) -> None:
    network = ecc_lava.quantise(
        ecc_lava.convert(graph, calibration=FRAMES[:2].reshape(-1, 8, 8, 1), timesteps=1, payload_bits=8, recipe="channel")
    )
    stream = ecc_lava.sigma_delta(
        network, {p.name: min(8, p.payload.largest) for p in ecc_lava.sigma_delta(network).populations if p.theta}
    )
    report = ecc_lava.check_stream(stream, FRAMES[2:], lava=False)
    coarse = figures_of(result.trials[2])
    assert coarse.network_digest == stream.digest
    assert coarse.output_error == pytest.approx(report.error)
    assert coarse.share_of_events == pytest.approx(report.events)
    assert result.trials[2].events_per_image == pytest.approx(np.mean(report.events_by_frame))


def test_a_mapper_takes_the_first_frames_of_one_sequence(result: StudyResult) -> None:
    assert {t.mapped.mapped_images for t in result.trials if t.mapped is not None} == {8}
    assert result.trials[1].energy_uj != result.trials[0].energy_uj


def test_the_front_the_picture_and_the_page_know_errors(result: StudyResult) -> None:
    assert result.objectives == ("error", "events")
    assert result.trials[0] not in result.front()
    assert result.trials[1] in result.front()
    assert draw(result)[:4] == b"\x89PNG"
    text = page(result, "a model")
    assert 'data-x="output_error"' in text
    assert "changes of 8" in text
    assert "changes within 2 %" in text
    assert [row["threshold"] for row in result.rows] == [0, 1, 8, 0, 0]


def test_a_search_chooses_among_thresholds(graph: Graph) -> None:
    search = Search(trials=4, objectives=("error", "events"), selection=1)
    found = _study(graph, labels=LABELS, thresholds=(1, 4), search=search)
    assert {t.setting.threshold for t in found.searched} == {1, 4}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thresholds": 1, "data": FRAMES[0]}, "data of a study of streams: shape .* give sequences of frames"),
        ({"thresholds": 1, "calibration": FRAMES[0]}, "calibration of a study of streams: shape"),
        ({"thresholds": 256}, "threshold 256; a whole number from 1 to 255"),
        ({"thresholds": -1}, "threshold -1; "),
        ({"max_errors": float("nan")}, "max_error nan; "),
        ({"thresholds": 1, "timesteps": 4}, "no setting to run: T = 4 makes no stream: it takes one timestep a frame"),
        ({"thresholds": 1, "codings": "rate"}, "the coding rate makes no stream"),
        ({"thresholds": 1, "labels": LABELS[:3]}, "1 rows of labels for 2 sequences"),
        ({}, "sequences of frames need a stream"),
    ],
)
def test_bad_input_has_one_clear_message(graph: Graph, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        _study(graph, **options)


def test_settings_of_streams_survive_json_and_keep_the_keys_of_others() -> None:
    for setting in grid(bits=(8,), timesteps=(1,), payloads=((8, False),), sends=((0, None), (3, None), (0, 0.01))).settings:
        assert Setting.from_dict(setting.as_dict()) == setting
        assert not setting.unstreamed.is_stream
    with pytest.raises(InvalidInput, match="one of the two"):
        Setting.of(1, 8, payload_bits=8, threshold=2, max_error=0.1)
