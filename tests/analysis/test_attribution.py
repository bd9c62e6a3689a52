"""Attribution: rungs that sum to the loss, each one what it says, and what is shown."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.analysis.attribution.answers import Reference
from ecc_lava.analysis.attribution.ladder import RUNGS, climbed, staged
from ecc_lava.conversion.rescaling import rescaled
from ecc_lava.errors import InvalidInput
from ecc_lava.formats.loihi1 import LOIHI1
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.evaluate import forward
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, Node, Reshape, Scale, Step
from ecc_lava.networks.rates import ideal_rates
from ecc_lava.networks.wiring import Kind
from ecc_lava.quantisation.as_float import as_float
from ecc_lava.quantisation.quantise import quantise, rounding_steps
from ecc_lava.scores import Scorer
from tests.helpers.attributions import (
    attributed,
    random_pixels,
    saturating,
)
from tests.helpers.cnns import small_graph
from tests.helpers.graphs import graphs

SOME = settings(max_examples=20)


@settings(SOME, max_examples=9)
@given(graphs(), st.sampled_from(["ecc", "channel", "best"]), st.integers(2, 8), st.sampled_from([1, 1, 3, 8]))
def test_losses_sum_to_the_whole_and_the_rungs_are_what_the_back_ends_give(graph: Graph, recipe: str, bits: int, payload: int) -> None:
    x = np.random.default_rng(3).uniform(-1, 1, (9, *graph.input.shape))
    reference = forward(graph, x)
    if not reference.std() > 0:
        return
    snn = ecc_lava.convert(graph, calibration=x, timesteps=8, recipe=recipe, payload_bits=payload)
    network = quantise(snn, bits=bits)
    labels = np.random.default_rng(4).integers(0, reference.shape[1], 9)
    found = ecc_lava.attribute(network, x, labels, snn=snn, graph=graph)
    rungs = {rung.name: rung for rung in found.rungs}
    calibrated = snn.ideal is not None
    rounded, absent = ("payload", "timesteps") if network.payload.bits > 1 else ("timesteps", "payload")
    assert list(rungs) == [name for name in RUNGS if name != absent][: None if calibrated else -1]
    ideal = snn.ideal or snn
    expected = {
        "ann": reference,
        rounded: ecc_lava.simulate(ideal, x, backend="closed_form").logits,
        "timing": ecc_lava.simulate(ideal, x, backend="float").logits,
        found.rungs[-1].name: ecc_lava.simulate(network, x).logits,
    }
    for name, logits in expected.items():
        assert rungs[name].correct == (logits.argmax(axis=1) == labels).sum()
        assert rungs[name].agreeing == (logits.argmax(axis=1) == reference.argmax(axis=1)).sum()
        assert rungs[name].error == pytest.approx(np.square(logits - reference).mean() / reference.var(), rel=1e-9, abs=1e-12)
    changes = [rung.change for rung in found.rungs[1:] if rung.change is not None]
    layers = [layer.in_network for layer in found.layers]
    assert sum(c.error for c in changes) == pytest.approx(found.rungs[-1].error - found.rungs[0].error, abs=1e-9)
    assert sum(c.error for c in layers) == pytest.approx(found.rungs[-1].error - rungs["input"].error, abs=1e-9)
    for kind in ("accuracy", "agreement"):
        assert sum(getattr(c, kind).net for c in changes) == sum(getattr(c, kind).net for c in layers) + getattr(changes[0], kind).net
    assert found.points == pytest.approx(sum(c.points for c in changes), abs=1e-9)


@settings(SOME, max_examples=15)
@given(graphs(), st.sampled_from([LOIHI1, LOIHI2]), st.integers(2, 8), st.sampled_from(["channel", "layer"]))
def test_rounded_weights_are_the_integers_and_all_else_is_not_rounded(graph: Graph, format: Any, bits: int, per: str) -> None:
    x = np.random.default_rng(3).uniform(-1, 1, (4, *graph.input.shape))
    snn = ecc_lava.convert(graph, calibration=x, timesteps=8, recipe="channel", format=format.name)
    found, integers = rounding_steps(snn, format=format, bits=bits, per=per)
    floats = as_float(integers)
    assert integers.digest == quantise(snn, format=format, bits=bits, per=per).digest
    assert found.potential_limit == inf
    for a, b in zip(floats.projections, found.projections, strict=True):
        assert (a.geometry.kernel == b.geometry.kernel).all()
    for p, q in zip(integers.populations, found.populations, strict=True):
        assert (p.bias == format.rounded_bias(q.bias)).all()
        if p.kind is Kind.IF:
            real = snn.by_name[p.name]
            assert (p.vth == np.maximum(format.rounded_vth(q.vth), format.vth_min)).all()
            assert (p.v_init == np.rint(q.v_init)).all()
            np.testing.assert_allclose(q.v_init / q.vth, np.broadcast_to(real.v_init / real.vth, q.v_init.shape), rtol=1e-12)


def test_without_saturation_the_integers_are_those_of_the_float_engine() -> None:
    snn, x = saturating()
    network = quantise(snn)
    run = ecc_lava.simulate(network, x)
    assert run.saturated_low["q"] + run.saturated_high["q"] > 0
    unlimited = ecc_lava.simulate(replace(as_float(network), potential_limit=inf), x, backend="float")
    reference = Reference(forward(small_graph(), x), Scorer(small_graph()))
    answers = dict(climbed(staged(network, snn), {"input": x}, reference, lambda stage, done, total: None))
    assert answers["neurons"].error == pytest.approx(reference.answers(unlimited.logits, slice(None)).error, rel=1e-12)
    assert answers["saturation"].error == pytest.approx(reference.answers(run.logits, slice(None)).error, rel=1e-12)


def test_clipping_is_at_lambda_and_a_layer_by_itself_is_clipped_as_much() -> None:
    """With one layer after the clipped one, both are the same network."""
    graph, x = small_graph(), random_pixels()
    snn = ecc_lava.convert(graph, calibration=x, timesteps=64, recipe="ecc")
    small = rescaled(snn, {"q": snn.by_name["q"].lambda_ * 0.3})
    found = attributed(small, graph, x)
    rungs = {rung.name: rung for rung in found.rungs}
    layers = {layer.name: layer for layer in found.layers}
    activation = ideal_rates(small, {"input": x / 255.0})["q"]
    clipped = np.minimum(activation, small.by_name["q"].lambda_)
    readout = small.into("out")[0].geometry.kernel / small.by_name["q"].lambda_.item()
    logits = clipped.reshape(len(x), -1) @ readout + small.by_name["out"].bias.ravel()
    reference = forward(graph, x)
    expected = np.square(logits - reference).mean() / reference.var()
    assert rungs["clipping"].error == pytest.approx(expected, rel=1e-9)
    assert layers["q"].clipping.error == pytest.approx(expected, rel=1e-9)
    assert layers["r"].clipping.error < 1e-15
    assert layers["q"].clipped == pytest.approx((activation > small.by_name["q"].lambda_).sum() / (activation > 0).sum())


def test_the_last_layer_by_itself_is_its_rounding_alone() -> None:
    found = attributed(
        ecc_lava.convert(small_graph(), calibration=random_pixels(), recipe="channel"), small_graph(), random_pixels(), bits=2
    )
    last = found.layers[-1]
    assert (last.clipping.error, last.timesteps.error) == (0.0, 0.0)
    assert last.rounding.error == last.alone.error > 0.01
    assert last.clipped is last.used is None


CODINGS: dict[str, tuple[str, str]] = {
    "graded": ("graded", "loihi2"),
    "rate": ("rate", "loihi1"),
    "poisson": ("poisson", "loihi2"),
    "events": ("events", "loihi1"),
}


@pytest.mark.parametrize("coding", CODINGS)
def test_the_input_rung_is_what_the_coding_loses(coding: str) -> None:
    kind, format = CODINGS[coding]
    x = random_pixels(24)
    if coding == "events":
        x = (np.random.default_rng(0).random((24, 16, 5, 5, 2)) < x[:, None] / 255).astype(np.uint8)
    snn = ecc_lava.convert(small_graph(), calibration=x, timesteps=8, recipe="channel", coding=kind, format=format)
    found = attributed(snn, small_graph(), x, format=format)
    assert found.rungs[1].name == "input"
    if coding == "graded":
        assert found.rungs[1].error < 1e-20
    else:
        assert found.rungs[1].error > 1e-4


def test_step_populations_at_one_timestep_lose_nothing() -> None:
    rng = np.random.default_rng(1)
    nodes: list[Node] = [
        Input("x", (4, 4, 1)),
        Linear("c", "x", Conv(rng.choice([-1.0, 1.0], (3, 3, 1, 4))), np.zeros(4)),
        Scale("b", "c", rng.normal(1, 0.5, 4), rng.normal(0, 0.5, 4)),
        Step("s", "b"),
        Reshape("f", "s", (1, 1, 16)),
        Linear("out", "f", Dense(rng.choice([-1.0, 1.0], (16, 3))), np.zeros(3)),
    ]
    graph, x = Graph(tuple(nodes)), rng.integers(0, 256, (30, 4, 4, 1)).astype(np.uint8)
    found = attributed(ecc_lava.convert(graph, calibration=x, timesteps=1), graph, x)
    assert found.rungs[-1].agreement == 1.0
    assert all(rung.error < 1e-12 for rung in found.rungs)


@pytest.mark.parametrize("per", ["channel", "layer"])
def test_integers_of_another_network_are_refused(per: str) -> None:
    graph, x = small_graph(), random_pixels()
    snn = ecc_lava.convert(graph, calibration=x, recipe="channel")
    network = quantise(snn, bits={"r": 3, "default": 5}, per=per)
    ecc_lava.attribute(network, x, snn=snn, graph=graph)
    with pytest.raises(InvalidInput, match="Quantise the float network again"):
        ecc_lava.attribute(network, x, snn=rescaled(snn, {"q": snn.by_name["q"].lambda_ * 1.1}), graph=graph)


def test_integers_that_do_not_say_how_they_were_quantised_are_refused() -> None:
    snn = ecc_lava.convert(small_graph(), calibration=random_pixels(), recipe="channel")
    with pytest.raises(InvalidInput, match=r"does not say how it was quantised.*Quantise the float network again"):
        ecc_lava.attribute(replace(quantise(snn), quantisation=None), random_pixels(), snn=snn, graph=small_graph())


def test_bad_labels_and_a_constant_cnn_are_refused() -> None:
    graph, x = small_graph(), random_pixels()
    snn = ecc_lava.convert(graph, calibration=x, recipe="channel")
    network = quantise(snn)
    with pytest.raises(InvalidInput, match=r"labels of shape \(3,\) for 40 images"):
        ecc_lava.attribute(network, x, np.zeros(3), snn=snn, graph=graph)
    last = graph.nodes[-1]
    assert isinstance(last, Linear)
    dead = Graph((*graph.nodes[:-1], replace(last, geometry=Dense(np.zeros((12, 3))), bias=np.zeros(3))))
    with pytest.raises(InvalidInput, match="nothing can be lost"):
        ecc_lava.attribute(network, x, snn=snn, graph=dead)


def test_saturation_is_counted_by_layer() -> None:
    snn, x = saturating()
    found = attributed(snn, small_graph(), x)
    run = ecc_lava.simulate(quantise(snn), x)
    for layer in found.layers:
        assert layer.saturated == run.saturated_low[layer.name] + run.saturated_high[layer.name]
    assert max(found.layers, key=lambda layer: layer.saturated).name == "q"
