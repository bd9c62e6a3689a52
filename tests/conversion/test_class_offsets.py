"""Offsets of classes: the minimum that is promised, on moved images, for classifiers alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

import ecc_lava
from ecc_lava.common.arrays import Array, Float, output_of
from ecc_lava.conversion.calibration import class_offsets
from ecc_lava.conversion.calibration.class_offsets import ClassOffsets
from ecc_lava.conversion.convert import convert
from ecc_lava.conversion.recipes import RECIPES
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.formats.table import FORMATS
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.evaluate import forward
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, Node, Relu, Reshape, Sigmoid, Softmax
from ecc_lava.networks.rates import rate_forward
from ecc_lava.networks.spiking import SpikingNetwork

T = 4


def _classifier(final: type[Softmax] | type[Sigmoid] | None = Softmax, channels_first: bool = False) -> Graph:
    rng = np.random.default_rng(5)
    nodes: list[Node] = [
        Input("input", (8, 8, 2), channels_first),
        Linear("c", "input", Conv(rng.normal(size=(3, 3, 2, 6)), padding=(1, 1, 1, 1)), rng.normal(size=6)),
        Relu("r", "c"),
        Linear("d", "r", Conv(rng.normal(size=(3, 3, 6, 8)), (2, 2)), rng.normal(size=8)),
        Relu("q", "d"),
        Reshape("f", "q", (1, 1, 72)),
        Linear("logits", "f", Dense(rng.normal(size=(72, 4)) / 20), rng.normal(size=4)),
    ]
    return Graph((*nodes, final("class", "logits")) if final else tuple(nodes))


def _images(n: int = 32, seed: int = 3) -> Array:
    return np.random.default_rng(seed).uniform(0, 1, (n, 8, 8, 2))


@dataclass(frozen=True)
class _Worse:
    """A pass that spoils a readout's bias, as spikes could."""

    by: tuple[float, ...] = (3.0, -3.0, 1.0, -1.0)

    def __call__(self, network: SpikingNetwork, images: Mapping[str, Float]) -> SpikingNetwork:
        spoilt = {p.name: replace(p, bias=p.bias + np.array(self.by)) for p in network.readouts}
        return replace(network, populations=tuple(spoilt.get(p.name, p) for p in network.populations), ideal=network)


SPOILT = (*RECIPES["channel"], _Worse())


def _changed(graph: Graph, x: Any, classifiers: tuple[str, ...] | None = None, **options: Any) -> dict[str, Float]:
    """Return what offsets add to the bias of every population of a spoilt network; to all but readouts that must be nothing."""
    before = convert(graph, calibration=x, timesteps=T, recipe=SPOILT, **options)
    after = convert(graph, calibration=x, timesteps=T, recipe=(*SPOILT, ClassOffsets(classifiers=classifiers)), **options)
    np.testing.assert_equal(rate_forward(after, x), rate_forward(before, x))
    return {p.name: (after.by_name[p.name].bias - p.bias).ravel() for p in before.populations}


def test_offsets_are_the_minimum() -> None:
    rng = np.random.default_rng(1)
    ideal, answers = (values - values.mean(axis=1, keepdims=True) for values in rng.normal(0, 2, (2, 300, 5)))
    found = class_offsets._offsets(ideal, answers, 100)
    error = np.square(ideal - answers).mean()

    def divergence(b: Array) -> float:
        log, wanted = log_softmax(answers + b, axis=1), softmax(ideal, axis=1)
        kl = (wanted * (log_softmax(ideal, axis=1) - log)).sum(axis=1).mean()
        return float(kl + b @ b / (2 * 100 * class_offsets.PRIOR * error))

    assert found.sum() == pytest.approx(0, abs=1e-6)  # no common part
    for nearby in rng.normal(0, 0.01, (50, 5)):
        assert divergence(found) < divergence(found + nearby)


def test_offsets_give_every_class_the_probability_that_the_cnn_gives_it() -> None:
    rng = np.random.default_rng(1)
    ideal = rng.normal(0, 2, (300, 5))
    answers = ideal + rng.normal(0, 1, (300, 5)) - np.array([2.0, 1.0, 0.0, -1.0, -2.0])
    found = class_offsets._offsets(ideal, answers, 10**9)  # so many images leave nothing of the prior
    np.testing.assert_allclose(softmax(answers + found, axis=1).mean(axis=0), softmax(ideal, axis=1).mean(axis=0), atol=1e-4)
    few = class_offsets._offsets(ideal, answers, 3)
    assert np.abs(few).max() < np.abs(found).max()


def test_without_an_error_there_is_no_offset() -> None:
    logits = np.random.default_rng(1).normal(size=(30, 4))
    assert not class_offsets._offsets(logits, logits, 30).any()


def test_images_are_moved_and_their_edges_repeated() -> None:
    x = np.arange(32.0 * 20).reshape(1, 32, 20, 1)
    copies = [copy["input"] for copy in class_offsets._moved({"input": x})]
    assert len(copies) == 2
    assert copies[0][0, :3, 0, 0].tolist() == x[0, 2:5, 1, 0].tolist()  # up by 2 of 32 rows, left by 1 of 20 columns
    assert copies[0][0, -3:, -2, 0].tolist() == [x[0, -1, -1, 0]] * 3
    assert copies[1][0, :3, 5, 0].tolist() == [x[0, 0, 4, 0]] * 3  # down, right
    assert all(copy.shape == x.shape and not np.array_equal(copy, x) for copy in copies)


