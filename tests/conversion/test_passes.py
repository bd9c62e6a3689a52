"""ECC: passes that change no rate, lambdas against a direct computation, the closed form against the published formula."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.common import BINARY, threads
from ecc_lava.common.arrays import Array
from ecc_lava.conversion import activations
from ecc_lava.conversion.calibration.response import errors, moments
from ecc_lava.conversion.calibration.weight_sharing import Sharing
from ecc_lava.conversion.convert import calibration_subset, convert
from ecc_lava.conversion.passes.current_normalisation import CurrentNormalisation
from ecc_lava.conversion.passes.input_encoding import InputEncoding
from ecc_lava.conversion.passes.interface import IntegerOptions, Pass
from ecc_lava.conversion.passes.residual_elimination import ResidualElimination
from ecc_lava.conversion.recipes import RECIPES, passes_of
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.evaluate import evaluate, forward
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Input, Linear, Node, Relu, Reshape
from ecc_lava.inputs import InputCoding
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.rates import ideal_rates, rate_forward
from ecc_lava.networks.spiking import Population, Projection, SpikingNetwork
from ecc_lava.networks.wiring import Kind
from tests.helpers.graphs import graphs

MANY = settings(derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def _images(graph: Graph, n: int = 5, low: float = -1.0, high: float = 1.0) -> Array:
    return np.random.default_rng(3).uniform(low, high, (n, *graph.input.shape))


def _named(graph: Graph, x: Array) -> dict[str, Array]:
    """Return the samples of a graph's only input by its name."""
    return {graph.input.name: x}


def _small_graph(dead: bool = False) -> Graph:
    rng = np.random.default_rng(5)
    kernel, bias = rng.normal(size=(3, 3, 2, 4)), rng.normal(size=4)
    if dead:
        kernel[..., 1], bias[1] = 0.0, -1.0
    nodes: list[Node] = [
        Input("input", (5, 5, 2)),
        Linear("c", "input", Conv(kernel, padding=(1, 1, 1, 1)), bias),
        Relu("r", "c"),
        Linear("d", "r", Conv(rng.normal(size=(3, 3, 4, 3)), (2, 2)), rng.normal(size=3)),
        Relu("q", "d"),
        Reshape("f", "q", (1, 1, 12)),
        Linear("out", "f", Dense(rng.normal(size=(12, 3))), rng.normal(size=3)),
    ]
    return Graph(tuple(nodes))


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
    x = _images(graph, 3, *limits)
    network = lower(graph).network
    reference = rate_forward(network, x)
    np.testing.assert_allclose(rate_forward(step(network, _named(graph, x)), x), reference, atol=1e-9 * max(1.0, np.abs(reference).max()))


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_converted_network_has_the_rates_of_the_graph(recipe: str) -> None:
    @settings(MANY, max_examples=8 if recipe == "best" else 20)
    @given(graphs())
    def same_rates(graph: Graph) -> None:
        x = _images(graph)
        reference = forward(graph, x)
        network = convert(graph, calibration=x, timesteps=8, recipe=recipe)
        np.testing.assert_allclose(rate_forward(network, x), reference, atol=1e-9 * max(1.0, np.abs(reference).max()))

    same_rates()


def test_an_offset_is_a_bias_map_at_padded_borders() -> None:
    graph = Graph((Input("input", (3, 3, 1)), Linear("c", "input", Conv(np.ones((3, 3, 1, 1)), padding=(1, 1, 1, 1)), np.zeros(1))))
    network = InputEncoding()(lower(graph).network, _named(graph, _images(graph, 200)))
    assert network.codings[0].offset == -1.0
    assert network.codings[0].scale == pytest.approx(2 / 255)
    assert network.readout.bias[:, :, 0].tolist() == [[-4, -6, -4], [-6, -9, -6], [-4, -6, -4]]
    np.testing.assert_allclose(network.projections[0].geometry.kernel, 2 / 255)


