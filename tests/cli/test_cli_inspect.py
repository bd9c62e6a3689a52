"""`ecc-lava inspect`: what it says of every layer, and the input shape that a model leaves open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ecc_lava
from ecc_lava.demo.data import MODEL
from tests.helpers.program import BAD_INPUT, OK, Call, one_message


def test_inspect(call: Call) -> None:
    facts = call("inspect", MODEL, "--json").json
    assert facts["macs"] > 0
    layers = {row["layer"]: row for row in facts["layers"]}
    assert all(
        {"layer", "type", "became", "neurons", "synapses", "depth", "folded", "pair", "reason"} <= set(row) for row in facts["layers"]
    )
    assert sum(row["neurons"] for row in layers.values()) == sum(p["neurons"] for p in facts["populations"])
    assert sum(row["synapses"] for row in layers.values()) == facts["synapses"]
    assert {name for row in layers.values() for name in row["populations"]} == {p["name"] for p in facts["populations"]}
    assert [p["kind"] for p in facts["populations"]][:: len(facts["populations"]) - 1] == ["input", "readout"]
    text = call("inspect", MODEL)
    assert text.code == OK
    assert "readout" in text.out
    assert text.err == ""
    assert call("inspect", MODEL, "--input-shape", 8, 8, 1, "--json").code == OK


@pytest.fixture(scope="session")
def mixed_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a layer for everything that can become of one, two inputs and two outputs."""
    import keras
    from keras import layers

    x, facts = keras.Input((6, 6, 2), name="x"), keras.Input((3,), name="facts")
    conv = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(x)
    wide = layers.Conv2D(4, 1, name="wide")(layers.Conv2D(32, 3, padding="same", name="linear")(conv))
    pooled = layers.Flatten(name="flat")(layers.MaxPooling2D(3, 2, padding="same", name="pool")(wide))
    first = layers.Dense(2, name="first")(layers.Concatenate(name="both")([pooled, facts]))
    path = tmp_path_factory.mktemp("mixed") / "mixed.keras"
    keras.Model([x, facts], [layers.Softmax(name="end")(first), layers.Dense(1, name="second")(facts)]).save(path)
    return path


def test_inspect_says_what_every_layer_becomes(call: Call, mixed_model: Path) -> None:
    facts = call("inspect", mixed_model, "--json").json
    rows = {row["layer"]: row for row in facts["layers"]}
    became = {name: row["became"] for name, row in rows.items()}
    assert became["x"] == became["facts"] == "input"
    assert became["conv"] == "population"
    assert became["linear"] == "folded"
    assert rows["linear"]["into"] == ["pool"] or rows["linear"]["into"] == ["wide"]
    assert "maxima" in became["pool"]
    assert became["flat"] == became["both"] == "folded"
    assert became["second"] == "readout"
    assert "readout" in (became["first"], became["end"])
    assert rows["conv"]["neurons"] == 6 * 6 * 4
    assert rows["conv"]["depth"] == 1
    assert rows["wide"]["pair"]["weights"] > 0
    assert rows["conv"]["reason"] == ""
    assert "folded into" in call("inspect", mixed_model).out


@pytest.mark.parametrize("loaded", [True, False])
def test_inspect_shows_all_layers_of_a_model_with_refused_ones(call: Call, tmp_path: Path, loaded: bool) -> None:
    import keras
    from keras import layers

    odd = layers.ELU(name="odd") if loaded else layers.Lambda(lambda t: t, output_shape=(3,), name="odd")
    path = tmp_path / "refused.keras"
    keras.Sequential([keras.Input((4,)), layers.Dense(3, name="fine"), odd, layers.Dense(3, name="last")]).save(path)
    outcome = call("inspect", path)
    assert outcome.code == BAD_INPUT
    assert all(word in outcome.out for word in ("fine", "odd", "refused", "last"))
    assert outcome.err.startswith("ecc-lava: 1 layer(s) cannot be converted")
    outcome = call("inspect", path, "--json")
    assert outcome.code == BAD_INPUT
    rows = {row["layer"]: row for row in outcome.json["layers"]}
    assert [row["became"] for name, row in rows.items() if name in ("fine", "odd", "last")] == ["supported", "refused", "supported"]
    assert rows["odd"]["reason"]


def test_input_shapes_of_signals_vectors_and_several_inputs(call: Call, tmp_path: Path) -> None:
    import keras
    from keras import layers

    signal, vector = keras.Input((None, 2), name="signal"), keras.Input((3,), name="vector")
    y = layers.GlobalAveragePooling1D()(layers.Conv1D(3, 2, activation="relu")(signal))
    one, two, flat = tmp_path / "one.keras", tmp_path / "two.keras", tmp_path / "flat.keras"
    keras.Model(signal, y).save(one)
    keras.Model([signal, vector], layers.Add()([y, vector])).save(two)
    keras.Model(vector, layers.Dense(2)(vector)).save(flat)
    assert call("inspect", one, "--input-shape", 9, 2, "--json").json["populations"][0]["shape"] == [1, 9, 2]
    assert call("inspect", "--input-shape", "9,2", one, "--json").json["populations"][0]["shape"] == [1, 9, 2]
    assert call("inspect", flat, "--input-shape", 3, "--json").code == OK
    assert call("inspect", two, "--input-shape", "signal=9,2", "--json").json["populations"][0]["shape"] == [1, 9, 2]
    assert "NAME=H,W,C for each" in one_message(call("inspect", two))
    assert "signal, vector" in one_message(call("inspect", two, "--input-shape", 9, 2))
    assert "does not fit" in one_message(call("inspect", one, "--input-shape", 9, 2, 1))
    assert "one to three sizes" in one_message(call("inspect", one, "--input-shape", "nine"))


@pytest.fixture(scope="session")
def open_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that takes images of any size."""
    import keras
    from keras import layers

    inputs = keras.Input((None, None, 1))
    x = layers.Conv2D(3, 3, padding="same", activation="relu", name="conv")(inputs)
    path = tmp_path_factory.mktemp("open") / "open.keras"
    keras.Model(inputs, layers.Dense(2, name="out")(layers.GlobalAveragePooling2D()(x))).save(path)
    return path


def test_the_input_shape_is_given_where_the_model_leaves_it_open(call: Call, open_model: Path, tmp_path: Path) -> None:
    assert "--input-shape" in one_message(call("inspect", open_model))
    facts = call("inspect", open_model, "--input-shape", 6, 5, 1, "--json").json
    assert facts["populations"][0]["shape"] == [6, 5, 1]
    assert "does not fit" in one_message(call("inspect", open_model, "--input-shape", 6, 5, 3))
    assert "at least 1" in one_message(call("inspect", open_model, "--input-shape", 0, 5, 1))
    np.savez(tmp_path / "x.npz", x_train=np.random.default_rng(0).random((9, 6, 5, 1)))
    outcome = call("convert", open_model, "--calibration", tmp_path / "x.npz", "-o", tmp_path / "n.h5", "--input-shape", 6, 5, 1, "--json")
    assert outcome.code == OK
    import keras

    x = np.random.default_rng(1).random((4, 6, 5, 1)).astype(np.float32)
    graph = ecc_lava.load(tmp_path / "n.h5")[2]
    assert graph is not None
    np.testing.assert_allclose(ecc_lava.forward(graph, x), keras.models.load_model(open_model)(x), atol=1e-5)
