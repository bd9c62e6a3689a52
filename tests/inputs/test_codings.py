"""Input codings: what is sent, that it does not depend on the batch, and that every back end takes it alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.analysis.differences import compare
from ecc_lava.backends.fast.run import fast
from ecc_lava.backends.stepwise import floating, golden
from ecc_lava.common.arrays import Array, Shape
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Conv, Dense, apply, with_kernel
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, Relu, Reshape
from ecc_lava.inputs.coding import CODINGS, InputCoding
from ecc_lava.inputs.encoding import encode, sent
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.networks.spiking import SpikingNetwork
from tests.helpers.compare import everything
from tests.helpers.networks import random_network, random_sent, recoded

SOME = settings(max_examples=20)
SHAPE: Shape = (4, 5, 2)
EVERY_Q = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)


def _graph() -> Graph:
    rng = np.random.default_rng(0)
    nodes = (
        Input("x", SHAPE),
        Linear("conv", "x", Conv(rng.normal(0, 0.5, (3, 3, 2, 6)), padding=(1, 1, 1, 1)), rng.normal(0, 0.1, 6)),
        Relu("a", "conv"),
        Linear("deep", "a", Conv(rng.normal(0, 0.3, (3, 3, 6, 8))), rng.normal(0, 0.1, 8)),
        Relu("b", "deep"),
        Reshape("flat", "b", (1, 1, 2 * 3 * 8)),
        Linear("logits", "flat", Dense(rng.normal(0, 0.2, (48, 4))), np.zeros(4)),
    )
    return Graph(nodes)


def _images(samples: int = 6, seed: int = 1) -> Array:
    return np.random.default_rng(seed).uniform(0, 1, (samples, *SHAPE))


def _events(samples: int = 6, timesteps: int = 16, seed: int = 2) -> Array:
    rng = np.random.default_rng(seed)
    return (rng.uniform(0, 1, (samples, timesteps, *SHAPE)) < rng.uniform(0, 1, (samples, 1, *SHAPE))).astype(np.uint8)


def _snn(coding: str, recipe: str = "channel", **options: Any) -> SpikingNetwork:
    x = _events() if coding == "events" else _images()
    return ecc_lava.convert(_graph(), calibration=x, timesteps=16, recipe=recipe, coding=coding, **options)


def _net(coding: str, format: str = "loihi2", recipe: str = "channel") -> QuantisedNetwork:
    return ecc_lava.quantise(_snn(coding, recipe, format=format), format=format)


def test_rate_is_an_integrate_and_fire_neuron_of_bias_q() -> None:
    """After t steps it has fired round(q * t / 255) times: 255 at every step, 0 never."""
    spikes = sent(EVERY_Q, InputCoding("rate"), 300)
    assert spikes.dtype == np.uint8
    assert spikes.shape == (1, 300, 16, 16, 1)
    counts = np.cumsum(spikes.astype(np.int64), axis=1)[0].reshape(300, 256)
    t, q = np.arange(1, 301)[:, None], np.arange(256)[None, :]
    assert (counts == (2 * q * t + 255) // 510).all()  # rounded to nearest; never halfway, as 255 is odd
    assert spikes.max() == 1


def test_a_shorter_run_is_the_beginning_of_a_longer_one() -> None:
    for kind in ("rate", "poisson"):
        coding = InputCoding(kind)
        assert (sent(EVERY_Q, coding, 5) == sent(EVERY_Q, coding, 9)[:, :5]).all()


def test_poisson_fires_with_probability_q() -> None:
    timesteps = 4000
    spikes = sent(EVERY_Q, InputCoding("poisson"), timesteps)[0].reshape(timesteps, 256)
    probability = np.arange(256) / 255
    deviation = np.sqrt(probability * (1 - probability) / timesteps)
    assert (np.abs(spikes.mean(axis=0) - probability) <= 4.5 * deviation + 2**-16).all()
    assert spikes[:, 255].all()
    assert not spikes[:, 0].any()
    half = sent(np.full((1, 1, 1, timesteps), 128, np.uint8), InputCoding("poisson"), 2)[0].reshape(2, -1).astype(float)
    assert abs(np.corrcoef(half)[0, 1]) < 5 / np.sqrt(timesteps), "steps are independent"
    assert abs(np.corrcoef(half[0, 1:], half[0, :-1])[0, 1]) < 5 / np.sqrt(timesteps), "so are neurons"


def test_what_poisson_draws_depends_on_seed_sample_population_and_step_alone() -> None:
    q = np.full((5, *SHAPE), 100, np.uint8)
    coding = InputCoding("poisson", seed=7)
    together = sent(q, coding, 6)
    assert (sent(q[3:], coding, 6, first=3) == together[3:]).all()
    others = [sent(q, replace(coding, seed=8), 6), sent(q, coding, 6, population=1), sent(q, coding, 6, first=1)]
    assert all((other != together).any() for other in others)
    assert len({together[n, t].tobytes() for n in range(5) for t in range(6)}) == 30
    # the stream is NumPy's Philox, whose raw words do not change between versions
    assert np.packbits(sent(np.full((1, 1, 1, 16), 128, np.uint8), InputCoding("poisson"), 2)[0]).tolist() == POISSON_BITS


POISSON_BITS = [83, 246, 190, 154]


def test_events_are_sent_as_they_are() -> None:
    events = _events()
    coding = InputCoding("events")
    assert (encode(events, coding) == events).all()
    assert (encode(events.astype(bool), coding) == events).all()
    assert (sent(events, coding, 5) == events[:, :5]).all()
    with pytest.raises(InvalidInput, match="events are 0 or 1; these lie in 0 to 2"):
        encode(events * 2, coding)
    with pytest.raises(InvalidInput, match="the events last 16 steps; the network is run for 17"):
        sent(events, coding, 17)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"kind": "burst"}, "'burst' is not known; known: graded, rate, poisson, events"),
        ({"kind": "events", "scale": 2.0}, "events are sent as they are"),
        ({"seed": -1}, "seed -1"),
        ({"scale": 0.0}, "positive scales"),
    ],
)
def test_impossible_codings_are_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        InputCoding(**fields)


@SOME
@given(st.integers(0, 10**6), st.booleans(), st.sampled_from(["rate", "poisson"]), st.booleans())
def test_fast_golden_and_float_agree_on_binary_input(seed: int, rails: bool, kind: str, ports: bool) -> None:
    kinds = [kind, ("graded", "rate")[seed % 2]][: 1 + ports]
    network = recoded(random_network(seed, rails=rails, ranges=seed % 2 == 0, ports=ports), *kinds)
    spikes = random_sent(network, 2, 6, seed)
    wanted = everything(network)
    expected = golden(network, spikes, 6, wanted)
    for other in (fast(network, spikes, 6, wanted), floating(ecc_lava.as_float(network), spikes, 6, wanted)):
        for name, activity in expected.items():
            for field in ("counts", "potential", "raster", "over_time", "saturated_low", "saturated_high"):
                assert np.array_equal(getattr(other[name], field), getattr(activity, field)), (name, field)


@pytest.mark.parametrize("coding", CODINGS)
def test_no_coding_changes_the_ideal_network(coding: str) -> None:
    snn = _snn(coding)
    x = _events(seed=9) if coding == "events" else _images(seed=9)
    expected = ecc_lava.forward(_graph(), x.mean(axis=1) if coding == "events" else x)
    np.testing.assert_allclose(ecc_lava.rate_forward(snn, x), expected, rtol=1e-9, atol=1e-9)
    assert {c.kind for c in snn.codings} == {coding}


@pytest.mark.parametrize("recipe", ["channel", "best"])
@pytest.mark.parametrize("coding", CODINGS)
def test_every_coding_comes_near_the_cnn(coding: str, recipe: str) -> None:
    snn = _snn(coding, recipe)
    x = _events(40, seed=9) if coding == "events" else _images(40, seed=9)
    expected = ecc_lava.forward(_graph(), x.mean(axis=1) if coding == "events" else x)
    for network, backend in ((snn, "float"), (ecc_lava.quantise(snn), "fast")):
        logits = ecc_lava.simulate(network, x, backend=backend).logits
        correlation = np.corrcoef(logits.ravel(), expected.ravel())[0, 1]
        assert correlation > (0.9 if coding == "poisson" else 0.97), (backend, correlation)


@pytest.mark.parametrize("coding", ["rate", "poisson", "events"])
@pytest.mark.parametrize("format", ["loihi1", "loihi2"])
def test_converted_networks_run_alike_on_every_engine(coding: str, format: str) -> None:
    network = _net(coding, format)
    x = _events() if coding == "events" else _images()
    for backend in ("golden", "float"):
        differences = compare(network, x, backend)
        assert differences.equal
        assert differences.images == 6
    report = ecc_lava.check(network, x, graph=_graph(), lava=False)
    assert report.ok
    assert report.agreement is not None


@pytest.mark.parametrize("coding", ["rate", "poisson", "events"])
def test_samples_do_not_depend_on_their_batch(coding: str) -> None:
    network = _net(coding)
    x = _events() if coding == "events" else _images()
    together = ecc_lava.simulate(network, x)
    assert (ecc_lava.simulate(network, x, max_memory=1).logits == together.logits).all()
    assert (ecc_lava.simulate(network, x[2:], first_sample=2).logits == together.logits[2:]).all()


def test_binary_input_costs_synops_and_no_multiplications() -> None:
    network = _net("rate")
    result = ecc_lava.simulate(network, _images(), record=list(network.by_name))
    expected = np.zeros(6, np.int64)
    for projection in network.projections:
        ones = with_kernel(projection.geometry, np.ones_like(projection.geometry.kernel))
        expected += apply(ones, result.counts[projection.source].astype(np.int64)).sum(axis=(1, 2, 3))
    assert (result.synops == expected).all()
    assert not result.input_macs.any()
    assert (ecc_lava.simulate(_net("graded"), _images()).input_macs > 0).all()


def test_the_closed_form_counts_the_input_spikes() -> None:
    snn = _snn("rate")
    x = _images()
    result = ecc_lava.simulate(snn, x, backend="closed_form", record=["x"])
    q = np.rint(x * 255).astype(np.int64)
    assert (result.counts["x"] == (2 * q * 16 + 255) // 510).all()


def test_the_coding_follows_the_format() -> None:
    graph = _graph()
    kinds = {
        format: ecc_lava.convert(graph, calibration=_images(), recipe="ecc", format=format).codings[0].kind
        for format in ("loihi1", "loihi2")
    }
    assert kinds == {"loihi1": "rate", "loihi2": "graded"}


def test_calibration_runs_the_format_coding_and_widths_that_will_run() -> None:
    """Widths of single populations reach it too."""
    bits = {"default": 4, "logits": 8}
    snn = ecc_lava.convert(_graph(), calibration=_images(20), timesteps=16, format="loihi1", bits=bits)
    network = ecc_lava.quantise(snn, format="loihi1", bits=bits)
    assert [p.bits for p in network.projections] == [4, 4, 8]
    x = _images(40, seed=9)
    logits, expected = ecc_lava.simulate(network, x).logits, ecc_lava.forward(_graph(), x)
    assert np.corrcoef(logits.ravel(), expected.ravel())[0, 1] > 0.97
    with pytest.raises(InvalidInput, match="bits for 'q'"):
        ecc_lava.convert(_graph(), calibration=_images(), bits={"default": 4, "q": 8})


def test_graded_input_is_refused_where_spikes_are_binary() -> None:
    with pytest.raises(InvalidInput, match=r"spikes of loihi1 hold 1; convert with coding='rate' \(--coding rate\)"):
        ecc_lava.quantise(_snn("graded"), format="loihi1")
    with pytest.raises(InvalidInput, match="spikes of loihi1 hold 1"):
        replace(_net("rate", "loihi1"), codings=(InputCoding(),))


def test_data_that_are_no_events_are_refused() -> None:
    network = _net("events")
    with pytest.raises(InvalidInput, match=r"the network takes \(N, T, 4, 5, 2\)"):
        ecc_lava.simulate(network, _images())
    with pytest.raises(InvalidInput, match="the events last 8 steps"):
        ecc_lava.simulate(network, _events(timesteps=8))
    assert ecc_lava.simulate(network, _events(timesteps=8), timesteps=8).timesteps == 8


def test_codings_are_stored(tmp_path: Any) -> None:
    snn = _snn("poisson", seed=5)
    network = ecc_lava.quantise(snn)
    ecc_lava.save(tmp_path / "net.h5", network, snn=snn)
    loaded, other, _ = ecc_lava.load(tmp_path / "net.h5")
    assert loaded.codings == network.codings
    assert other is not None
    assert other.codings[0].seed == 5
    assert (ecc_lava.simulate(loaded, _images()).logits == ecc_lava.simulate(network, _images()).logits).all()


@pytest.mark.parametrize(("offset", "scale"), [(0.0, 1 / 255), (-1.0, 2 / 255), (0.2, 0.001)])
def test_uint8_images_are_encoded_as_their_floats_are(offset: float, scale: float, caplog: pytest.LogCaptureFixture) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 9, 5, 2)).astype(np.uint8)
    coding = InputCoding(offset=offset, scale=scale, uint8_scale=1 / 255)
    np.testing.assert_array_equal(encode(images, coding), encode(images * (1 / 255), coding))
    first, *others = [record.getMessage() for record in caplog.records] or [""]
    assert others in ([], [first])  # the same number clipped