@pytest.mark.parametrize("percentile", [100.0, 99.0, 90.0])
@pytest.mark.parametrize("per", ["layer", "channel"])
def test_lambda_is_the_statistic_of_the_cnns_activation(per: str, percentile: float) -> None:
    graph = _small_graph()
    x = _images(graph, 70)  # more than one batch
    network = CurrentNormalisation(per, percentile)(lower(graph).network, _named(graph, x))
    values = dict(evaluate(graph, _named(graph, x)))
    for name in ("r", "q"):
        flat = values[name].reshape(-1, values[name].shape[3])
        expected = np.percentile(flat, percentile, axis=0 if per == "channel" else None)
        np.testing.assert_allclose(network.by_name[name].lambda_.ravel(), expected, rtol=1e-6)
        assert network.by_name[name].lambda_.shape == ((1, 1, flat.shape[1]) if per == "channel" else (1, 1, 1))
    assert network.readout.lambda_.item() == 1.0


def test_normalised_weights_are_those_of_the_formula() -> None:
    graph = _small_graph()
    x = _images(graph, 20)
    before = lower(graph).network
    after = CurrentNormalisation("channel", 100.0)(before, _named(graph, x))
    source, target = after.by_name["r"].lambda_.ravel(), after.by_name["q"].lambda_.ravel()
    expected = before.into("q")[0].geometry.kernel * source[:, None] / target
    np.testing.assert_allclose(after.into("q")[0].geometry.kernel, expected, rtol=1e-12)
    np.testing.assert_allclose(after.by_name["q"].bias.ravel(), before.by_name["q"].bias.ravel() / target, rtol=1e-12)
    assert (after.by_name["q"].vth == 1).all()


def test_normalising_by_the_maximum_keeps_all_rates_within_one() -> None:
    graph = _small_graph()
    x = _images(graph, 20)
    network = CurrentNormalisation("channel", 100.0)(lower(graph).network, _named(graph, x))
    for name, activation in ideal_rates(network, _named(graph, x)).items():
        if network.by_name[name].kind is Kind.IF:
            assert (activation / network.by_name[name].lambda_).max() == pytest.approx(1.0)


def test_a_later_normalisation_replaces_the_earlier() -> None:
    graph = _small_graph()
    x = _images(graph, 20)
    network = lower(graph).network
    once = CurrentNormalisation("layer", 95.0)(network, _named(graph, x))
    twice = CurrentNormalisation("layer", 95.0)(CurrentNormalisation("channel", 100.0)(network, _named(graph, x)), _named(graph, x))
    for a, b in zip(once.projections, twice.projections, strict=True):
        np.testing.assert_allclose(a.geometry.kernel, b.geometry.kernel, rtol=1e-6)


@pytest.mark.parametrize("percentile", [100.0, 99.0])
def test_a_dead_channel_takes_the_largest_lambda(percentile: float) -> None:
    graph = _small_graph(dead=True)
    x = _images(graph, 20)
    network = CurrentNormalisation("channel", percentile)(lower(graph).network, _named(graph, x))
    lambdas = network.by_name["r"].lambda_.ravel()
    assert lambdas[1] == lambdas.max()
    np.testing.assert_allclose(rate_forward(network, x), forward(graph, x), rtol=1e-9)


def test_a_layer_that_is_rarely_active_still_has_a_lambda() -> None:
    """Its percentile is 0; its maximum is not."""
    graph = Graph((Input("input", (1, 1, 1)), Relu("r", "input")))
    x = np.full((100, 1, 1, 1), -1.0)
    x[7] = 0.5
    for per in ("layer", "channel"):
        assert CurrentNormalisation(per, 50.0)(lower(graph).network, _named(graph, x)).by_name["r"].lambda_.item() == 0.5
        assert CurrentNormalisation(per, 50.0)(lower(graph).network, _named(graph, -abs(x))).by_name["r"].lambda_.item() == 1.0