def test_signals_are_moved_in_time_and_vectors_not_at_all() -> None:
    signal = np.arange(10.0).reshape(1, 1, 10, 1)
    assert {tuple(copy["a"].ravel()[:2]) for copy in class_offsets._moved({"a": signal, "b": np.ones((1, 1, 1, 3))})} == {(0, 0), (1, 2)}
    assert class_offsets._moved({"b": np.ones((1, 1, 1, 3))}) == []


@pytest.mark.parametrize("coding", [None, "rate", "poisson", "events"])
def test_a_spoilt_classifier_is_repaired_and_nothing_else_is_touched(coding: str | None) -> None:
    x = _images(200)
    given = (np.random.default_rng(0).random((len(x), T, *x.shape[1:])) < x[:, None]).astype(np.uint8) if coding == "events" else x
    changed = _changed(_classifier(), given, coding=coding)
    readout = changed.pop("class")
    assert not any(change.any() for change in changed.values())
    left = np.array(_Worse().by) + readout
    assert np.square(left).mean() < 0.1 * np.square(_Worse().by).mean()


def test_where_logits_hardly_err_the_first_images_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def watched(network: Any, batch: Any) -> Any:
        seen.append(len(batch["input"]))
        return ecc_lava.simulate(network, batch)

    monkeypatch.setattr(class_offsets, "simulate", watched)
    networks = {bits: convert(_classifier(), calibration=_images(100), payload_bits=8, bits=bits, seed=1) for bits in (8, 2)}
    first = class_offsets.FIRST
    assert seen == [first, first, 100 - first, 100]
    assert networks[8].readout.bias.any()


def test_channels_first_images_are_moved_along_height_and_width() -> None:
    x = _images()
    first = _changed(_classifier(channels_first=True), np.moveaxis(x, -1, 1))["class"]
    np.testing.assert_array_equal(first, _changed(_classifier(), x)["class"])


@pytest.mark.parametrize("final", [Sigmoid, None])
def test_outputs_that_are_no_classes_keep_their_bias(final: type[Sigmoid] | None) -> None:
    assert not any(change.any() for change in _changed(_classifier(final), _images()).values())


def test_of_several_outputs_only_classifiers_are_offset() -> None:
    graph = _classifier()
    both = Graph((*graph.nodes, Linear("other", "f", Dense(np.ones((72, 4)) / 20), np.zeros(4))), outputs=("other", "class"))
    assert both.classifiers == ("class",)
    changed = _changed(both, _images())
    assert changed["class"].any()
    assert not changed["other"].any()


def test_a_map_under_a_softmax_is_no_classifier() -> None:
    nodes = _classifier().nodes[:5]
    assert Graph((*nodes, Softmax("each", "q"))).classifiers == ()


def test_the_recipe_best_decides_more_like_the_cnn_on_other_images() -> None:
    """Judged by the divergence, of five draws, on images that nothing was fitted to; few steps, so that there is an error."""
    graph, test = _classifier(), _images(500, seed=9)
    ideal = forward(graph, test).reshape(500, -1)

    def divergence(recipe: Any) -> float:
        return float(np.mean([once(recipe, _images(16, seed=seed)) for seed in range(5)]))

    def once(recipe: Any, calibration: Array) -> float:
        network = ecc_lava.quantise(convert(graph, calibration=calibration, timesteps=2, recipe=recipe))
        log = log_softmax(output_of(ecc_lava.simulate(network, test).logits, "class").astype(float), axis=1)
        return float((softmax(ideal, axis=1) * (log_softmax(ideal, axis=1) - log)).sum(axis=1).mean())

    *without, last = RECIPES["best"]
    assert isinstance(last, ClassOffsets)
    assert divergence("best") < divergence(without)


def test_passes_run_integers_of_the_format_s_default_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "narrow", replace(FORMATS["loihi2"], name="narrow", weight_bits=6))
    passes = (*RECIPES["channel"], ClassOffsets())
    for format, bits in (("narrow", 6), ("loihi2", 8)):
        assert f"bits={bits}," in convert(_classifier(), calibration=_images(), timesteps=T, recipe=passes, format=format).trace[-1]


def test_offsets_by_themselves_say_what_they_lack() -> None:
    network = convert(_classifier(), calibration=_images(), timesteps=T, recipe="channel")
    with pytest.raises(InvalidInput, match="use them in `convert`"):
        ClassOffsets()(network, {"input": _images()})


def test_a_map_that_is_flattened_before_its_softmax_is_offset_neuron_by_neuron() -> None:
    nodes = (*_classifier(None).nodes[:4], Reshape("f", "d", (1, 1, 72)), Softmax("class", "f"))
    network = convert(Graph(nodes), calibration=_images(), timesteps=T, recipe="best")
    assert network.readout.shape == (3, 3, 8)
    assert np.ptp(network.readout.bias, axis=(0, 1)).max() > 0


def test_classes_are_not_offset_where_moved_images_overflow(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def overflow(*_: Any) -> None:
        raise RangeError("neuron (0, 0, 0) of population 'q': one step's input is 9000000")

    spoilt = convert(_classifier(), calibration=_images(), timesteps=T, recipe=SPOILT)
    monkeypatch.setattr(class_offsets, "simulate", overflow)
    network = convert(_classifier(), calibration=_images(), timesteps=T, recipe=(*SPOILT, ClassOffsets()))
    np.testing.assert_array_equal(network.readout.bias, spoilt.readout.bias)
    assert "classes are not offset: on images moved by 6 %, neuron (0, 0, 0) of population 'q'" in caplog.text
