"""The command line: what every command prints and writes, and its exit codes."""

from __future__ import annotations

import importlib.util
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.analysis.differences import Differences
from ecc_lava.cli.commands.convert import command as convert
from ecc_lava.cli.show.output import show_table
from ecc_lava.demo.data import MODEL
from ecc_lava.errors import LavaError, RangeError
from ecc_lava.formats import FORMATS
from tests.helpers.program import BAD_INPUT, DATA, FAILED, LAVA, OK, Call, Made, Outcome, in_this_process, one_message


def test_convert_prints_one_object_and_no_noise(made: Made, network: Path) -> None:
    facts = made.outcome.json
    assert made.outcome.err == ""
    assert facts["timesteps"] == 16
    assert facts["bits"] == 8
    assert facts["format"] == "loihi2"
    assert facts["recipe"] == "best"
    assert facts["seed"] == 0
    net, snn, graph = ecc_lava.load(network)
    assert facts["network_digest"] == net.digest
    assert facts["network"] == str(network)
    assert facts["neurons"] == sum(p.neurons for p in net.populations[1:])
    assert snn is not None
    assert graph is not None
    assert [p.name for p in network.parent.iterdir()] == ["net.h5"]


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


RUN_KEYS = {
    "doubts",
    "inputs",
    "task",
    "accuracy",
    "images",
    "timesteps",
    "latency_steps",
    "backend",
    "spikes_per_image",
    "synops_per_image",
    "input_macs_per_image",
    "graded_synops_per_image",
    "payload_bits_per_image",
    "updates_per_image",
    "energy_low_uj_per_image",
    "energy_high_uj_per_image",
    "ann_macs_per_image",
    "ann_float32_uj_per_image",
    "ann_int8_uj_per_image",
    "seconds",
    "account",
    "predictions",
    "network_digest",
    "data_digest",
    "version",
    "packages",
}


@pytest.mark.parametrize("backend", ["fast", "golden", "float", "closed-form"])
def test_run(backend: str, call: Call, network: Path) -> None:
    outcome = call("run", network, "--data", DATA, "--backend", backend, "--limit", 30, "--json")
    facts = outcome.json
    assert outcome.code == OK
    assert outcome.err == ""
    assert set(facts) == RUN_KEYS
    assert facts["backend"] == backend
    assert facts["images"] == 30
    assert facts["timesteps"] == 16
    assert facts["latency_steps"] == 16 + ecc_lava.load(network)[0].depth
    assert facts["accuracy"] >= 0.9


def test_backends_of_the_same_integers_print_the_same(call: Call, network: Path) -> None:
    fast, golden = (call("run", network, "--data", DATA, "--backend", b, "--limit", 10, "--json").json for b in ("fast", "golden"))
    for key in RUN_KEYS - {"backend", "seconds"}:
        assert fast[key] == golden[key]


def test_run_as_a_table(call: Call, network: Path) -> None:
    outcome = call("run", network, "--data", DATA, "--limit", 5)
    assert outcome.code == OK
    assert outcome.err == ""
    assert re.search(r"accuracy +│ +\d+\.\d\d % \(\d+\.\d to \d+\.\d\)", outcome.out)
    assert "synops per image" in outcome.out


def test_names_are_printed_as_they_are(call: Call, network: Path, tmp_path: Path) -> None:
    """Not read as the markup of the library that draws the tables."""
    path = tmp_path / "[bold]net[ou].h5"
    path.write_bytes(network.read_bytes())
    data = tmp_path / "x[" / "bold].npz"
    data.parent.mkdir()
    data.write_bytes(DATA.read_bytes())
    assert "[bold]net[ou].h5" in call("run", path, "--data", data, "--limit", 2).out
    assert "[bold]net[ou].h5" in call("map", path, "-o", tmp_path / "m.json").out
    show_table("[/red]", ("[/a]", "b"), [("[/c]", "[d]")])


