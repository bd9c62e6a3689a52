"""Attribution: planted causes are found and named first."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import ecc_lava
from ecc_lava.analysis.attribution import Attribution, draw, in_words
from ecc_lava.conversion.rescaling import rescaled
from ecc_lava.demo import data as demo
from ecc_lava.geometry import with_kernel
from ecc_lava.graph.evaluate import forward
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Linear, Node, Scale
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.quantisation.quantise import quantise
from tests.helpers.attributions import (
    IMAGES,
    assert_bars_are_inside,
    attributed,
    demo_converted,
    demo_graph,
    demo_images,
    found_by,
    random_pixels,
)
from tests.helpers.cnns import small_graph
from tests.helpers.images import as_array


def test_a_small_lambda_is_found() -> None:
    snn = demo_converted("channel")
    found = found_by(rescaled(snn, {"relu0": snn.by_name["relu0"].lambda_ * 0.2}))
    assert found.largest_rung.name == "clipping"
    assert found.worst_layer.name == "relu0"
    first, own = found.advice[0], found.layer_advice
    assert own is not None
    assert (first.cause, first.layer, own.cause, own.layer) == ("clipping", "relu0", "clipping", "relu0")
    assert first.change.certain
    assert "percentile" in first.sentence


@pytest.mark.parametrize(("layer", "bits"), [("relu0", 3), ("relu1", 2), ("dense", 2)])
def test_few_bits_in_one_layer_are_found(layer: str, bits: int) -> None:
    found = found_by(demo_converted("channel"), bits={layer: bits, "default": 8})
    assert found.largest_rung.name == "weights"
    assert found.worst_layer.name == layer
    assert (found.advice[0].cause, found.advice[0].layer) == ("weights", layer)
    assert f"{bits} bits are too few for the weights into {layer!r}" in found.advice[0].sentence
    assert "--bits" in found.advice[0].sentence


def test_few_timesteps_are_found() -> None:
    """Of few steps both whole spikes and their times are wrong; the remedy is the same."""
    found = found_by(demo_converted("channel", 4), images=200)
    assert {advice.cause for advice in found.advice[:2]} == {"timesteps", "timing"}
    assert all("--timesteps 8" in advice.sentence for advice in found.advice[:2])
    others = [rung.change.points for rung in found.rungs[1:] if rung.change and rung.name not in ("timesteps", "timing")]
    assert max(others) < 0.25 * found.points


def test_binary_spikes_are_advised_to_carry_payloads_where_the_format_has_them() -> None:
    found = found_by(demo_converted("channel", 4))
    assert all("--payload-bits 8" in advice.sentence for advice in found.advice[:2])
    on_loihi1 = ecc_lava.convert(
        demo_graph(), calibration=demo.calibration_images().x, timesteps=4, recipe="channel", format="loihi1", coding="rate"
    )
    network = quantise(on_loihi1, format="loihi1")
    found = ecc_lava.attribute(network, demo_images(), snn=on_loihi1, graph=demo_graph())
    assert found.advice and not any("payload" in advice.sentence for advice in found.advice)


def test_coarse_payloads_are_found_and_finer_ones_lose_next_to_nothing() -> None:
    def graded(bits: int) -> Attribution:
        calibration = demo.calibration_images().x
        return found_by(ecc_lava.convert(demo_graph(), calibration=calibration, payload_bits=bits, recipe="channel"))

    coarse, fine = graded(2), graded(8)
    assert coarse.largest_rung.name == "payload"
    timing = {rung.name: rung.change for rung in coarse.rungs}["timing"]
    assert timing is not None and timing.agreement.net == 0 and abs(timing.error) < 1e-12  # one step has no times
    assert fine.rungs[-1].error < 0.05 * coarse.rungs[-1].error  # what is left is the rounding of weights
    few = attributed(
        ecc_lava.convert(small_graph(), calibration=random_pixels(), payload_bits=2, recipe="channel"), small_graph(), random_pixels(400)
    )
    assert few.advice[0].cause == "payload"
    assert "Payloads of 2 bits are too coarse" in few.advice[0].sentence and "--payload-bits 8" in few.advice[0].sentence
    assert draw(coarse).startswith(b"\x89PNG") and json.dumps(coarse.as_dict())
    assert_bars_are_inside(coarse)


def _with_an_outlier(graph: Graph, factor: float) -> Graph:
    """Return the same function with one channel of `relu1` so many times as large, and its weights onwards as many times smaller."""
    changed: dict[str, Node] = {}
    for node in graph.nodes:
        if isinstance(node, Scale) and node.name == "bn1":
            grow = np.where(np.arange(len(node.scale)) == 3, factor, 1.0)
            changed[node.name] = replace(node, scale=node.scale * grow, shift=node.shift * grow)
        if isinstance(node, Linear) and node.name == "pool1":
            kernel = node.geometry.kernel.copy()
            kernel[..., 3] /= factor
            changed[node.name] = replace(node, geometry=with_kernel(node.geometry, kernel))
    assert len(changed) == 2
    return Graph(tuple(changed.get(node.name, node) for node in graph.nodes), graph.uint8_scale, graph.outputs)


def test_an_outlier_channel_is_found() -> None:
    graph = _with_an_outlier(demo_graph(), 100.0)
    x = demo_images()
    np.testing.assert_allclose(forward(graph, x), forward(demo_graph(), x), rtol=1e-6, atol=1e-6)
    found = found_by(ecc_lava.convert(graph, calibration=demo.calibration_images().x, recipe="ecc"), graph)
    assert found.largest_rung.name == "timesteps"
    assert found.worst_layer.name == "relu1"
    first = found.advice[0]
    assert (first.cause, first.layer) == ("timesteps", "relu1")
    assert "Lambda is too large" in first.sentence
    assert "--recipe channel" in first.sentence
    cured = found_by(ecc_lava.convert(graph, calibration=demo.calibration_images().x, recipe="channel"), graph)
    assert cured.points < 0.1 * found.points


def test_a_lambda_that_is_too_large_for_every_channel_asks_for_a_lower_percentile() -> None:
    snn = demo_converted("channel")
    found = found_by(rescaled(snn, {"relu1": np.asarray(snn.by_name["relu1"].lambda_ * 60, np.float64)}))
    assert (found.largest_rung.name, found.worst_layer.name) == ("timesteps", "relu1")
    assert "lower percentile" in found.advice[0].sentence
    assert "--recipe" not in found.advice[0].sentence


def test_images_outside_the_range_of_the_input_are_found() -> None:
    snn, x = demo_converted("channel"), demo_images() / 255.0 - 0.5
    found = ecc_lava.attribute(quantise(snn), x, snn=snn, graph=demo_graph())
    assert found.largest_rung.name == found.advice[0].cause == "input"
    assert "outside the range of the calibration images" in found.advice[0].sentence


def test_calibration_is_a_rung_of_its_own_that_wins_back() -> None:
    snn = ecc_lava.convert(demo_graph(), calibration=demo.calibration_images().x, timesteps=8, bits=3)
    found = found_by(snn, bits=3)
    last = found.rungs[-1]
    assert last.name == "calibration"
    assert last.change is not None
    assert last.change.points < -5
    assert found.largest_rung.name == "weights"
    assert "without calibration" in in_words(found)[0]
    plain = quantise(snn.ideal, bits=3) if snn.ideal else None
    assert isinstance(plain, QuantisedNetwork)
    right = ecc_lava.simulate(plain, demo_images()).predictions == as_array(demo.test_images().y)[:IMAGES]
    assert found.rungs[-2].correct == right.sum()


def test_a_network_without_losses_gets_no_advice() -> None:
    found = found_by(demo_converted("channel", 64))
    assert found.advice == ()
    assert found.layer_advice is None
    assert "No step costs more than chance" in in_words(found)[1]
