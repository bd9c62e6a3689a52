"""Networks of graded spikes from float CNNs: at one timestep the network is the CNN with rounded activations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.backends import Result
from ecc_lava.common import BINARY, Payload
from ecc_lava.conversion.calibration.layerwise import LayerwiseCalibration
from ecc_lava.conversion.calibration.presynaptic import PresynapticInput
from ecc_lava.conversion.passes.observed_input import ObservedInput
from ecc_lava.conversion.recipes import RECIPES
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.evaluate import forward
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Input, Linear, Relu, Reshape
from ecc_lava.networks import Kind, Population, QuantisedNetwork, SpikingNetwork, clipped_rate, input_rates, rate_forward, remaining_rates
from ecc_lava.quantisation import as_float, one_step_bound
from tests.helpers.graphs import graphs

PAYLOADS = st.builds(Payload, st.integers(1, 8), st.booleans())


def _images(graph: Graph, number: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return {node.name: rng.random((number, *node.shape)) for node in graph.inputs}


def _graph(seed: int = 0) -> Graph:
    rng = np.random.default_rng(seed)
    pool = Conv(np.full((2, 2, 1, 6), 0.25), (2, 2), groups=6)
    return Graph(
        (
            Input("input", (8, 8, 3)),
            Linear("a", "input", Conv(rng.normal(size=(3, 3, 3, 6)), padding=(1, 1, 1, 1)), rng.normal(size=6)),
            Relu("p", "a"),
            Linear("pool", "p", pool, np.zeros(6)),
            Linear("b", "pool", Conv(rng.normal(size=(3, 3, 6, 6)), padding=(1, 1, 1, 1)), rng.normal(size=6)),
            Relu("q", "b"),
            Linear("c", "q", Conv(rng.normal(size=(3, 3, 6, 6)), padding=(1, 1, 1, 1)), rng.normal(size=6)),
            Add("sum", ("c", "q")),
            Relu("r", "sum"),
            Reshape("flat", "r", (1, 1, 96)),
            Linear("out", "flat", Dense(rng.normal(size=(96, 5))), rng.normal(size=5)),
        )
    )


@given(graph=graphs(), payload=PAYLOADS, timesteps=st.integers(1, 4), recipe=st.sampled_from(["ecc", "channel", "best"]))
@settings(max_examples=20)
def test_every_recipe_converts_and_all_engines_agree(graph: Graph, payload: Payload, timesteps: int, recipe: str) -> None:
    x = _images(graph, 6)
    options: dict[str, Any] = {"payload_bits": payload.bits, "signed_spikes": payload.signed, "timesteps": timesteps, "recipe": recipe}
    snn = ecc_lava.convert(graph, calibration=x, **options)
    np.testing.assert_allclose(rate_forward(snn, x), forward(graph, x), atol=1e-8 * max(1.0, np.abs(forward(graph, x)).max()))
    network = ecc_lava.quantise(snn)
    for p in network.populations:
        assert p.kind is not Kind.IF or (p.payload.signed == payload.signed and p.payload.bits >= payload.bits)
    golden, fast = (_outcome(network, x, backend) for backend in ("golden", "fast"))
    assert isinstance(golden, str) == isinstance(fast, str)
    if isinstance(golden, str) or isinstance(fast, str):  # a margin is no proof; then both say where
        assert golden == fast
        return
    for other in (fast, ecc_lava.simulate(as_float(network), x, backend="float")):
        np.testing.assert_array_equal(golden.logits, other.logits)
        np.testing.assert_array_equal(golden.graded_synops, other.graded_synops)
        np.testing.assert_array_equal(golden.payload_bits, other.payload_bits)


def _outcome(network: QuantisedNetwork, x: Any, backend: str) -> Result | str:
    """Return a result, or what the error of a sum out of range says."""
    try:
        return ecc_lava.simulate(network, x, backend=backend)
    except RangeError as error:
        return str(error)


def test_at_one_step_the_float_network_is_the_cnn_with_rounded_activations() -> None:
    """The closed form, the float engine and rounded rates are one at T=1."""
    graph = _graph()
    x = _images(graph, 7)
    snn = ecc_lava.convert(graph, calibration=x, payload_bits=4, recipe="channel")
    assert snn.timesteps == 1

    def rounded(population: Any, total: Any) -> Any:
        if population.kind is Kind.READOUT:
            return total
        return np.floor(clipped_rate(population, total) + 0.5).clip(0, population.payload.largest)

    q = {name: np.rint(rate) for name, rate in input_rates(snn, x).items()}
    expected = remaining_rates(snn, q, rounded)[snn.readout.name].reshape(7, -1) * snn.readout.lambda_.ravel()
    for backend in ("float", "closed_form"):
        np.testing.assert_allclose(ecc_lava.simulate(snn, x, backend=backend).logits, expected.astype(np.float32), rtol=1e-5, atol=1e-5)


def test_more_payload_bits_come_nearer_to_the_cnn() -> None:
    graph = _graph(1)
    x, wanted = _images(graph, 64), forward(graph, _images(graph, 64))
    errors = []
    for bits in (2, 4, 8):
        network = ecc_lava.quantise(ecc_lava.convert(graph, calibration=x, payload_bits=bits, recipe="best"))
        errors.append(float(np.square(ecc_lava.simulate(network, x).logits - wanted).mean() / wanted.var()))
    assert errors[2] < errors[1] < errors[0] < 0.5
    assert errors[2] < 2e-3


def test_one_unsigned_bit_is_the_network_of_before() -> None:
    graph = _graph(2)
    x = _images(graph, 8)
    plain = ecc_lava.convert(graph, calibration=x, timesteps=8, recipe="best")
    asked = ecc_lava.convert(graph, calibration=x, timesteps=8, recipe="best", payload_bits=1, signed_spikes=False)
    assert ecc_lava.quantise(plain).digest == ecc_lava.quantise(asked).digest
    assert plain.payload == BINARY and all(p.observed is None for p in plain.populations)
    assert ecc_lava.convert(graph, calibration=x, recipe="ecc").timesteps == 32


def test_calibration_measures_the_sums_that_payloads_make() -> None:
    graph = _graph(3)
    x, calibration = _images(graph, 16), RECIPES["best"][len(RECIPES["channel"]) :]
    twice = (*RECIPES["channel"], ObservedInput(), *calibration)
    once, again = (ecc_lava.convert(graph, calibration=x, payload_bits=8, recipe=recipe) for recipe in ("best", twice))
    assert not any("ObservedInput" in step for step in once.trace)
    assert all(p.observed is not None for p in once.populations if once.hears_payloads(p.name))
    assert ecc_lava.quantise(once).digest == ecc_lava.quantise(again).digest


def test_at_one_step_currents_and_their_range_are_those_of_any_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = _graph(4)
    x = _images(graph, 16)
    once = ecc_lava.convert(graph, calibration=x, payload_bits=8)

    def apart(self: LayerwiseCalibration, network: SpikingNetwork, population: Population, arrivals: PresynapticInput) -> Any:
        return arrivals.currents(network, population.name, self.candidate_rows), None

    monkeypatch.setattr(LayerwiseCalibration, "_arriving", apart)
    other = ecc_lava.convert(graph, calibration=x, payload_bits=8)
    for p, q in zip(once.populations, other.populations, strict=True):
        assert (p.observed is None) == (q.observed is None) == (not once.hears_payloads(p.name))
        if p.observed is not None and q.observed is not None:
            np.testing.assert_allclose(p.observed, q.observed, rtol=1e-4)


def test_relays_carry_two_more_bits_as_far_as_the_format_goes() -> None:
    graph = _graph()
    for bits, relay in ((1, 1), (2, 4), (4, 6), (7, 8), (8, 8)):
        snn = ecc_lava.convert(graph, calibration=_images(graph, 2), timesteps=1, payload_bits=bits, recipe="channel", fold_limit=1.0)
        found = {p.name: p.payload.bits for p in snn.populations if p.kind is Kind.IF}
        assert found.pop("pool.relay") == relay
        assert set(found.values()) == {bits}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"payload_bits": 0}, "0 payload bits"),
        ({"payload_bits": 9}, "9 payload bits"),
        ({"payload_bits": True}, "True payload bits"),
        ({"payload_bits": 2, "format": "loihi1"}, "2 payload bits; spikes of loihi1 carry one bit without sign, use loihi2"),
        ({"signed_spikes": True, "format": "loihi1"}, "and a sign"),
    ],
)
def test_payloads_that_spikes_cannot_carry_are_refused(options: dict[str, Any], says: str) -> None:
    graph = _graph()
    with pytest.raises(InvalidInput, match=says):
        ecc_lava.convert(graph, calibration=_images(graph, 2), **options)


@pytest.mark.parametrize(("inputs", "proven"), [(64, True), (4096, False)])
def test_calibration_images_leave_the_stated_margin(inputs: int, proven: bool) -> None:
    """Where weights alone do not prove that sums fit, four times the largest sum on calibration images does."""
    rng = np.random.default_rng(0)
    wide = Dense(rng.uniform(-1, 1, size=(inputs, 64)))
    graph = Graph(
        (
            Input("input", (1, 1, 16)),
            Linear("a", "input", Dense(rng.normal(size=(16, inputs))), np.zeros(inputs)),
            Relu("p", "a"),
            Linear("b", "p", wide, np.zeros(64)),
            Relu("q", "b"),
            Linear("out", "q", Dense(rng.normal(size=(64, 3))), np.zeros(3)),
        )
    )
    x = _images(graph, 32)
    network = ecc_lava.quantise(ecc_lava.convert(graph, calibration=x, payload_bits=8, recipe="best"))
    audit = {r.name: r for r in one_step_bound(network)}["q"]
    assert audit.one_step_fits == proven
    projection, q = network.into("q")[0], network.by_name["q"]
    assert np.abs(projection.geometry.kernel).max() > 100, "bits of the weights left unused"
    sent = ecc_lava.simulate(network, x, record=["p"]).raster["p"][:, 0].astype(np.int64)
    sums = sent @ projection.geometry.kernel.astype(np.int64) * 2 ** network.format.shift(projection.exponent) + q.bias.ravel()
    assert 4 * np.abs(sums).max() <= network.format.potential_max * 1.02  # payloads of q's own integers differ slightly from those measured