def test_a_percentile_over_many_values_reads_a_share_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = _small_graph()
    x = _images(graph, 300)
    network = lower(graph).network
    full = activations.activation_scale(network, _named(graph, x), {"r": "layer"}, 90.0)
    monkeypatch.setattr(activations, "VALUES", 6000)
    thinned = activations.activation_scale(network, _named(graph, x), {"r": "layer"}, 90.0)
    np.testing.assert_allclose(thinned["r"], full["r"], rtol=0.1)
    assert thinned["r"] != full["r"]
    largest = dict(evaluate(graph, _named(graph, x)))["r"].max()
    found = activations.activation_scale(network, _named(graph, x), {"r": "layer"}, 100.0)["r"]
    np.testing.assert_allclose(found, largest, rtol=1e-6)  # sums in float32


def test_the_recipes_leave_their_trace() -> None:
    graph = _small_graph()
    network = ecc_lava.convert(graph, calibration=_images(graph), timesteps=16, recipe="ecc")
    assert network.trace == (
        "InputEncoding()",
        "CurrentNormalisation(per='layer', percentile=100.0)",
        "ResidualElimination(fraction=0.5)",
    )
    assert network.timesteps == 16
    own = ecc_lava.convert(graph, calibration=_images(graph), recipe=[InputEncoding(), CurrentNormalisation("channel", 98.0)])
    assert own.trace == ("InputEncoding()", "CurrentNormalisation(per='channel', percentile=98.0)")


def test_residual_elimination_starts_neurons_at_half_the_threshold_but_not_the_readout() -> None:
    graph = _small_graph()
    network = ecc_lava.convert(graph, calibration=_images(graph), recipe="channel")
    for population in network.populations:
        assert population.v_init.max() == (0.5 if population.kind is Kind.IF else 0.0)


def _chain(weight: float, bias: float, v_init: float = 0.5, vth: float = 1.0) -> SpikingNetwork:
    """Return input -> one neuron -> readout of weight 1."""
    one, zero = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
    populations = (
        Population("input", (1, 1, 1), Kind.INPUT, zero, one, zero, one),
        Population("r", (1, 1, 1), Kind.IF, bias * one, vth * one, v_init * one, one),
        Population("out", (1, 1, 1), Kind.READOUT, zero, one, zero, one),
    )
    projections = (Projection("input", "r", Dense(np.full((1, 1), weight))), Projection("r", "out", Dense(np.ones((1, 1)))))
    return SpikingNetwork(populations, projections, (InputCoding(),), 4)


@pytest.mark.parametrize(
    ("weight", "bias", "vth", "count"),
    [
        (0.25, 0.125, 1.0, 2),  # (0.25 + 0.125) * 4 = 1.5: a residual of exactly half counts as one more
        (0.25, 0.12, 1.0, 1),  # 1.48
        (0.25, -0.5, 1.0, 0),  # negative input: relu first
        (0.25, -0.2, 1.0, 0),  # 0.2: residual below half
        (3.0, 0.0, 1.0, 4),  # never more than T
        (0.25, 0.125, 0.5, 3),  # 1.5 / 0.5 = 3 exactly
        (0.3125, 0.0, 0.5, 3),  # 1.25 / 0.5 = 2.5: half again
    ],
)
def test_the_closed_form_is_the_published_formula(weight: float, bias: float, vth: float, count: int) -> None:
    network = _chain(weight, bias, v_init=0.5 * vth, vth=vth)
    result = ecc_lava.simulate(network, np.ones((1, 1, 1, 1)), backend="closed_form", record=["r"])
    assert result.counts["r"].item() == count
    assert result.logits.item() == pytest.approx(count / 4)
    assert result.readout is None


def test_the_closed_form_rectifies_before_the_initial_potential_is_added() -> None:
    result = ecc_lava.simulate(_chain(-0.5, 0.0, v_init=1.25), np.ones((1, 1, 1, 1)), backend="closed_form", record=["r"])
    assert result.counts["r"].item() == 1  # floor(relu(-2) + 1.25)


def test_without_residual_elimination_the_closed_form_rounds_down() -> None:
    result = ecc_lava.simulate(_chain(0.25, 0.12, v_init=0.0), np.ones((1, 1, 1, 1)), backend="closed_form", record=["r"])
    assert result.counts["r"].item() == 1
    assert ecc_lava.simulate(_chain(0.25, 0.24, 0.0), np.ones((1, 1, 1, 1)), backend="closed_form", record=["r"]).counts["r"].item() == 1


