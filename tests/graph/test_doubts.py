"""What speaks against the scale of images: nothing of images as in training, the remedy of others."""

from __future__ import annotations

import io
import logging
from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.errors import InvalidNetwork
from ecc_lava.graph import Graph, Reshape, Scale, Statistics, contradiction, doubts_of_scale
from ecc_lava.graph.evaluate import evaluate
from ecc_lava.inputs import SIGNED, UNIT, InputRange
from ecc_lava.storage.arrays import Reader, Writer
from ecc_lava.storage.graph_group import read_graph, write_graph
from tests.helpers.graphs import graphs
from tests.helpers.scaled import PIXELS_OF, RANGES, classifier, images

REMEDIES = {
    ("unit", "signed"): "images of 0 to 1 would fit; take x / 2 + 0.5",
    ("unit", "pixels"): "images of 0 to 1 would fit; divide them by 255",
    ("signed", "unit"): "images of -1 to 1 would fit; take 2 * x - 1",
    ("signed", "pixels"): "images of -1 to 1 would fit; take x / 127.5 - 1",
    ("pixels", "unit"): "images of 0 to 255 would fit; multiply them by 255",
    ("pixels", "signed"): "images of 0 to 255 would fit; take 127.5 * x + 127.5",
    ("signed", "uint8"): "give floats, x / 127.5 - 1, in place of uint8",
    ("pixels", "uint8"): "convert with --input-scale 1",
}
"""(What training saw, what is given) -> the remedy."""


@pytest.mark.parametrize("given", [*RANGES, "uint8"])
@pytest.mark.parametrize("trained", RANGES)
def test_statistics_of_training_tell_the_scale(trained: str, given: str) -> None:
    graph = classifier(trained, normalised=True)
    found = doubts_of_scale(graph, PIXELS_OF if given == "uint8" else images(given))
    right = given == trained or (given, trained) == ("uint8", "unit")
    assert len(found) == (0 if right else 1)
    if not right:
        assert REMEDIES[trained, given] in found[0]
        assert "unlike those of training: at the normalisation 'bn'" in found[0]


def test_images_of_no_usual_range_get_no_arithmetic() -> None:
    graph = classifier("unit", normalised=True)
    assert "scale them as in training" in doubts_of_scale(graph, images("unit") * 7 - 3)[0]


def test_other_images_of_the_same_scale_are_not_doubted() -> None:
    """Darker, lighter and flatter images than those of training are still images of this scale."""
    graph, x = classifier("unit", normalised=True), images("unit")
    for other in (0.8 * x, 0.8 * x + 0.2, np.sqrt(x), 1 - x):
        assert not doubts_of_scale(graph, other)


def test_single_images_are_not_doubted() -> None:
    graph = classifier("unit", normalised=True)
    for value in (0.0, 0.1, 0.5, 1.0):
        assert not doubts_of_scale(graph, np.full((1, 6, 6, 1), value))
        assert not doubts_of_scale(graph, value * images("unit")[:1])


def _with(graph: Graph, seen: Statistics | None) -> Graph:
    return replace(graph, nodes=tuple(replace(n, seen=seen) if isinstance(n, Scale) else n for n in graph.nodes))


def test_statistics_that_were_never_trained_say_nothing() -> None:
    graph = _with(classifier("unit", normalised=True), Statistics(np.zeros(1), np.ones(1)))
    assert contradiction(graph, {"x": images("signed") * 100}) is None


def test_a_second_normalisation_is_not_asked() -> None:
    """Behind another one, statistics depend on what that one does to the images."""
    graph = classifier("unit", normalised=True)
    second = Scale("second", "bn", np.ones(1), np.zeros(1), Statistics(np.full(1, 40.0), np.ones(1)))
    behind = [replace(n, source="second") if isinstance(n, Reshape) else n for n in graph.nodes[2:]]
    assert not doubts_of_scale(Graph((*graph.nodes[:2], second, *behind)), images("unit"))


@pytest.mark.parametrize("dtype", ["float32", "int16", "int64"])
def test_pixels_that_are_no_uint8_are_doubted_where_uint8_is_divided(dtype: str) -> None:
    graph, x = classifier("unit"), PIXELS_OF.astype(dtype)
    assert "divide them by 255, or convert with --input-scale 1" in doubts_of_scale(graph, x)[0]
    assert not doubts_of_scale(classifier("unit", uint8_scale=1.0), x)
    assert not doubts_of_scale(classifier("pixels", normalised=True), x), "training saw such pixels"
    assert not doubts_of_scale(graph, PIXELS_OF)


