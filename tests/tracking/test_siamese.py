"""The tracker: its responses are correlations, its integers are the same everywhere, and it follows."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import ecc_lava
import hw_mappings
from ecc_lava.common import Array
from ecc_lava.geometry import Conv
from ecc_lava.graph import Graph
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.tracking import Siamese, success_auc, track
from ecc_lava.tracking.embeddings import FloatEmbedding, IntegerEmbedding, responding
from tests.helpers.compare import assert_deployed_alike
from tests.helpers.embeddings import EXEMPLAR, SEARCH, embedding, integers, moving_square, windows

needs_lava = pytest.mark.skipif(importlib.util.find_spec("lava") is None, reason="needs Lava")


def _correlation(features: Array, kernel: Array) -> Array:
    """Return the valid cross-correlation of feature maps (N, h, w, C) with a kernel, by its definition."""
    rows, columns = (outer - inner + 1 for outer, inner in zip(features.shape[1:3], kernel.shape[:2], strict=True))
    found = np.empty((len(features), rows, columns))
    for i, j in np.ndindex(rows, columns):
        found[:, i, j] = (features[:, i : i + kernel.shape[0], j : j + kernel.shape[1]] * kernel).sum(axis=(1, 2, 3))
    return found


@pytest.fixture(scope="module")
def graded() -> QuantisedNetwork:
    return integers(embedding())


def test_a_float_response_is_the_correlation_of_both_embeddings() -> None:
    graph, x = embedding(), windows(3)
    exemplar = Siamese(graph, EXEMPLAR, SEARCH)._layout.middle
    features = np.asarray(ecc_lava.forward(graph, x)).reshape(3, 8, 8, 5)
    kernel = features[0][exemplar]
    assert kernel.shape == (4, 4, 5)
    found = FloatEmbedding(graph).against(kernel)(x)
    np.testing.assert_allclose(found.reshape(3, 5, 5), _correlation(features, kernel))


def test_the_middle_of_a_windows_features_are_those_of_the_exemplar_alone() -> None:
    """Where the embedding pads nothing, both branches may run as one."""
    graph, x = embedding(), windows(2)
    alone = Graph((type(graph.input)("x", EXEMPLAR), *graph.nodes[1:]))
    middle = Siamese(graph, EXEMPLAR, SEARCH)._layout.middle
    whole = np.asarray(ecc_lava.forward(graph, x)).reshape(2, 8, 8, 5)
    inner = np.asarray(ecc_lava.forward(alone, x[:, 4:20, 4:20])).reshape(2, 4, 4, 5)
    np.testing.assert_array_equal(whole[:, middle[0], middle[1]], inner)


@pytest.mark.parametrize("ends", ["relu", "nothing", "pooled"])
@pytest.mark.parametrize(("bits", "timesteps", "error"), [(8, 1, 0.01), (1, 32, 0.06)])
def test_an_integer_response_is_the_correlation_of_the_integers_features(ends: str, bits: int, timesteps: int, error: float) -> None:
    """But for the rounding of the kernel; and `golden` answers as `fast`, bit for bit."""
    network, x = integers(embedding(ends), bits, timesteps), windows(6, seed=3)
    features = IntegerEmbedding(network, "fast").features(x).reshape(6, 8, 8, 5)
    kernel = features[0, 2:6, 2:6]
    made = responding(network, kernel)
    found = ecc_lava.simulate(made, x)
    np.testing.assert_equal(ecc_lava.simulate(made, x, backend="golden").readout, found.readout)
    wanted = _correlation(features, kernel)
    assert np.abs(found.logits.reshape(wanted.shape) - wanted).max() < error * np.abs(wanted).max()


def test_the_exemplars_features_are_the_last_kernel(graded: QuantisedNetwork) -> None:
    """All other integers are the embedding's own."""
    kernel = np.abs(np.random.default_rng(0).normal(size=(4, 4, 5)))
    made = responding(graded, kernel)
    last = made.projections[-1]
    assert (last.source, last.target, made.readout.shape) == ("relu2", "response", (5, 5, 1))
    assert isinstance(last.geometry, Conv)
    per_channel = graded.projections[-1].geometry.kernel.ravel()
    exact = kernel * per_channel
    np.testing.assert_allclose(last.geometry.kernel[..., 0] / 127, exact / exact.max(), atol=0.5 / 127 + 1e-9)
    assert made.populations[:-1] == graded.populations[:-1]
    assert made.projections[:-1] == graded.projections[:-1]
    assert made.digest != graded.digest