def test_a_closed_form_of_two_layers_by_hand() -> None:
    """T = 4, x = (2, 1): I = 4 * (2*0.25 - 0.125) = 1.5 -> 2 and 4 * (1*0.5) = 2 -> 2 spikes; readout 2*1 + 2*(-2) + 4*0.25 = -1."""
    one, zero = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
    populations = (
        Population("input", (1, 1, 2), Kind.INPUT, zero, one, zero, one),
        Population("r", (1, 1, 2), Kind.IF, zero, one, 0.5 * one, one),
        Population("out", (1, 1, 1), Kind.READOUT, 0.25 * one, one, zero, 2 * one),
    )
    weights = np.array([[0.25, 0.0], [-0.125, 0.5]])
    projections = (Projection("input", "r", Dense(weights)), Projection("r", "out", Dense(np.array([[1.0], [-2.0]]))))
    result = ecc_lava.simulate(
        SpikingNetwork(populations, projections, (InputCoding(),), 4), np.array([[2.0, 1.0]]), backend="closed_form", record=["r"]
    )
    assert result.counts["r"].ravel().tolist() == [2, 2]
    assert result.logits.item() == -1.0 / 4 * 2


def test_a_constant_input_makes_the_closed_form_and_time_agree() -> None:
    """What separates them is spike timing, and the first layer's input has none."""
    for weight in (0.1875, 0.25, 0.4375, 0.9375):
        network = _chain(weight, 0.03125)
        x = np.ones((1, 1, 1, 1))
        in_time = ecc_lava.simulate(network, x, backend="float", record=["r"]).counts["r"]
        assert in_time.item() == ecc_lava.simulate(network, x, backend="closed_form", record=["r"]).counts["r"].item()


def test_more_timesteps_come_closer_to_the_cnn() -> None:
    graph = _small_graph()
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (8, 5, 5, 2)) / 255.0  # on the input's grid
    reference = forward(graph, x)

    def error(timesteps: int, backend: str) -> float:
        network = ecc_lava.convert(graph, calibration=x, timesteps=timesteps, recipe="ecc")
        return float(np.abs(ecc_lava.simulate(network, x, backend=backend).logits - reference).max() / np.abs(reference).max())

    for backend in ("float", "closed_form"):
        assert error(512, backend) < 0.02
        assert error(512, backend) < error(16, backend) / 4


def test_the_closed_form_has_no_time() -> None:
    with pytest.raises(InvalidInput, match="no timesteps"):
        ecc_lava.simulate(_chain(0.5, 0.0), np.ones((1, 1, 1, 1)), backend="closed_form", over_time=True)
    assert not ecc_lava.simulate(_chain(0.5, 0.0), np.ones((1, 1, 1, 1)), backend="closed_form", record=["r"]).raster


@pytest.mark.parametrize("percentile", [0.0, -1.0, 100.5, float("nan")])
def test_a_percentile_out_of_range_is_refused(percentile: float) -> None:
    with pytest.raises(InvalidInput, match="percentile"):
        CurrentNormalisation("layer", percentile)


def test_lambda_is_per_layer_or_channel() -> None:
    with pytest.raises(InvalidInput, match="'neuron'"):
        CurrentNormalisation("neuron")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"timesteps": 0}, "timesteps 0"),
        ({"timesteps": -3}, "timesteps -3"),
        ({"recipe": "best ever"}, f"known: {', '.join(RECIPES)}"),
        ({"calibration": np.zeros((0, 5, 5, 2))}, "calibration: holds no image"),
        ({"calibration": np.zeros((4, 5, 5, 3))}, r"calibration: shape \(4, 5, 5, 3\) does not fit"),
        ({"calibration": np.full((4, 5, 5, 2), np.nan)}, "image 0 holds NaN or infinity \\(4 such"),
        ({"calibration": np.array([["a"]])}, "not numbers"),
    ],
)
def test_what_cannot_be_used_to_convert_is_refused(options: dict[str, Any], says: str) -> None:
    graph = _small_graph()
    with pytest.raises(InvalidInput, match=says):
        ecc_lava.convert(graph, **{"calibration": _images(graph), **options})