def test_run_over_time_and_until_confident(call: Call, network: Path) -> None:
    facts = call("run", network, "--data", DATA, "--limit", 60, "--over-time", "--confident", 2, "--json").json
    assert set(facts) == RUN_KEYS | {"accuracy_over_time", "confident"}
    assert len(facts["accuracy_over_time"]) == 16
    assert facts["accuracy_over_time"][-1] == facts["accuracy"]
    assert facts["confident"]["margin"] == 2.0
    assert 1 <= facts["confident"]["mean_steps"] < 16
    assert facts["confident"]["accuracy"] >= 0.9
    for event in ("spikes_per_image", "synops_per_image", "updates_per_image"):
        assert 0 < facts["confident"][event] < facts[event]
    table = call("run", network, "--data", DATA, "--limit", 5, "--over-time", "--confident", 2).out
    assert "Accuracy over time" in table
    assert "Stopped at a lead of 2" in table


def test_run_and_map_give_the_same_events_and_all_name_the_network_alike(
    call: Call, network: Path, tmp_path: Path, without_lava: None
) -> None:
    """Of a study, `tests/studies/test_study.py` says that its events are those of `run`."""
    data = ("--data", DATA, "--limit", 8)
    run = call("run", network, *data, "--json").json
    mapped = call("map", network, *data, "-o", tmp_path / "m.json", "--json").json
    check = call("check", network, *data, "--lava-limit", 1, "--json").json
    assert run["network_digest"] == mapped["network_digest"] == check["network_digest"] == ecc_lava.load(network)[0].digest
    names = ("spikes", "synops", "input_macs", "graded_synops", "payload_bits", "updates")
    assert {name: mapped["cost"]["events"][name] for name in names} == {name: run[f"{name}_per_image"] for name in names}
    for facts in (run["account"], mapped["cost"]["account"]):
        assert facts["low_uj"] is None and "loihi2" in facts["why_none"] and "host" in " ".join(facts["left_out"])