def test_no_window_can_leave_the_potentials_range(graded: QuantisedNetwork) -> None:
    """The weights alone prove every sum to fit, so that no frame stops a tracker."""
    made = responding(graded, np.full((4, 4, 5), 3.0))
    kernel = made.projections[-1].geometry.kernel.astype(np.int64)
    reach = 255 * kernel.sum() * 2 ** made.format.shift(made.projections[-1].exponent)
    assert reach <= made.format.potential_max
    ecc_lava.simulate(made, np.full((1, *SEARCH), 255, np.uint8), strict=True)


@pytest.mark.parametrize("ends", ["relu", "nothing", "pooled"])
def test_every_kind_of_embedding_follows_a_square(ends: str) -> None:
    graph, (frames, truth) = embedding(ends), moving_square()
    payloads = integers(graph)
    kinds = {"float": graph, "graded": payloads, "binary": integers(graph, 1, 32), "stream": ecc_lava.sigma_delta(payloads)}
    found = {kind: track(Siamese(network, EXEMPLAR, SEARCH), frames, truth[0]) for kind, network in kinds.items()}
    for kind, boxes in found.items():
        assert success_auc(boxes, truth) > 0.65, kind
        assert np.abs(boxes[:, :2] + boxes[:, 2:] / 2 - truth[:, :2] - truth[:, 2:] / 2).max() < 2.5, kind
    np.testing.assert_array_equal(found["stream"], found["graded"])


def test_a_streams_steps_follow_one_another(graded: QuantisedNetwork) -> None:
    """With a threshold above 1, a step sees what the steps before it sent; and every step costs less than the first."""
    frames, truth = moving_square()
    tracker = Siamese(ecc_lava.sigma_delta(graded, {"x": 3, "relu1": 2}), EXEMPLAR, SEARCH)
    track(tracker, frames, truth[0])
    assert tracker.result is not None
    assert tracker.result.synops.shape == (3, 7)
    events = (tracker.result.graded_synops + tracker.result.input_macs).sum(axis=0)
    assert (events[1:] < 0.9 * events[0]).all()
    network = tracker.network
    assert isinstance(network, QuantisedNetwork)
    assert {p.name: p.theta for p in network.populations} == {"x": 3, "relu1": 2, "relu2": 1, "response": 0}


def test_a_padded_embedding_answers_its_first_window_most_in_the_middle() -> None:
    graph, x = embedding(padding=1), windows(1)
    layout = Siamese(graph, EXEMPLAR, SEARCH)._layout
    assert (layout.features, layout.cells, layout.stride) == ((11, 11, 5), (5, 5), (2, 2))
    features = np.asarray(ecc_lava.forward(graph, x)).reshape(1, *layout.features)
    kernel = features[0][layout.middle]
    assert FloatEmbedding(graph).against(kernel)(x)[0, 12] == pytest.approx((kernel**2).sum())


def test_back_ends_follow_alike(graded: QuantisedNetwork) -> None:
    frames, truth = moving_square(4)
    one, other = (track(Siamese(graded, EXEMPLAR, SEARCH, backend=b), frames, truth[0]) for b in ("fast", "golden"))
    np.testing.assert_array_equal(one, other)


@needs_lava
def test_a_mapped_tracker_answers_as_the_network(graded: QuantisedNetwork) -> None:
    tracker, (frames, truth) = Siamese(graded, EXEMPLAR, SEARCH), moving_square(2)
    track(tracker, frames, truth[0])
    network = tracker.network
    assert isinstance(network, QuantisedNetwork)
    mapping = hw_mappings.map_network(network, chip=hw_mappings.LOIHI2)
    found = hw_mappings.deploy(network, mapping, windows(2, seed=5), runtime="one-process", sample=0)
    assert_deployed_alike(found)