@pytest.mark.parametrize("name", RANGES)
def test_floats_are_not_doubted_without_evidence(name: str) -> None:
    x = images(name) * 0.98  # no whole numbers
    assert not doubts_of_scale(classifier(name), x)


def test_conversion_warns_and_keeps_the_range(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        snn = ecc_lava.convert(classifier("signed", normalised=True), calibration=PIXELS_OF, recipe="channel")
    assert [REMEDIES["signed", "uint8"] in r.getMessage() for r in caplog.records] == [True]
    assert snn.calibrated == ecc_lava.quantise(snn).calibrated
    found = snn.calibrated[0]
    assert (found.low, found.high) == (PIXELS_OF.min() / 255, PIXELS_OF.max() / 255)
    assert UNIT.holds(found)


def test_statistics_are_a_record_outside_the_digest() -> None:
    graph = classifier("unit", normalised=True)
    bare = _with(graph, None)
    assert graph.digest == bare.digest
    with h5py.File(io.BytesIO(), "w") as file:
        for name, stored in (("seen", graph), ("bare", bare)):
            write_graph(file.create_group(name), stored, Writer())
        again = read_graph(file["seen"], Reader(2**20, 2**30)).scales[0].seen
        assert read_graph(file["bare"], Reader(2**20, 2**30)).scales[0].seen is None
    assert again is not None
    seen = graph.scales[0].seen
    assert seen is not None
    np.testing.assert_array_equal(again.mean, seen.mean)
    with pytest.raises(InvalidNetwork, match="not negative"):
        Statistics(np.zeros(1), -np.ones(1))


DEPARTURES: dict[str, tuple[str, str, str]] = {
    "pixels where calibration saw the unit": ("unit", "pixels", "divide them by 255"),
    "signed where calibration saw the unit": ("unit", "signed", "take x / 2 + 0.5"),
    "the unit where calibration saw pixels": ("pixels", "unit", "multiply them by 255"),
    "uint8 where calibration saw pixels": ("pixels", "uint8", "convert with --input-scale 1"),
    "the unit where calibration saw signed": ("signed", "unit", "take 2 * x - 1"),
    "uint8 where calibration saw signed": ("signed", "uint8", "give floats, x / 127.5 - 1, in place of uint8"),
}


@pytest.mark.parametrize("name", DEPARTURES)
def test_images_outside_the_range_of_calibration(name: str, caplog: pytest.LogCaptureFixture) -> None:
    calibrated, given, remedy = DEPARTURES[name]
    network = ecc_lava.quantise(ecc_lava.convert(classifier(calibrated), calibration=images(calibrated), timesteps=4, recipe="channel"))
    caplog.clear()
    ecc_lava.simulate(network, images(calibrated)[:20])
    ecc_lava.simulate(network, images(calibrated)[:1] * 0.7)  # a single dark image
    assert not caplog.records
    ecc_lava.simulate(network, PIXELS_OF if given == "uint8" else images(given))
    assert len(caplog.records) == 1
    assert remedy in caplog.records[0].getMessage()
    assert "those of calibration in" in caplog.records[0].getMessage()


def test_five_percent_beyond_calibration_are_allowed(caplog: pytest.LogCaptureFixture) -> None:
    x = images("unit") * 0.5
    network = ecc_lava.quantise(ecc_lava.convert(classifier("unit"), calibration=x, timesteps=4, recipe="channel"))
    ecc_lava.simulate(network, x * 1.04)
    assert not caplog.records
    ecc_lava.simulate(network, x * 1.2)
    assert "calibrate with images like these" in caplog.records[0].getMessage()


def test_ranges_are_finite_and_in_order() -> None:
    for low, high in ((1.0, 0.0), (0.0, np.inf), (np.nan, 1.0)):
        with pytest.raises(InvalidNetwork, match="finite numbers in order"):
            InputRange(low, high)
    assert str(SIGNED) == "-1 to 1"


@settings(max_examples=40)
@given(graphs(), st.sampled_from([1, 8, 40]))
def test_images_like_those_of_training_are_never_doubted(graph: Graph, images: int) -> None:
    """Whatever stands before the normalisations, and however many images are given."""
    rng = np.random.default_rng(7)
    values = dict(evaluate(graph, {graph.input.name: rng.random((400, *graph.input.shape))}))
    nodes = tuple(
        replace(n, seen=Statistics(values[n.source].mean((0, 1, 2)), values[n.source].var((0, 1, 2)))) if isinstance(n, Scale) else n
        for n in graph.nodes
    )
    assert not doubts_of_scale(Graph(nodes, outputs=graph.outputs), rng.random((images, *graph.input.shape)))