@pytest.mark.parametrize("repeats", [1, 4])
def test_shared_weights_are_an_orthonormal_part_of_all(repeats: int) -> None:
    rng = np.random.default_rng(1)
    kernel = np.repeat(rng.normal(size=(3, 2, 5)), repeats, axis=0).reshape(-1, 5)
    sharing = Sharing.of(kernel, channels=2)
    assert sharing.basis.shape == (3 * repeats, 3)
    assert np.allclose(sharing.basis.T @ sharing.basis, np.eye(3))
    ideal_rates, weights = rng.normal(size=(7, 6 * repeats)), rng.normal(size=(6, 5))
    assert np.allclose(sharing.reduced(ideal_rates) @ weights, ideal_rates @ sharing.expanded(weights))
    assert np.allclose(sharing.expanded(np.linalg.lstsq(sharing.reduced(np.eye(6 * repeats)), kernel, rcond=None)[0]), kernel)


def test_weights_that_an_average_made_equal_stay_equal_when_refitted() -> None:
    rng = np.random.default_rng(2)
    nodes: list[Node] = [
        Input("input", (4, 4, 2)),
        Linear("c", "input", Conv(rng.normal(size=(3, 3, 2, 6)), padding=(1, 1, 1, 1)), rng.normal(size=6)),
        Relu("r", "c"),
        Reshape("f", "r", (1, 1, 96)),
        Linear("out", "f", Dense(np.tile(rng.normal(size=(6, 3)) / 16, (16, 1))), rng.normal(size=3)),
    ]
    graph = Graph(tuple(nodes))
    plain, fitted = (convert(graph, calibration=_images(graph, 64), timesteps=4, recipe=r) for r in ("channel", "best"))
    before, after = (network.projections[-1].geometry.kernel.reshape(16, -1) for network in (plain, fitted))
    assert not np.allclose(before, after, rtol=1e-3)
    assert np.allclose(after, after[:1], rtol=1e-9)