def test_run_says_what_predictions_it_wrote(call: Call, network: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    options = ("run", network, "--data", DATA, "--limit", 4, "--predictions", path)
    assert f"written: {path}: predictions (4), logits (4 x 10)" in call(*options).out
    assert call(*options, "--json").json["predictions"] == {"file": str(path), "arrays": ["predictions (4)", "logits (4 x 10)"]}


def test_energies_stand_beside_those_of_the_cnn(call: Call, network: Path, bare: Path) -> None:
    facts = call("run", network, "--data", DATA, "--limit", 5, "--json").json
    net, _, graph = ecc_lava.load(network)
    assert graph is not None
    assert facts["updates_per_image"] == 16 * sum(p.neurons for p in net.populations[1:])
    assert facts["energy_low_uj_per_image"] is None
    assert facts["ann_macs_per_image"] == graph.macs
    assert facts["ann_float32_uj_per_image"] == pytest.approx(4.6e-6 * graph.macs)
    assert call("run", bare, "--data", DATA, "--limit", 5, "--json").json["ann_macs_per_image"] is None


@pytest.fixture(scope="session")
def loihi1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's model for the first Loihi, with weights of 4 bits but for the last layer."""
    folder = tmp_path_factory.mktemp("loihi1")
    graph = ecc_lava.from_keras(ecc_lava.load_model(MODEL))
    names = [p.name for p in ecc_lava.lower(graph).network.populations[1:]]
    (folder / "bits.json").write_text(json.dumps({"default": 4, names[-1]: 8}))
    arguments = ["convert", MODEL, "--calibration", DATA, "-o", folder / "net.h5", "--timesteps", 16, "--recipe", "channel", "--json"]
    arguments += ["--format", "loihi1", "--bits", folder / "bits.json"]
    outcome = in_this_process(*arguments)
    assert outcome.code == OK, outcome.err
    facts = outcome.json
    assert facts["format"] == "loihi1"
    assert facts["coding"] == "rate"
    assert facts["bits"] == 8
    assert facts["bits_by_population"] == {name: 8 if name == names[-1] else 4 for name in names}
    return folder / "net.h5"


def test_the_way_to_loihi1(call: Call, loihi1: Path, tmp_path: Path) -> None:
    facts = call("run", loihi1, "--data", DATA, "--limit", 30, "--json").json
    assert facts["accuracy"] >= 0.8
    assert facts["input_macs_per_image"] == 0
    assert 0 < facts["energy_low_uj_per_image"] < facts["energy_high_uj_per_image"]
    assert call("check", loihi1, "--data", DATA, "--limit", 10, "--lava-limit", 1, "--json").json["ok"]
    data = ("--data", DATA, "--limit", 30)
    mapped = call("map", loihi1, "--chip", "loihi1", *data, "-o", tmp_path / "m.json", "--json")
    assert mapped.code == OK
    charges = {charge["words"]: charge for charge in mapped.json["cost"]["account"]["charges"]}
    assert {charge["words"]: charge for charge in facts["account"]["charges"]}.items() <= charges.items()  # the same, and more
    text = call("run", loihi1, *data).out
    for charge in facts["account"]["charges"]:
        assert re.search(rf"{charge['words']}.* {charge['amount']:,.0f} .* {charge['uj'][1]:,.4g} ", text)
    assert "nothing ran on silicon; left out: messages and hops between cores, and static power" in text
    assert mapped.json["cores"] >= mapped.json["lower_bound_cores"]
    assert "quantise the network with format 'loihi2'" in one_message(call("map", loihi1, "--chip", "loihi2", "-o", tmp_path / "n.json"))


def test_readme_says_that_nothing_ran_on_silicon() -> None:
    readme = (Path(ecc_lava.__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert "Nothing here ran on silicon" in readme and "none prices the host" in readme


def test_a_format_of_few_bits_needs_no_width(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The command line's choice of formats is read at import, so the command is called as a function."""
    monkeypatch.setitem(FORMATS, "narrow", replace(FORMATS["loihi2"], name="narrow", weight_bits=6))
    convert(MODEL, DATA, tmp_path / "net.h5", timesteps=2, format="narrow", recipe="ecc", images=8, json=True)
    facts = json.loads(capsys.readouterr().out)
    assert (facts["format"], facts["bits"]) == ("narrow", 6)


def test_run_without_labels(call: Call, network: Path, unlabelled: Path) -> None:
    facts = call("run", network, "--data", unlabelled, "--json").json
    assert facts["accuracy"] is None
    assert facts["images"] == 20
    assert "n/a" in call("run", network, "--data", unlabelled).out


def test_run_of_fewer_timesteps(call: Call, network: Path) -> None:
    facts = call("run", network, "--data", DATA, "--limit", 5, "--timesteps", 3, "--json").json
    assert facts["timesteps"] == 3


def test_predictions_are_written_and_replaced(call: Call, network: Path, tmp_path: Path) -> None:
    path = tmp_path / "predictions"  # no extension is added
    path.write_bytes(b"old")
    facts = call("run", network, "--data", DATA, "--limit", 12, "--predictions", path, "--json").json
    with np.load(path) as stored, np.load(DATA) as data:
        assert stored["logits"].shape == (12, 10)
        np.testing.assert_array_equal(stored["logits"].argmax(axis=1), stored["predictions"])
        assert float((stored["predictions"] == data["y_test"][:12]).mean()) == facts["accuracy"]
    assert [p.name for p in tmp_path.iterdir()] == ["predictions"]


@pytest.mark.skipif(not LAVA, reason="Lava is not installed")
def test_check_runs_lava_too(call: Call, network: Path) -> None:
    outcome = call("check", network, "--data", DATA, "--limit", 40, "--lava-limit", 2, "--json")
    assert outcome.code == OK
    assert outcome.json["lava_vs_fast"] == {"images": 2, "differing_spikes": 0, "differing_potentials": 0}


@pytest.mark.usefixtures("without_lava")
def test_check(call: Call, network: Path) -> None:
    outcome = call("check", network, "--data", DATA, "--limit", 40, "--lava-limit", 2, "--max-loss", 5, "--json")
    facts = outcome.json
    assert outcome.code == OK
    assert outcome.err == ""
    assert facts["ok"] is True
    assert facts["images"] == 40
    assert facts["lava_vs_fast"] is None
    assert facts["golden_vs_fast"] == {"images": 2, "differing_spikes": 0, "differing_potentials": 0}
    names = [p.name for p in ecc_lava.load(network)[0].populations[1:-1]]
    assert [layer["name"] for layer in facts["layers"]] == names
    for layer in facts["layers"]:
        assert set(layer) == {"name", "spike_count_error", "rate_correlation", "saturated_low", "saturated_high"}
        assert 0 <= layer["spike_count_error"] < 0.05
        assert layer["rate_correlation"] > 0.98
    for key in ("ann_accuracy", "closed_form_accuracy", "float_accuracy", "integer_accuracy", "agreement"):
        assert facts[key] > 0.9
    assert facts["loss_points"] == pytest.approx(100 * (facts["ann_accuracy"] - facts["integer_accuracy"]))


@pytest.mark.usefixtures("without_lava")
def test_check_as_tables(call: Call, network: Path) -> None:
    outcome = call("check", network, "--data", DATA, "--limit", 8, "--lava-limit", 1)
    assert outcome.code == OK
    assert outcome.err == ""
    assert "every check passed" in outcome.out
    assert "Lava is not installed" in outcome.out


@pytest.mark.usefixtures("without_lava")
def test_check_says_where_accuracy_goes(call: Call, network: Path, bare: Path, tmp_path: Path) -> None:
    picture = tmp_path / "where.SVG"
    arguments = ("check", network, "--data", DATA, "--limit", 40, "--lava-limit", 1)
    outcome = call(*arguments, "--picture", picture, "--json")
    assert outcome.code == OK
    facts, found = outcome.json, outcome.json["attribution"]
    assert picture.read_bytes().startswith(b"<?xml")
    assert [rung["name"] for rung in found["rungs"]][-1] == "calibration"
    assert found["rungs"][0]["accuracy"] == facts["ann_accuracy"]
    assert found["rungs"][-1]["accuracy"] == facts["integer_accuracy"]
    assert found["loss_points"] == pytest.approx(facts["loss_points"])
    assert [layer["name"] for layer in found["layers"]][:-1] == [layer["name"] for layer in facts["layers"]]
    assert call(*arguments, "--json").json["attribution"] is None
    text = call(*arguments, "--attribute")
    assert text.code == OK
    assert "a picture ends in .png, .svg, .pdf, not in '.jpeg'" in one_message(call(*arguments, "--picture", tmp_path / "a.jpeg"))
    assert "From the CNN to the integers" in text.out
    assert "without calibration" in text.out
    assert text.err == ""
    assert "convert the model again" in one_message(call("check", bare, "--data", DATA, "--attribute", "--json"))


@pytest.mark.usefixtures("without_lava")
def test_check_without_labels_graph_and_float_network(call: Call, network: Path, bare: Path, unlabelled: Path) -> None:
    facts = call("check", network, "--data", unlabelled, "--lava-limit", 1, "--json").json
    assert facts["ok"] is True
    assert facts["ann_accuracy"] is facts["integer_accuracy"] is facts["loss_points"] is None
    assert facts["agreement"] >= 0.9
    facts = call("check", bare, "--data", DATA, "--limit", 20, "--lava-limit", 1, "--json").json
    assert facts["ann_accuracy"] is facts["float_accuracy"] is facts["closed_form_accuracy"] is facts["agreement"] is None
    assert facts["integer_accuracy"] >= 0.9
    assert all(layer["spike_count_error"] is layer["rate_correlation"] is None for layer in facts["layers"])
    assert call("check", bare, "--data", unlabelled, "--lava-limit", 1).code == OK


@pytest.mark.usefixtures("without_lava")
def test_check_fails_for_a_loss_beyond_the_limit(call: Call, network: Path) -> None:
    """A limit of -1 asks for a gain of a point, which there is not."""
    outcome = call("check", network, "--data", DATA, "--limit", 20, "--lava-limit", 1, "--max-loss", -1, "--json")
    assert outcome.code == FAILED
    assert outcome.json["ok"] is False
    text = call("check", network, "--data", DATA, "--limit", 20, "--lava-limit", 1, "--max-loss", -1)
    assert text.code == FAILED
    assert "FAILED" in text.out
    assert "points lost" in text.out


@pytest.mark.usefixtures("without_lava")
@pytest.mark.parametrize("backend", ["golden", "float"])
@pytest.mark.parametrize("planted", [(1, 0), (0, 1)])
def test_check_fails_for_one_difference(
    backend: str, planted: tuple[int, int], call: Call, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checking = importlib.import_module("ecc_lava.analysis.check")
    compare = checking.compare

    def spoilt(*arguments: Any, **options: Any) -> Differences:
        found = compare(*arguments, **options)
        return Differences(found.images, *planted) if arguments[2] == backend else found

    monkeypatch.setattr(checking, "compare", spoilt)
    outcome = call("check", network, "--data", DATA, "--limit", 4, "--lava-limit", 1, "--json")
    assert outcome.code == FAILED
    assert outcome.json["ok"] is False
    assert "FAILED" in call("check", network, "--data", DATA, "--limit", 4, "--lava-limit", 1).out


@pytest.mark.usefixtures("without_lava")
def test_check_fails_for_a_range_error(call: Call, network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reached(network: object) -> None:
        raise RangeError("channel 3 of population 'relu0' can reach 9000000; the potential holds 8388607")

    monkeypatch.setattr(importlib.import_module("ecc_lava.analysis.check"), "one_step_bound", reached)
    outcome = call("check", network, "--data", DATA, "--limit", 4, "--json")
    assert outcome.code == FAILED
    assert outcome.json["ok"] is False
    assert outcome.json["network_digest"] == ecc_lava.load(network)[0].digest
    assert "relu0" in outcome.json["range_error"]
    text = call("check", network, "--data", DATA, "--limit", 4)
    assert text.code == FAILED
    assert "relu0" in text.out


def test_a_lava_failure_is_one_message(call: Call, network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checking = importlib.import_module("ecc_lava.analysis.check")
    compare = checking.compare

    def fails(*arguments: Any, **options: Any) -> Differences:
        if arguments[2] == "lava":
            raise LavaError("the Lava runtime stalled at step 3")
        return compare(*arguments, **options)

    monkeypatch.setattr(checking, "compare", fails)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: object())
    assert "stalled" in one_message(call("check", network, "--data", DATA, "--limit", 2, "--lava-limit", 1, "--json"))


def test_map(call: Call, network: Path, tmp_path: Path) -> None:
    path = tmp_path / "mapping.json"
    outcome = call("map", network, "--chip", "loihi2", "-o", path, "--json")
    facts = outcome.json
    assert outcome.code == OK
    assert outcome.err == ""
    assert {"cores", "chips", "lower_bound_cores", "utilisation", "fits", "seconds"} <= set(facts)
    assert facts["fits"] is True
    assert facts["cores"] >= facts["lower_bound_cores"] >= 1
    stored = json.loads(path.read_text())
    assert stored["network"] == facts["network_digest"]
    assert len(stored["cores"]) == facts["cores"]
    text = call("map", network, "-o", path)
    assert text.code == OK
    assert f"{facts['cores']} core{'s' * (facts['cores'] > 1)} on 1 chip;" in text.out
    assert "limited by" in text.out


def test_map_with_activity(call: Call, network: Path, tmp_path: Path) -> None:
    path = tmp_path / "mapping.json"
    options = ("--data", DATA, "--limit", 2, "--placer", "hilbert", "--synapse-model", "ideal", "--seed", 3)
    facts = call("map", network, "-o", path, "--json", *options).json
    assert (facts["placer"], facts["synapse_model"], facts["seed"], facts["messages_per"]) == ("hilbert", "ideal", 3, "image")
    assert facts["models"]["ideal"]["cores"] == facts["cores"] <= facts["models"]["strict"]["cores"]
    assert facts["cost"]["total_uj"] is None and facts["cost"]["events"]["synops"] > 0
    assert json.loads(path.read_text())["synapse_model"] == "ideal"
    page = tmp_path / "page.html"
    text = call("map", network, "-o", path, "--html", page, *options)
    assert text.code == OK
    assert "energy and time: n/a" in text.out and "busiest core: core" in text.out
    html = page.read_text()
    assert f"<title>{network.name} on loihi2</title>" in html and facts["data_digest"] in html and "hilbert" in html


def _chip(folder: Path, **figures: object) -> Path:
    from hw_mappings.chips.files import chip_to_json
    from hw_mappings.chips.loihi2 import LOIHI2

    described = chip_to_json(LOIHI2)
    for name, value in figures.items():
        described["figures"][name]["value"] = value
    (folder / "chip.json").write_text(json.dumps({**described, "name": "small"}))
    return folder / "chip.json"


def test_a_network_that_does_not_fit(call: Call, network: Path, tmp_path: Path) -> None:
    """Bad input with the same keys: nothing written, and why on stderr."""
    chip = _chip(tmp_path, synapse_bits=64)
    outcome = call("map", network, "--chip", chip, "-o", tmp_path / "mapping.json", "--html", tmp_path / "page.html", "--json")
    assert outcome.code == BAD_INPUT
    assert outcome.json["fits"] is False
    assert outcome.json["cores"] is None
    assert outcome.json["reason"] in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "mapping.json").exists() and not (tmp_path / "page.html").exists()
    text = call("map", network, "--chip", chip, "-o", tmp_path / "mapping.json")
    assert (text.code, text.out) == (BAD_INPUT, "")
    assert text.err.startswith(f"ecc-lava: {network} does not fit on small")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    folder = tmp_path_factory.mktemp("demo") / "new" / "out"
    return folder, in_this_process("demo", "--out", folder, "--json")


def test_demo(demo: tuple[Path, Outcome]) -> None:
    folder, outcome = demo
    assert outcome.code == OK, outcome.err
    facts = outcome.json
    assert outcome.err == ""
    keys = {"ann_accuracy", "float_accuracy", "integer_accuracy", "agreement", "timesteps", "lava_vs_fast", "cores", "seconds"}
    assert keys <= set(facts)
    assert facts["integer_accuracy"] * 360 >= facts["ann_accuracy"] * 360 - 1.001
    assert facts["ann_accuracy"] > 0.97
    assert facts["float_accuracy"] > 0.97
    assert facts["agreement"] >= 0.99
    assert facts["timesteps"] == 32
    if LAVA:
        assert facts["lava_vs_fast"]["images"] >= 1
        assert facts["lava_vs_fast"]["differing_spikes"] == facts["lava_vs_fast"]["differing_potentials"] == 0
    else:
        assert facts["lava_vs_fast"] is None
    assert facts["cores"] >= 1
    assert sorted(p.name for p in folder.iterdir()) == ["images.npz", "mapping.json", "network.h5", "picture.png", "report.json"]
    assert json.loads((folder / "report.json").read_text()) == facts
    assert ecc_lava.load(folder / "network.h5")[0].digest == facts["network_digest"]
    assert (folder / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_the_demos_next_command_runs(demo: tuple[Path, Outcome], call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, outcome = demo
    program = importlib.import_module("ecc_lava.cli.commands.demo")
    counted = dict.fromkeys(("ann_accuracy", "closed_form_accuracy", "float_accuracy", "integer_accuracy", "agreement"), 1.0)
    report = SimpleNamespace(**counted, images=1, lava_vs_fast=None, golden_vs_fast=Differences(1, 0, 0), synops_per_image=1.0)
    monkeypatch.setattr(program, "_work", lambda out, stage: (report, dict(outcome.json)))
    shown = call("demo", "--out", tmp_path).out
    command = shown.split("next: ecc-lava ")[1].split(", or ")[0].replace(str(tmp_path), str(folder)).split()
    assert command == ["run", str(folder / "network.h5"), "--data", str(folder / "images.npz")]
    assert str(tmp_path / "images.npz") in shown.split("written: ")[1].split("next:")[0]
    facts = call(*command, "--json").json
    assert facts["accuracy"] == outcome.json["integer_accuracy"] and facts["network_digest"] == outcome.json["network_digest"]


def test_demo_refuses_a_folder_with_foreign_files(demo: tuple[Path, Outcome], call: Call, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    assert "thesis.tex" in one_message(call("demo", "--out", tmp_path, "--json"))
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    (demo[0] / "notes.txt").write_text("mine")
    assert "notes.txt" in one_message(call("demo", "--out", demo[0]))


@pytest.mark.parametrize("name", ["network.h5", "mapping.json", "picture.png", "report.json", "images.npz"])
def test_demo_finds_out_first_what_it_cannot_write(name: str, call: Call, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    started = time.process_time()
    assert "it is a folder" in one_message(call("demo", "--out", tmp_path))
    assert time.process_time() - started < 2
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("where", ["file", "file/in/it", "link"])
def test_demo_refuses_a_folder_that_cannot_be(where: str, call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "at" / "all")
    one_message(call("demo", "--out", tmp_path / where))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "link"]
