"""Networks of several inputs and outputs, all the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.cli.app import app
from ecc_lava.common.arrays import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.evaluate import forward
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Input, Linear, Node, Relu, Reshape, Softmax
from ecc_lava.networks.rates import rate_forward


def _two_by_two() -> Graph:
    """Return a network of an image and a vector, with a class and a map as outputs, one read by the other."""
    rng = np.random.default_rng(2)
    nodes: list[Node] = [
        Input("image", (6, 5, 2), channels_first=True),
        Input("vector", (1, 1, 3)),
        Linear("c", "image", Conv(rng.normal(size=(3, 3, 2, 4))), rng.normal(size=4)),
        Relu("map", "c"),
        Linear("e", "vector", Dense(rng.normal(size=(3, 12))), rng.normal(size=12)),
        Relu("er", "e"),
        Reshape("flat", "map", (1, 1, 48)),
        Linear("d", "flat", Dense(rng.normal(size=(48, 12))), rng.normal(size=12)),
        Add("sum", ("d", "er")),
        Relu("sr", "sum"),
        Linear("logits", "sr", Dense(rng.normal(size=(12, 4))), rng.normal(size=4)),
        Softmax("class", "logits"),
    ]
    return Graph(tuple(nodes), outputs=("class", "map"))


def _images(samples: int, seed: int = 0) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    return {
        "image": rng.integers(0, 256, (samples, 2, 6, 5)).astype(np.uint8),
        "vector": rng.uniform(-1, 1, (samples, 3)),
    }


@pytest.fixture(scope="module")
def made() -> tuple[Graph, ecc_lava.SpikingNetwork, ecc_lava.QuantisedNetwork]:
    graph = _two_by_two()
    snn = ecc_lava.convert(graph, calibration=_images(50))
    return graph, snn, ecc_lava.quantise(snn)


Made = tuple[Graph, ecc_lava.SpikingNetwork, ecc_lava.QuantisedNetwork]


def test_outputs_are_dicts_by_name_in_the_models_order(made: Made) -> None:
    graph, snn, network = made
    x = _images(20, 1)
    reference: Any = forward(graph, x)
    assert list(reference) == ["class", "map"]
    assert {name: y.shape for name, y in reference.items()} == {"class": (20, 4), "map": (20, 48)}
    ideal = rate_forward(snn, x)
    result: Any = ecc_lava.simulate(network, x, over_time=True)
    for name, value in reference.items():
        np.testing.assert_allclose(ideal[name], value, atol=1e-9 * np.abs(value).max())
        assert np.corrcoef(result.logits[name].ravel(), value.ravel())[0, 1] > 0.98
        assert result.readout[name].dtype == np.int32
        np.testing.assert_array_equal(result.logits_over_time[name][:, -1], result.logits[name])
    assert set(result.predictions) == {"class", "map"}


def test_inputs_are_given_by_name_or_in_order(made: Made) -> None:
    graph, _, _ = made
    x = _images(4, 1)
    in_order = forward(graph, [x["image"], x["vector"]])
    by_name: Any = forward(graph, x)
    for name, value in by_name.items():
        np.testing.assert_array_equal(in_order[name], value)
    channels_last: Any = forward(graph, {**x, "image": x["image"].transpose(0, 2, 3, 1)})
    np.testing.assert_array_equal(channels_last["class"], by_name["class"])  # the shape leaves no other reading
    for bad, says in (
        (x["image"], "takes 2 inputs, give arrays by name: image, vector"),
        ({"image": x["image"]}, "holds inputs image; the network takes image, vector"),
        ({**x, "image": x["image"][:2]}, "different numbers of samples, image 2, vector 4"),
        ({**x, "image": x["image"].transpose(0, 1, 3, 2)}, r"input 'image': shape .* takes \(N, 2, 6, 5\)"),
    ):
        with pytest.raises(InvalidInput, match=says):
            forward(graph, bad)


@pytest.mark.parametrize("backend", ["golden", "fast"])
def test_batches_are_joined_for_every_output(made: Made, backend: str) -> None:
    network, x = made[2], _images(7, 3)
    whole = ecc_lava.simulate(network, x, backend=backend)
    single = ecc_lava.simulate(network, x, backend=backend, max_memory=1)
    for name in whole.logits:
        np.testing.assert_array_equal(whole.logits[name], single.logits[name])


def test_the_whole_way_with_files_and_the_command_line(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph, snn, network = made
    path, data = tmp_path / "net.h5", tmp_path / "data.npz"
    x = _images(12, 4)
    labels = forward(graph, x)["class"].argmax(axis=1)
    ecc_lava.save(path, network, snn=snn, graph=graph)
    loaded, _, again = ecc_lava.load(path)
    assert loaded.digest == network.digest
    assert again is not None and again.outputs == graph.outputs
    np.savez(data, x_test_image=x["image"], x_test_vector=x["vector"], y_test=labels)

    def called(*arguments: str) -> dict[str, object]:
        with pytest.raises(SystemExit) as ended:
            app([*arguments, "--json"])
        assert ended.value.code == 0
        result: dict[str, object] = json.loads(capsys.readouterr().out)
        return result

    predictions = tmp_path / "out.npz"
    ran = called("run", str(path), "--data", str(data), "--predictions", str(predictions))
    assert ran["images"] == 12
    with np.load(predictions) as stored:
        assert set(stored) == {"predictions_class", "predictions_map", "logits_class", "logits_map"}
        assert ran["accuracy"] == (stored["predictions_class"] == labels).mean()
    checked = called("check", str(path), "--data", str(data), "--lava-limit", "2")
    assert checked["ok"] is True
    assert checked["ann_accuracy"] == 1.0
    mapped = called("map", str(path), "-o", str(tmp_path / "mapping.json"))
    assert mapped["fits"] is True


def test_a_network_of_several_has_no_single_one(made: Made) -> None:
    graph, snn, network = made
    for ask in (lambda: graph.input, lambda: snn.input, lambda: network.readout):
        with pytest.raises(InvalidInput, match="this network has 2"):
            ask()


def test_attribution_compares_all_outputs(made: Made) -> None:
    graph, snn, network = made
    x = _images(20, 4)
    found = ecc_lava.attribute(network, x, np.zeros(20, int), snn=snn, graph=graph, task="classes")
    predictions, reference = ecc_lava.simulate(network, x).predictions, ecc_lava.forward(graph, x)
    assert found.rungs[-1].decisions == 2
    assert found.rungs[-1].agreeing == sum(int((predictions[name] == reference[name].argmax(axis=1)).sum()) for name in reference)
    assert found.rungs[-1].correct == (predictions["class"] == 0).sum()