@pytest.mark.parametrize("channels", [1, 5, 64])
def test_sums_over_rows_are_those_of_numpy(channels: int) -> None:
    rng = np.random.default_rng(0)
    target, ideal_rates = rng.random((2, 300, channels)).astype(np.float32)
    gain = rng.random(channels)
    energy, match = moments(target, ideal_rates)
    np.testing.assert_allclose(energy, np.square(ideal_rates).sum(axis=0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(match, (target * ideal_rates).sum(axis=0, dtype=np.float64), rtol=1e-12)
    mean, square = errors(target, ideal_rates, gain)
    error = target.astype(np.float64) - ideal_rates.astype(np.float64) * gain
    np.testing.assert_allclose(mean, error.mean(axis=0), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(square, np.square(error).mean(axis=0), rtol=1e-12)


def test_calibration_tells_how_far_it_is() -> None:
    graph, told = _small_graph(), []
    x = _images(graph, 20)
    heard = convert(graph, calibration=x, timesteps=4, progress=lambda *step: told.append(step))
    assert told == [("calibrating populations", done, 3) for done in range(4)]
    silent = convert(graph, calibration=x, timesteps=4)
    assert heard.trace == silent.trace
    assert ecc_lava.quantise(heard).digest == ecc_lava.quantise(silent).digest


@pytest.mark.parametrize("payload_bits", [1, 4])
def test_the_number_of_cores_changes_nothing(payload_bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = _small_graph()
    x = _images(graph, 80)

    def digest() -> str:
        return ecc_lava.quantise(convert(graph, calibration=x, timesteps=4, payload_bits=payload_bits)).digest

    whole = digest()
    monkeypatch.setattr(threads, "usable_cores", lambda: 1)
    monkeypatch.setattr(threads, "_WORTH_A_THREAD", 1)
    monkeypatch.setattr(threads._own, "is_worker", True, raising=False)
    assert digest() == whole


def test_the_input_is_encoded_once() -> None:
    graph = _small_graph()
    x = _images(graph)
    with pytest.raises(InvalidInput, match="encoded already"):
        InputEncoding()(InputEncoding()(lower(graph).network, _named(graph, x)), _named(graph, x))


def test_uint8_images_calibrate_as_the_floats_they_stand_for() -> None:
    graph = _small_graph()
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 5, 2)).astype(np.uint8)
    a, b = (ecc_lava.convert(graph, calibration=x) for x in (pixels, pixels / 255.0))
    assert a.codings == b.codings
    for p, q in zip(a.projections, b.projections, strict=True):
        np.testing.assert_allclose(p.geometry.kernel, q.geometry.kernel, rtol=1e-6)


def test_calibration_images_are_drawn_by_a_seed() -> None:
    drawn = calibration_subset(1000, seed=3, size=50)
    assert (np.diff(drawn) > 0).all() and drawn.max() < 1000 and len(drawn) == 50
    assert (drawn == calibration_subset(1000, seed=3, size=50)).all()
    assert (drawn != calibration_subset(1000, seed=4, size=50)).any()
    assert calibration_subset(20, size=50).tolist() == list(range(20))


def test_conversion_draws_from_whatever_it_is_given() -> None:
    """As on the command line: 256 images by the seed; None takes all."""
    graph = _small_graph()
    x = _images(graph, 300)
    x[7] *= 50  # the largest image is not among those that seed 0 draws

    def lambdas(given: Array, **options: Any) -> list[list[float]]:
        snn = convert(graph, calibration=given, timesteps=4, recipe="channel", **options)
        return [p.lambda_.ravel().tolist() for p in snn.populations]

    assert 7 not in calibration_subset(300)
    assert lambdas(x) == lambdas(x[calibration_subset(300)]) != lambdas(x, calibration_images=None)
    assert lambdas(x, seed=2, calibration_images=20) == lambdas(x[calibration_subset(300, 2, 20)])
    with pytest.raises(InvalidInput, match="calibration_images 0; at least 1"):
        lambdas(x, calibration_images=0)
    x[7] = np.nan
    with pytest.raises(InvalidInput, match="image 7 holds NaN"):
        lambdas(x)


def test_networks_show_themselves_in_one_line() -> None:
    graph = _small_graph()
    snn = convert(graph, calibration=_images(graph), timesteps=4, recipe="channel")
    for shown in (repr(graph), repr(snn), repr(ecc_lava.quantise(snn))):
        assert "\n" not in shown
        assert len(shown) < 200
    assert "T=4" in repr(snn)


def test_calibration_takes_projections_in_any_order() -> None:
    """A source is kept until its last reader in order, which need not be listed last."""
    rng = np.random.default_rng(5)
    nodes: list[Node] = [
        Input("input", (4, 4, 2)),
        Linear("a", "input", Conv(rng.normal(size=(1, 1, 2, 3))), rng.normal(size=3)),
        Relu("p", "a"),
        Linear("b", "p", Conv(rng.normal(size=(1, 1, 3, 3))), rng.normal(size=3)),
        Relu("q", "b"),
        Add("sum", ("q", "p")),
        Relu("r", "sum"),
        Reshape("f", "r", (1, 1, 48)),
        Linear("out", "f", Dense(rng.normal(size=(48, 3))), rng.normal(size=3)),
    ]
    graph = Graph(tuple(nodes))
    x = _images(graph, 8)
    listed = replace(lower(graph).network, timesteps=4)
    for projections in (listed.projections, listed.projections[::-1]):
        network = replace(listed, projections=projections)
        for step in passes_of("best", BINARY, IntegerOptions("loihi2", 8, graph)):
            network = step(network, _named(graph, x))
        np.testing.assert_allclose(rate_forward(network, x), forward(graph, x), atol=1e-9 * np.abs(forward(graph, x)).max())
