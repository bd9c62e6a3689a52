"""Passes: none changes a rate, lambdas are those of a direct computation, and recipes leave their trace."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.conversion import activations
from ecc_lava.conversion.convert import convert
from ecc_lava.conversion.passes.current_normalisation import CurrentNormalisation
from ecc_lava.conversion.passes.input_encoding import InputEncoding
from ecc_lava.conversion.passes.interface import Pass
from ecc_lava.conversion.passes.residual_elimination import ResidualElimination
from ecc_lava.conversion.recipes import RECIPES
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Conv
from ecc_lava.graph.evaluate import evaluate, forward
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, Relu
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.rates import ideal_rates, rate_forward
from ecc_lava.networks.wiring import Kind
from tests.helpers.cnns import named, samples, small_graph
from tests.helpers.graphs import graphs

MANY = settings(max_examples=60)


PASSES: tuple[Pass, ...] = (
    InputEncoding(),
    CurrentNormalisation("layer", 100.0),
    CurrentNormalisation("channel", 100.0),
    CurrentNormalisation("layer", 97.0),
    CurrentNormalisation("channel", 90.0),
    ResidualElimination(0.5),
)


@pytest.mark.parametrize("step", PASSES, ids=repr)
@settings(MANY, max_examples=25)
@given(graphs(4), st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (-3.0, 1.5)]))
def test_no_pass_changes_the_rates(step: Pass, graph: Graph, limits: tuple[float, float]) -> None:
    """Nor does an input offset, which is a bias per neuron where padding is zero."""
    x = samples(graph, 3, *limits)
    network = lower(graph).network
    reference = rate_forward(network, x)
    np.testing.assert_allclose(rate_forward(step(network, named(graph, x)), x), reference, atol=1e-9 * max(1.0, np.abs(reference).max()))


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_converted_network_has_the_rates_of_the_graph(recipe: str) -> None:
    @settings(MANY, max_examples=8 if recipe == "best" else 20)
    @given(graphs())
    def same_rates(graph: Graph) -> None:
        x = samples(graph)
        reference = forward(graph, x)
        network = convert(graph, calibration=x, timesteps=8, recipe=recipe)
        np.testing.assert_allclose(rate_forward(network, x), reference, atol=1e-9 * max(1.0, np.abs(reference).max()))

    same_rates()


def test_an_offset_is_a_bias_map_at_padded_borders() -> None:
    graph = Graph((Input("input", (3, 3, 1)), Linear("c", "input", Conv(np.ones((3, 3, 1, 1)), padding=(1, 1, 1, 1)), np.zeros(1))))
    network = InputEncoding()(lower(graph).network, named(graph, samples(graph, 200)))
    assert network.codings[0].offset == -1.0
    assert network.codings[0].scale == pytest.approx(2 / 255)
    assert network.readout.bias[:, :, 0].tolist() == [[-4, -6, -4], [-6, -9, -6], [-4, -6, -4]]
    np.testing.assert_allclose(network.projections[0].geometry.kernel, 2 / 255)


@pytest.mark.parametrize("percentile", [100.0, 99.0, 90.0])
@pytest.mark.parametrize("per", ["layer", "channel"])
def test_lambda_is_the_statistic_of_the_cnns_activation(per: str, percentile: float) -> None:
    graph = small_graph()
    x = samples(graph, 70)  # more than one batch
    network = CurrentNormalisation(per, percentile)(lower(graph).network, named(graph, x))
    values = dict(evaluate(graph, named(graph, x)))
    for name in ("r", "q"):
        flat = values[name].reshape(-1, values[name].shape[3])
        expected = np.percentile(flat, percentile, axis=0 if per == "channel" else None)
        np.testing.assert_allclose(network.by_name[name].lambda_.ravel(), expected, rtol=1e-6)
        assert network.by_name[name].lambda_.shape == ((1, 1, flat.shape[1]) if per == "channel" else (1, 1, 1))
    assert network.readout.lambda_.item() == 1.0


def test_normalised_weights_are_those_of_the_formula() -> None:
    graph = small_graph()
    x = samples(graph, 20)
    before = lower(graph).network
    after = CurrentNormalisation("channel", 100.0)(before, named(graph, x))
    source, target = after.by_name["r"].lambda_.ravel(), after.by_name["q"].lambda_.ravel()
    expected = before.into("q")[0].geometry.kernel * source[:, None] / target
    np.testing.assert_allclose(after.into("q")[0].geometry.kernel, expected, rtol=1e-12)
    np.testing.assert_allclose(after.by_name["q"].bias.ravel(), before.by_name["q"].bias.ravel() / target, rtol=1e-12)
    assert (after.by_name["q"].vth == 1).all()


def test_normalising_by_the_maximum_keeps_all_rates_within_one() -> None:
    graph = small_graph()
    x = samples(graph, 20)
    network = CurrentNormalisation("channel", 100.0)(lower(graph).network, named(graph, x))
    for name, activation in ideal_rates(network, named(graph, x)).items():
        if network.by_name[name].kind is Kind.IF:
            assert (activation / network.by_name[name].lambda_).max() == pytest.approx(1.0)


def test_a_later_normalisation_replaces_the_earlier() -> None:
    graph = small_graph()
    x = samples(graph, 20)
    network = lower(graph).network
    once = CurrentNormalisation("layer", 95.0)(network, named(graph, x))
    twice = CurrentNormalisation("layer", 95.0)(CurrentNormalisation("channel", 100.0)(network, named(graph, x)), named(graph, x))
    for a, b in zip(once.projections, twice.projections, strict=True):
        np.testing.assert_allclose(a.geometry.kernel, b.geometry.kernel, rtol=1e-6)


@pytest.mark.parametrize("percentile", [100.0, 99.0])
def test_a_dead_channel_takes_the_largest_lambda(percentile: float) -> None:
    graph = small_graph(dead=True)
    x = samples(graph, 20)
    network = CurrentNormalisation("channel", percentile)(lower(graph).network, named(graph, x))
    lambdas = network.by_name["r"].lambda_.ravel()
    assert lambdas[1] == lambdas.max()
    np.testing.assert_allclose(rate_forward(network, x), forward(graph, x), rtol=1e-9)


def test_a_layer_that_is_rarely_active_still_has_a_lambda() -> None:
    """Its percentile is 0; its maximum is not."""
    graph = Graph((Input("input", (1, 1, 1)), Relu("r", "input")))
    x = np.full((100, 1, 1, 1), -1.0)
    x[7] = 0.5
    for per in ("layer", "channel"):
        assert CurrentNormalisation(per, 50.0)(lower(graph).network, named(graph, x)).by_name["r"].lambda_.item() == 0.5
        assert CurrentNormalisation(per, 50.0)(lower(graph).network, named(graph, -abs(x))).by_name["r"].lambda_.item() == 1.0


def test_a_percentile_over_many_values_reads_a_share_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = small_graph()
    x = samples(graph, 300)
    network = lower(graph).network
    full = activations.activation_scale(network, named(graph, x), {"r": "layer"}, 90.0)
    monkeypatch.setattr(activations, "VALUES", 6000)
    thinned = activations.activation_scale(network, named(graph, x), {"r": "layer"}, 90.0)
    np.testing.assert_allclose(thinned["r"], full["r"], rtol=0.1)
    assert thinned["r"] != full["r"]
    largest = dict(evaluate(graph, named(graph, x)))["r"].max()
    found = activations.activation_scale(network, named(graph, x), {"r": "layer"}, 100.0)["r"]
    np.testing.assert_allclose(found, largest, rtol=1e-6)  # sums in float32


def test_the_recipes_leave_their_trace() -> None:
    graph = small_graph()
    network = ecc_lava.convert(graph, calibration=samples(graph), timesteps=16, recipe="ecc")
    assert network.trace == (
        "InputEncoding()",
        "CurrentNormalisation(per='layer', percentile=100.0)",
        "ResidualElimination(fraction=0.5)",
    )
    assert network.timesteps == 16
    own = ecc_lava.convert(graph, calibration=samples(graph), recipe=[InputEncoding(), CurrentNormalisation("channel", 98.0)])
    assert own.trace == ("InputEncoding()", "CurrentNormalisation(per='channel', percentile=98.0)")


def test_residual_elimination_starts_neurons_at_half_the_threshold_but_not_the_readout() -> None:
    graph = small_graph()
    network = ecc_lava.convert(graph, calibration=samples(graph), recipe="channel")
    for population in network.populations:
        assert population.v_init.max() == (0.5 if population.kind is Kind.IF else 0.0)


@pytest.mark.parametrize("percentile", [0.0, -1.0, 100.5, float("nan")])
def test_a_percentile_out_of_range_is_refused(percentile: float) -> None:
    with pytest.raises(InvalidInput, match="percentile"):
        CurrentNormalisation("layer", percentile)


def test_lambda_is_per_layer_or_channel() -> None:
    with pytest.raises(InvalidInput, match="'neuron'"):
        CurrentNormalisation("neuron")


def test_the_input_is_encoded_once() -> None:
    graph = small_graph()
    x = samples(graph)
    with pytest.raises(InvalidInput, match="encoded already"):
        InputEncoding()(InputEncoding()(lower(graph).network, named(graph, x)), named(graph, x))
