"""Scores by task: which task an output serves, which labels it takes, its figures, and limits that fail a check."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph import Graph, Input, Linear, Node, Relu, Reshape, Sigmoid, Softmax
from ecc_lava.scores import TASKS, Output, Scorer, task_of
from ecc_lava.scores.maps import MAPS
from ecc_lava.scores.numbers import correlation, relative_rms_error

N = 40
X = np.random.default_rng(0).random((N, 6, 6, 1))
INTS = np.arange(N) % 3


def _vector(outputs: int, final: Any = None, seed: int = 1) -> Graph:
    rng = np.random.default_rng(seed)
    nodes: list[Node] = [
        Input("x", (6, 6, 1)),
        Linear("conv", "x", Conv(rng.normal(0, 0.4, (3, 3, 1, 4))), np.zeros(4)),
        Relu("relu", "conv"),
        Reshape("flat", "relu", (1, 1, 64)),
        Linear("out", "flat", Dense(rng.normal(0, 0.3, (64, outputs))), rng.normal(0, 0.1, outputs)),
    ]
    return Graph((*nodes, *([final("final", "out")] if final else [])))


def _map(channels: int, final: Any = None) -> Graph:
    rng = np.random.default_rng(2)
    nodes: list[Node] = [
        Input("x", (6, 6, 1)),
        Linear("conv", "x", Conv(rng.normal(0, 0.4, (3, 3, 1, 4)), padding=(1, 1, 1, 1)), np.zeros(4)),
        Relu("relu", "conv"),
        Linear("out", "relu", Conv(rng.normal(0, 0.4, (1, 1, 4, channels))), np.zeros(channels)),
    ]
    return Graph((*nodes, *([final("final", "out")] if final else [])))


TASK_OF: dict[str, tuple[Graph, Array | None, str]] = {
    "a softmax": (_vector(3, Softmax), None, "classes"),
    "a softmax on a map": (_map(3, Softmax), None, "maps"),
    "one sigmoid": (_vector(1, Sigmoid), None, "labels"),
    "several sigmoids": (_vector(3, Sigmoid), None, "labels"),
    "several sigmoids with one class each": (_vector(3, Sigmoid), INTS, "classes"),
    "several sigmoids with one-hot rows": (_vector(3, Sigmoid), np.eye(3)[INTS], "classes"),
    "sigmoids on a map of another size": (_map(3, Sigmoid), None, "labels"),
    "an autoencoder's sigmoids": (_map(1, Sigmoid), None, "regression"),
    "an autoencoder's vector": (_vector(36), None, "regression"),
    "one number": (_vector(1), None, "regression"),
    "one number with 0 and 1": (_vector(1), INTS > 0, "labels"),
    "a map of numbers": (_map(3), None, "regression"),
    "a map with a class at every position": (_map(3), np.zeros((N, 6, 6), int), "maps"),
    "a vector": (_vector(3), None, "classes"),
    "a vector with classes": (_vector(3), INTS, "classes"),
    "a vector with classes as floats": (_vector(3), INTS.astype(float), "classes"),
    "a vector with numbers": (_vector(3), np.random.default_rng(1).normal(size=(N, 3)), "regression"),
}


@pytest.mark.parametrize("name", TASK_OF)
def test_tasks_follow_the_graph_and_the_labels(name: str) -> None:
    graph, labels, task = TASK_OF[name]
    assert Scorer(graph, labels=labels, samples=N).tasks[0].name == task


def test_tasks_can_be_chosen() -> None:
    graph = _vector(3)
    assert Scorer(graph, task="regression").tasks[0].name == "regression"
    assert Scorer(graph, task={"out": "labels"}).tasks[0].name == "labels"
    with pytest.raises(InvalidInput, match="task chess is not known; known: classes, regression, maps, labels"):
        Scorer(graph, task="chess")
    with pytest.raises(InvalidInput, match="there is no output other; the network has out"):
        Scorer(graph, task={"other": "maps"})


LABELS: dict[str, tuple[Graph, Any]] = {
    "integers": (_vector(3, Softmax), INTS),
    "bytes": (_vector(3, Softmax), INTS.astype("u1")),
    "floats": (_vector(3, Softmax), INTS.astype("f4")),
    "a column": (_vector(3, Softmax), INTS[:, None]),
    "one-hot": (_vector(3, Softmax), np.eye(3)[INTS]),
    "one-hot bytes": (_vector(3, Softmax), np.eye(3, dtype="u1")[INTS]),
    "a list": (_vector(3, Softmax), INTS.tolist()),
}


@pytest.mark.parametrize("name", LABELS)
def test_classes_come_in_many_forms(name: str) -> None:
    graph, labels = LABELS[name]
    targets = Scorer(graph, labels=labels, samples=N).targets
    assert targets is not None
    np.testing.assert_array_equal(targets, INTS)


REFUSED: dict[str, tuple[Graph, Any, str]] = {
    "labels from 1": (
        _vector(3, Softmax),
        INTS + 1,
        "labels start at 1 and reach 3; output 'final' has 3 classes, 0 to 2: subtract 1 from the labels",
    ),
    "labels beyond the outputs": (_vector(3, Softmax), INTS * 2, "labels lie in 0 to 4; output 'final' has classes 0 to 2"),
    "negative labels": (_vector(3, Softmax), INTS - 1, "labels lie in -1 to 1"),
    "fractions": (_vector(3, Softmax), INTS + 0.5, "no whole numbers"),
    "too few": (_vector(3, Softmax), INTS[:5], "labels of shape (5,) for 40 images"),
    "one-hot of other classes": (_vector(3, Softmax), np.eye(4)[INTS], "one-hot rows"),
    "two signs for a sigmoid": (_vector(1, Sigmoid), INTS - 1, "labels of a sigmoid are 0 or 1"),
    "another number of labels": (_vector(2, Sigmoid), np.zeros((N, 5)), "takes (40, 2) of 0 and 1"),
    "maps of another size": (_map(3, Softmax), np.zeros((N, 5, 5), int), "takes (40, 6, 6) whole numbers"),
    "targets of another size": (_vector(1), np.zeros((N, 2)), "has 1 numbers each"),
    "targets that are not finite": (_vector(1), np.full(N, np.nan), "must be finite numbers"),
    "text": (_vector(3, Softmax), np.array(["a"] * N), "no whole numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_labels_that_do_not_fit(name: str) -> None:
    graph, labels, reason = REFUSED[name]
    with pytest.raises(InvalidInput) as caught:
        Scorer(graph, labels=labels, samples=N)
    assert reason in str(caught.value)


def test_relative_error_and_correlation() -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(5.0, 2.0, (2000, 3)) * [1, 10, 100]
    assert relative_rms_error(y, y) == 0.0
    assert relative_rms_error(np.broadcast_to(y.mean(axis=0), y.shape), y) == pytest.approx(1.0, rel=1e-3), "a constant answer"
    assert correlation(3 * y - 1, y) == pytest.approx(1.0)
    assert correlation(-y, y) == pytest.approx(-1.0)
    assert relative_rms_error(y, np.ones_like(y)) is None
    assert relative_rms_error(y[:1], y[:1]) is None
    assert correlation(np.ones_like(y), y) is None


def test_mean_iou_by_hand() -> None:
    output = Output("seg", (1, 4, 2), "softmax")
    one_hot = np.eye(2)
    found, truth = one_hot[[0, 0, 1, 1]].reshape(1, -1), np.array([[0, 1, 1, 1]])
    assert MAPS.against_labels(found, truth, output) == {"accuracy": 0.75, "mean_iou": pytest.approx((1 / 2 + 2 / 3) / 2)}


def test_labels_are_judged_one_by_one() -> None:
    output = Output("tags", (1, 1, 3), "sigmoid")
    logits = np.array([[2.0, -1.0, 0.5], [-3.0, -1.0, 4.0]])
    assert TASKS["labels"].against_labels(logits, np.array([[1, 0, 0], [1, 0, 1]]), output) == {"accuracy": pytest.approx(4 / 6)}
    assert task_of(output).name == "labels"


def _checked(graph: Graph, bits: int, timesteps: int, labels: Array | None = None, **options: Any) -> ecc_lava.CheckReport:
    recipe = {8: "best", 7: "channel"}.get(bits, "ecc")
    snn = ecc_lava.convert(graph, calibration=X, timesteps=timesteps, recipe=recipe)
    return ecc_lava.check(ecc_lava.quantise(snn, bits=bits), X, graph=graph, labels=labels, exact_images=1, lava=False, **options)


def test_a_good_regressor_passes_and_a_bad_one_fails() -> None:
    good, bad = _checked(_vector(1), 8, 16), _checked(_vector(1), 2, 1)
    assert good.ok
    assert good.agreement is None, "numbers have no classes to agree on"
    assert good.scores[0].against_cnn is not None
    assert 0 < (good.scores[0].against_cnn["relative_rms_error"] or 0) < 0.3
    assert (good.scores[0].against_cnn["correlation"] or 0) > 0.95
    assert not bad.ok
    assert bad.golden_vs_fast.equal
    assert "relative RMS error against the CNN is" in bad.failures[0]
    assert bad.failures[0].endswith("more than 1")


LIMITS: dict[str, tuple[Graph, dict[str, float]]] = {
    "regression": (_vector(1), {"relative_rms_error": 1e-6}),
    "correlation": (_vector(1), {"correlation": 0.9999999}),
    "classes": (_vector(3, Softmax), {"agreement": 1.01}),
    "maps": (_map(3, Softmax), {"mean_iou": 1.01}),
    "labels": (_vector(3, Sigmoid), {"agreement": 1.01}),
    "outputs that may be numbers": (_vector(3), {"relative_rms_error": 1e-6}),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits_fail_the_check(name: str) -> None:
    graph, limits = LIMITS[name]
    assert _checked(graph, 7, 16).ok
    assert not _checked(graph, 7, 16, limits=limits).ok


def test_limits_of_other_tasks_and_of_no_number_are_refused() -> None:
    with pytest.raises(
        InvalidInput, match="there is no mean_iou to limit; outputs of the task regression have relative_rms_error, correlation"
    ):
        _checked(_vector(1), 8, 4, limits={"mean_iou": 0.5})
    with pytest.raises(InvalidInput, match="the limit of correlation is nan"):
        _checked(_vector(1), 8, 4, limits={"correlation": np.nan})


def test_targets_of_a_regressor_are_compared_too() -> None:
    graph = _vector(1)
    y = np.asarray(ecc_lava.forward(graph, X))
    score = _checked(graph, 8, 16, labels=y[:, 0] * 1.0).scores[0]
    assert score.cnn_against_labels == {"relative_rms_error": 0.0, "correlation": pytest.approx(1.0)}
    assert score.against_labels == pytest.approx(score.against_cnn)


@pytest.mark.parametrize("graph", [_map(3, Softmax), _vector(3, Sigmoid), _vector(1)], ids=["maps", "labels", "regression"])
def test_attribution_sums_by_task(graph: Graph) -> None:
    snn = ecc_lava.convert(graph, calibration=X, timesteps=4, recipe="channel")
    network = ecc_lava.quantise(snn, bits=4)
    found = ecc_lava.attribute(network, X, snn=snn, graph=graph)
    changes = [rung.change for rung in found.rungs[1:] if rung.change is not None]
    assert found.points == pytest.approx(sum(c.points for c in changes))
    report = ecc_lava.check(network, X, graph=graph, exact_images=1, lava=False)
    if report.agreement is not None:
        assert found.rungs[-1].agreement == pytest.approx(report.agreement)
        assert "agreement with the CNN" in found.measure
    else:
        assert found.rungs[-1].agreement == pytest.approx(1 - found.rungs[-1].error)
        assert "variance" in found.measure
    assert found.as_dict()["loss_points"] == found.points


def test_every_output_has_its_own_task() -> None:
    """A head of classes and a head of numbers: labels are those of the first."""
    two = _vector(3, Softmax)
    box = Linear("box", "flat", Dense(np.random.default_rng(9).normal(0, 0.3, (64, 4))), np.zeros(4))
    graph = Graph((*two.nodes[:-2], two.nodes[-2], box, two.nodes[-1]), outputs=("final", "box"))
    report = _checked(graph, 7, 16, labels=INTS, task={"box": "regression"})
    assert [score.task for score in report.scores] == ["classes", "regression"]
    assert report.scores[0].against_labels is not None
    assert report.scores[1].against_labels is None
    assert report.agreement == (report.scores[0].against_cnn or {})["agreement"]
    assert not _checked(graph, 7, 16, task={"box": "regression"}, limits={"correlation": 0.9999999}).ok
