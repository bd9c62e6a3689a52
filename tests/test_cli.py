"""The command line: what it prints where, its exit codes, and one message for every bad input."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pytest

import ecc_lava
from ecc_lava import checking
from ecc_lava.checking import Differences
from ecc_lava.cli.app import main
from ecc_lava.cli.output import show_table
from ecc_lava.demo.data import FOLDER, MODEL
from ecc_lava.errors import LavaError, RangeError

DATA = FOLDER / "digits.npz"
PROGRAM = str(Path(sys.executable).parent / "ecc-lava")
LAVA = importlib.util.find_spec("lava") is not None
OK, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


class Outcome(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object that must be all of stdout."""
        assert self.out.count("\n") == 1
        assert self.out.endswith("\n")

        def refused(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        value = json.loads(self.out, parse_constant=refused)
        assert isinstance(value, dict)
        assert value["version"] == 1
        assert value["packages"]["ecc-lava"]
        return value


Call = Callable[..., Outcome]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Give a function that runs the program with arguments, in this process."""

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["ecc-lava", *(str(a) for a in arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        code = caught.value.code
        return Outcome(code if isinstance(code, int) else 0 if code is None else 1, *capfd.readouterr())

    return run


def _in_process_of_its_own(*arguments: object, **options: Any) -> Outcome:
    done = subprocess.run([PROGRAM, *(str(a) for a in arguments)], capture_output=True, text=True, timeout=120, **options)
    return Outcome(done.returncode, done.stdout, done.stderr)


class Made(NamedTuple):
    network: Path
    outcome: Outcome


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The demo's model, converted once by the program itself."""
    path = tmp_path_factory.mktemp("made") / "net.h5"
    outcome = _in_process_of_its_own("convert", MODEL, "--calibration", DATA, "-o", path, "--timesteps", 16, "--json")
    return Made(path, outcome)


@pytest.fixture(scope="session")
def network(made: Made) -> Path:
    assert made.outcome.code == OK, made.outcome.err
    return made.network


@pytest.fixture(scope="session")
def bare(network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network without the float network and the graph."""
    path = tmp_path_factory.mktemp("bare") / "bare.h5"
    ecc_lava.save(path, ecc_lava.load(network)[0])
    return path


@pytest.fixture(scope="session")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("unlabelled") / "images.npz"
    with np.load(DATA) as archive:
        np.savez(path, x_test=archive["x_test"][:20])
    return path


def _one_message(outcome: Outcome, code: int = BAD_INPUT) -> str:
    assert outcome.code == code, outcome
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    lines = outcome.err.splitlines()
    if lines[-1].startswith("Error: "):  # an option that the command does not take so
        assert len(lines) <= 4
    else:
        assert len(lines) <= 2
        assert lines[0].startswith("ecc-lava: ")
        assert all(lines)
    return outcome.err


# --- what every command prints ---------------------------------------------------------------------------------------------------------


def test_convert_prints_one_object_and_no_noise(made: Made, network: Path) -> None:
    facts = made.outcome.json
    assert made.outcome.err == ""
    assert facts["timesteps"] == 16
    assert facts["bits"] == 8
    assert facts["format"] == "loihi2"
    assert facts["recipe"] == "best"
    assert facts["seed"] == 0
    net, snn, graph = ecc_lava.load(network)
    assert facts["digest"] == net.digest
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
    assert "NAME=H,W,C for each" in _one_message(call("inspect", two))
    assert "signal, vector" in _one_message(call("inspect", two, "--input-shape", 9, 2))
    assert "does not fit" in _one_message(call("inspect", one, "--input-shape", 9, 2, 1))
    assert "one to three sizes" in _one_message(call("inspect", one, "--input-shape", "nine"))


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
    assert "--input-shape" in _one_message(call("inspect", open_model))
    facts = call("inspect", open_model, "--input-shape", 6, 5, 1, "--json").json
    assert facts["populations"][0]["shape"] == [6, 5, 1]
    assert "does not fit" in _one_message(call("inspect", open_model, "--input-shape", 6, 5, 3))
    assert "at least 1" in _one_message(call("inspect", open_model, "--input-shape", 0, 5, 1))
    np.savez(tmp_path / "x.npz", x_train=np.random.default_rng(0).random((9, 6, 5, 1)))
    outcome = call("convert", open_model, "--calibration", tmp_path / "x.npz", "-o", tmp_path / "n.h5", "--input-shape", 6, 5, 1, "--json")
    assert outcome.code == OK
    import keras

    x = np.random.default_rng(1).random((4, 6, 5, 1)).astype(np.float32)
    graph = ecc_lava.load(tmp_path / "n.h5")[2]
    assert graph is not None
    np.testing.assert_allclose(ecc_lava.forward(graph, x), keras.models.load_model(open_model)(x), atol=1e-5)


RUN_KEYS = {
    "accuracy",
    "images",
    "timesteps",
    "latency_steps",
    "backend",
    "spikes_per_image",
    "synops_per_image",
    "input_macs_per_image",
    "updates_per_image",
    "energy_low_uj_per_image",
    "energy_high_uj_per_image",
    "ann_macs_per_image",
    "ann_float32_uj_per_image",
    "ann_int8_uj_per_image",
    "seconds",
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
    assert "accuracy" in outcome.out
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
    table = call("run", network, "--data", DATA, "--limit", 5, "--over-time", "--confident", 2).out
    assert "Accuracy over time" in table
    assert "Stopped at a lead of 2" in table


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
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == OK, done.stderr
    facts = json.loads(done.stdout)
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
    mapped = call("map", loihi1, "--chip", "loihi1", "-o", tmp_path / "m.json", "--json")
    assert mapped.code == OK
    assert mapped.json["cores"] >= mapped.json["lower_bound_cores"]
    assert "quantise the network with format 'loihi2'" in _one_message(call("map", loihi1, "--chip", "loihi2", "-o", tmp_path / "n.json"))


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


@pytest.fixture
def without_lava(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `check` believe that Lava is not installed."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, package=None: None if name.split(".")[0] == "lava" else found(name, package)
    )


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
    picture = tmp_path / "where.png"
    arguments = ("check", network, "--data", DATA, "--limit", 40, "--lava-limit", 1)
    outcome = call(*arguments, "--picture", picture, "--json")
    assert outcome.code == OK
    facts, found = outcome.json, outcome.json["attribution"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert [rung["name"] for rung in found["rungs"]][-1] == "calibration"
    assert found["rungs"][0]["accuracy"] == facts["ann_accuracy"]
    assert found["rungs"][-1]["accuracy"] == facts["integer_accuracy"]
    assert found["loss_points"] == pytest.approx(facts["loss_points"])
    assert [layer["name"] for layer in found["layers"]][:-1] == [layer["name"] for layer in facts["layers"]]
    assert call(*arguments, "--json").json["attribution"] is None
    text = call(*arguments, "--attribute")
    assert text.code == OK
    assert "From the CNN to the integers" in text.out
    assert "without calibration" in text.out
    assert text.err == ""
    assert "convert the model again" in _one_message(call("check", bare, "--data", DATA, "--attribute", "--json"))


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

    monkeypatch.setattr(checking, "one_step_bound", reached)
    outcome = call("check", network, "--data", DATA, "--limit", 4, "--json")
    assert outcome.code == FAILED
    assert outcome.json["ok"] is False
    assert "relu0" in outcome.json["range_error"]
    text = call("check", network, "--data", DATA, "--limit", 4)
    assert text.code == FAILED
    assert "relu0" in text.out


def test_a_lava_failure_is_one_message(call: Call, network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compare = checking.compare

    def fails(*arguments: Any, **options: Any) -> Differences:
        if arguments[2] == "lava":
            raise LavaError("the Lava runtime stalled at step 3")
        return compare(*arguments, **options)

    monkeypatch.setattr(checking, "compare", fails)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: object())
    assert "stalled" in _one_message(call("check", network, "--data", DATA, "--limit", 2, "--lava-limit", 1, "--json"))


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
    return folder, _in_process_of_its_own("demo", "--out", folder, "--json")


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
    assert sorted(p.name for p in folder.iterdir()) == ["mapping.json", "network.h5", "picture.png", "report.json"]
    assert json.loads((folder / "report.json").read_text()) == facts
    assert ecc_lava.load(folder / "network.h5")[0].digest == facts["network_digest"]
    assert (folder / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_demo_refuses_a_folder_with_foreign_files(demo: tuple[Path, Outcome], call: Call, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    assert "thesis.tex" in _one_message(call("demo", "--out", tmp_path, "--json"))
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    (demo[0] / "notes.txt").write_text("mine")
    assert "notes.txt" in _one_message(call("demo", "--out", demo[0]))


@pytest.mark.parametrize("name", ["network.h5", "mapping.json", "picture.png", "report.json"])
def test_demo_finds_out_first_what_it_cannot_write(name: str, call: Call, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    started = time.perf_counter()
    assert "it is a folder" in _one_message(call("demo", "--out", tmp_path))
    assert time.perf_counter() - started < 2
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("where", ["file", "file/in/it", "link"])
def test_demo_refuses_a_folder_that_cannot_be(where: str, call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "at" / "all")
    _one_message(call("demo", "--out", tmp_path / where))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "link"]


# --- bad input -------------------------------------------------------------------------------------------------------------------------


def _inspect(model: Path, folder: Path) -> list[object]:
    return ["inspect", model]


def _convert(model: Path, folder: Path) -> list[object]:
    return ["convert", model, "--calibration", DATA, "-o", folder / "out" / "net.h5"]


def _repacked(folder: Path, name: str = "model.keras", **members: bytes | None) -> Path:
    """Return a copy of the demo's model with members replaced; None leaves one out."""
    renamed = {key.replace("__", "."): content for key, content in members.items()}
    with zipfile.ZipFile(MODEL) as old, zipfile.ZipFile(folder / name, "w") as new:
        for info in old.infolist():
            content = renamed.get(info.filename, old.read(info))
            if content is not None:
                new.writestr(info.filename, content)
    return folder / name


def _weights(change: Callable[[Any], None]) -> bytes:
    buffer = io.BytesIO(_member("model.weights.h5"))
    with h5py.File(buffer, "r+") as file:
        change(file)
    return buffer.getvalue()


def _member(name: str) -> bytes:
    with zipfile.ZipFile(MODEL) as archive:
        return archive.read(name)


def _first_array(file: Any) -> Any:
    found: list[Any] = []
    file.visititems(lambda name, item: found.append(item) if isinstance(item, h5py.Dataset) and item.ndim == 4 else None)
    return found[0]


def _spoil(file: Any) -> None:
    _first_array(file)[0, 0, 0, 0] = np.nan


def _reshape(file: Any) -> None:
    array = _first_array(file)
    name, parent = array.name, array.parent
    del file[name]
    parent.create_dataset(name.split("/")[-1], data=np.zeros((2, 2, 1, 3), np.float32))


def _remove(file: Any) -> None:
    del file[_first_array(file).name]


def _config(change: Callable[[Any], None]) -> bytes:
    config = json.loads(_member("config.json"))
    change(config)
    return json.dumps(config).encode()


def _layer(**fields: Any) -> Callable[[Any], None]:
    """Return a change that gives the model's ReLU layers other fields."""

    def change(config: Any) -> None:
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "ReLU":
                layer.update(fields)

    return change


def _cut(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def _two_in_one(folder: Path) -> Path:
    """Return an HDF5 model with a Lambda layer, which Keras would load, that is also an archive with a harmless description."""
    layers = [{"class_name": "Lambda", "config": {"name": "my_layer"}}]
    with h5py.File(folder / "model.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": layers}})
    with (folder / "model.h5").open("ab") as file:
        file.write(MODEL.read_bytes())
    assert zipfile.is_zipfile(folder / "model.h5")
    return folder / "model.h5"


BAD_MODELS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "none.keras", "no such file"),
    "a folder": (lambda folder: folder, "only a folder"),
    "text named .keras": (_cut("model.keras", b"hello, I am text\n"), "neither a .keras archive nor"),
    "text named .h5": (_cut("model.h5", b"hello, I am text\n"), "neither a .keras archive nor"),
    "empty": (_cut("model.keras", b""), "neither a .keras archive nor"),
    "cut short": (_cut("model.keras", MODEL.read_bytes()[:9000]), "neither a .keras archive nor"),
    "an archive named .h5": (_cut("model.h5", MODEL.read_bytes()), "rename it to .keras"),
    "another ending": (_cut("model.bin", MODEL.read_bytes()), "must end in .keras, .h5 or .hdf5"),
    "an HDF5 file without a model": (_cut("model.h5", _member("model.weights.h5")), "weights only"),
    "HDF5 named .keras": (_cut("model.keras", _member("model.weights.h5")), "rename it to .h5"),
    "no description": (lambda folder: _repacked(folder, config__json=None), "config.json"),
    "description not JSON": (lambda folder: _repacked(folder, config__json=b"{"), "not JSON"),
    "description not UTF-8": (lambda folder: _repacked(folder, config__json=b"\xff\xfe\x00"), "not JSON"),
    "description deep": (lambda folder: _repacked(folder, config__json=b"[" * 90_000 + b"]" * 90_000), "not JSON"),
    "description a number": (lambda folder: _repacked(folder, config__json=b"7"), "model"),
    "description a list": (lambda folder: _repacked(folder, config__json=b"[]"), "model"),
    "no weights": (lambda folder: _repacked(folder, model__weights__h5=None), "cannot load"),
    "weights cut short": (lambda f: _repacked(f, model__weights__h5=_member("model.weights.h5")[:20_000]), "cannot load"),
    "weights that are text": (lambda f: _repacked(f, model__weights__h5=b"text"), "cannot load"),
    "a weight missing": (lambda f: _repacked(f, model__weights__h5=_weights(_remove)), "cannot load"),
    "a weight of another shape": (lambda f: _repacked(f, model__weights__h5=_weights(_reshape)), "cannot load"),
    "NaN in weights": (lambda f: _repacked(f, model__weights__h5=_weights(_spoil)), "NaN or infinite"),
    "a Lambda layer": (lambda f: _repacked(f, config__json=_config(_layer(class_name="Lambda"))), "relu0 (Lambda)"),
    "a custom layer": (
        lambda f: _repacked(f, config__json=_config(_layer(class_name="Mine", module="my.layers", registered_name="Mine"))),
        "my.layers",
    ),
    "a description behind another": (_two_in_one, "my_layer (Lambda)"),
    "a function of the language": (
        lambda f: _repacked(
            f,
            config__json=_config(
                _layer(config={"name": "a", "activation": {"module": "builtins", "class_name": "function", "config": "exec"}})
            ),
        ),
        "builtins",
    ),
}


@pytest.mark.parametrize("command", [_inspect, _convert], ids=["inspect", "convert"])
@pytest.mark.parametrize("name", BAD_MODELS)
def test_bad_models(name: str, command: Callable[[Path, Path], list[object]], call: Call, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    make, reason = BAD_MODELS[name]
    (tmp_path / "in").mkdir()
    outcome = call(*command(make(tmp_path / "in"), tmp_path), "--json")
    assert outcome.code == BAD_INPUT
    if outcome.out:  # the layers of a model with some that cannot be converted
        assert command is _inspect
        assert "refused" in [row["became"] for row in outcome.json["layers"]]
    assert "Traceback" not in outcome.err
    assert outcome.err.startswith("ecc-lava: ")
    assert len(outcome.err.splitlines()) <= 4, outcome.err
    assert reason in outcome.err, outcome.err
    assert not list((tmp_path / "out").iterdir())


def _altered(network: Path, folder: Path) -> Path:
    content = bytearray(network.read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "net.h5").write_bytes(content)
    return folder / "net.h5"


def _truncated(network: Path, folder: Path) -> Path:
    (folder / "net.h5").write_bytes(network.read_bytes()[:-100])
    return folder / "net.h5"


def _text(network: Path, folder: Path) -> Path:
    (folder / "net.h5").write_text("text")
    return folder / "net.h5"


BAD_NETWORKS: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "missing": (lambda network, folder: folder / "none.h5", "no such file"),
    "a folder": (lambda network, folder: folder, "only a folder"),
    "truncated": (_truncated, "cut short"),
    "altered": (_altered, "altered"),
    "text": (_text, "not a network file"),
    "a model": (lambda network, folder: MODEL, "ecc-lava convert"),
}

NETWORK_COMMANDS: dict[str, Callable[[Path, Path], list[object]]] = {
    "run": lambda network, out: ["run", network, "--data", DATA, "--limit", 2, "--predictions", out / "p.npz"],
    "run float": lambda network, out: ["run", network, "--data", DATA, "--backend", "float"],
    "check": lambda network, out: ["check", network, "--data", DATA, "--limit", 2],
    "map": lambda network, out: ["map", network, "-o", out / "mapping.json"],
}


@pytest.mark.parametrize("command", NETWORK_COMMANDS)
@pytest.mark.parametrize("name", BAD_NETWORKS)
def test_bad_networks(name: str, command: str, call: Call, network: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    make, reason = BAD_NETWORKS[name]
    outcome = call(*NETWORK_COMMANDS[command](make(network, tmp_path / "in"), tmp_path / "out"), "--json")
    assert reason in _one_message(outcome)
    assert not list((tmp_path / "out").iterdir())


def _images(**arrays: Any) -> Callable[[Path, str], Path]:
    def make(folder: Path, split: str) -> Path:
        np.savez(folder / "data.npz", **{f"{key}_{split}": value for key, value in arrays.items()})
        return folder / "data.npz"

    return make


def _nan(folder: Path, split: str) -> Path:
    x = np.zeros((5, 8, 8, 1), np.float32)
    x[3, 2, 2, 0] = np.nan
    return _images(x=x)(folder, split)


def _other_split(folder: Path, split: str) -> Path:
    return _images(x=np.zeros((5, 8, 8, 1)))(folder, "other")


def _cut_data(folder: Path, split: str) -> Path:
    (folder / "data.npz").write_bytes(DATA.read_bytes()[:5000])
    return folder / "data.npz"


def _flipped_data(folder: Path, split: str) -> Path:
    content = bytearray(DATA.read_bytes())
    content[1000] ^= 0xFF
    content[-6000] ^= 0xFF
    (folder / "data.npz").write_bytes(content)
    return folder / "data.npz"


BAD_DATA: dict[str, tuple[Callable[[Path, str], Path], str]] = {
    "missing": (lambda folder, split: folder / "none.npz", "no such file"),
    "a folder": (lambda folder, split: folder, "only a folder"),
    "truncated": (_cut_data, "damaged"),
    "altered": (_flipped_data, "damaged"),
    "a model": (lambda folder, split: MODEL, "has no x_"),
    "objects": (_images(x=np.array([[None]] * 5)), "plain arrays"),
    "text values": (_images(x=np.full((5, 8, 8, 1), "a")), "not numbers"),
    "complex values": (_images(x=np.zeros((5, 8, 8, 1), complex)), "not numbers"),
    "another shape": (_images(x=np.zeros((5, 9, 8, 1))), "does not fit"),
    "three channels": (_images(x=np.zeros((5, 8, 8, 3))), "does not fit"),
    "channels first": (_images(x=np.zeros((5, 1, 8, 8))), "does not fit"),
    "one image": (_images(x=np.zeros((8, 8))), "does not fit"),
    "empty": (_images(x=np.zeros((0, 8, 8, 1))), "no image"),
    "NaN": (_nan, "image 3 holds NaN"),
    "another split": (_other_split, "has no x_"),
}
BAD_LABELS: dict[str, tuple[Callable[[Path, str], Path], str]] = {
    "too few labels": (_images(x=np.zeros((5, 8, 8, 1)), y=np.arange(4)), "5 integers"),
    "one-hot labels": (_images(x=np.zeros((5, 8, 8, 1)), y=np.eye(5)), "5 integers"),
}


@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_calibration(name: str, call: Call, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    make, reason = BAD_DATA[name]
    path = make(tmp_path, "train")
    message = _one_message(call("convert", MODEL, "--calibration", path, "-o", tmp_path / "out" / "net.h5", "--json"))
    assert reason in message
    assert str(path) in message
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("command", ["run", "check", "run closed-form"])
@pytest.mark.parametrize("name", [*BAD_DATA, *BAD_LABELS])
def test_bad_data(name: str, command: str, call: Call, network: Path, tmp_path: Path) -> None:
    make, reason = (BAD_DATA | BAD_LABELS)[name]
    path = make(tmp_path, "test")
    backend = ["--backend", command.split()[1]] if " " in command else []
    message = _one_message(call(command.split()[0], network, "--data", path, *backend, "--json"))
    assert reason in message
    assert str(path) in message


def test_values_outside_the_coding_are_warned_of_once(network: Path, tmp_path: Path) -> None:
    path = _images(x=np.full((40, 8, 8, 1), 1.5))(tmp_path, "test")
    outcome = _in_process_of_its_own("run", network, "--data", path, "--json")
    assert outcome.code == OK
    assert outcome.json["images"] == 40
    assert outcome.err == "WARNING: 2560 of 2560 input values lie outside [0, 1] and were clipped\n"


def test_check_warns_of_clipped_values_once(call: Call, bare: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = _images(x=np.full((40, 8, 8, 1), 1.5))(tmp_path, "test")
    assert call("check", bare, "--data", path, "--lava-limit", 1).code == OK
    assert [r.getMessage() for r in caplog.records] == ["2560 of 2560 input values lie outside [0, 1] and were clipped"]


OUTPUTS: dict[str, Callable[[Path, Path], list[object]]] = {
    "convert": lambda network, out: ["convert", MODEL, "--calibration", DATA, "-o", out],
    "run": lambda network, out: ["run", network, "--data", DATA, "--limit", 2, "--predictions", out],
    "map": lambda network, out: ["map", network, "-o", out],
    "page": lambda network, out: ["map", network, "-o", f"{out}.json", "--html", out],
    "check": lambda network, out: ["check", network, "--data", DATA, "--limit", 2, "--lava-limit", 1, "--picture", out],
}


@pytest.mark.parametrize("command", OUTPUTS)
@pytest.mark.parametrize("where", ["none/out", "file/out", "folder", "pipe", "n" * 400])
def test_outputs_that_cannot_be_written(where: str, command: str, call: Call, network: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    started = time.perf_counter()
    message = _one_message(call(*OUTPUTS[command](network, tmp_path / where), "--json"))
    assert time.perf_counter() - started < 2, "found out after the work"
    assert "cannot be written" in message
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder", "pipe"]
    assert not list((tmp_path / "folder").iterdir())
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("command", OUTPUTS)
@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_read_only_folder(number: int, command: str, call: Call, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tempfile.mkstemp", fails)
    assert os.strerror(number) in _one_message(call(*OUTPUTS[command](network, tmp_path / "out"), "--json"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", OUTPUTS)
def test_a_full_disk_leaves_the_old_file(command: str, call: Call, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").write_text("old")

    def fails(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", fails)
    assert "No space left" in _one_message(call(*OUTPUTS[command](network, tmp_path / "out"), "--json"))
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_text() == "old"


def test_inputs_are_not_replaced(call: Call, network: Path, tmp_path: Path) -> None:
    copy, model, data = tmp_path / "net.h5", tmp_path / "m.keras", tmp_path / "d.npz"
    for path, source in ((copy, network), (model, MODEL), (data, DATA)):
        path.write_bytes(source.read_bytes())
    for arguments in (
        ("convert", model, "--calibration", data, "-o", model),
        ("convert", model, "--calibration", data, "-o", data),
        ("run", copy, "--data", data, "--predictions", data),
        ("run", copy, "--data", data, "--predictions", copy),
        ("map", copy, "-o", copy),
        ("map", copy, "-o", tmp_path / "m.json", "--html", copy),
        ("map", copy, "--data", data, "-o", tmp_path / "m.json", "--html", data),
        ("check", copy, "--data", data, "--picture", copy),
    ):
        assert "also an input" in _one_message(call(*arguments))
    assert [p.read_bytes() for p in (copy, model, data)] == [p.read_bytes() for p in (network, MODEL, DATA)]


BAD_OPTIONS: dict[str, Callable[[Path, Path], list[object]]] = {
    "9 bits": lambda network, out: [*OUTPUTS["convert"](network, out), "--bits", 9],
    "bits of no file": lambda network, out: [*OUTPUTS["convert"](network, out), "--bits", "eight"],
    "bits of a file that is no JSON": lambda network, out: [*OUTPUTS["convert"](network, out), "--bits", DATA],
    "units per row": lambda network, out: [*OUTPUTS["convert"](network, out), "--per", "row"],
    "graded input on loihi1": lambda network, out: [*OUTPUTS["convert"](network, out), "--format", "loihi1", "--coding", "graded"],
    "a negative margin": lambda network, out: ["run", network, "--data", DATA, "--confident", -1],
    "a margin that is no number": lambda network, out: ["run", network, "--data", DATA, "--confident", "nan"],
    "an infinite margin": lambda network, out: ["run", network, "--data", DATA, "--confident", "inf"],
    "over time without time": lambda network, out: ["run", network, "--data", DATA, "--backend", "closed-form", "--over-time"],
    "1 bit": lambda network, out: [*OUTPUTS["convert"](network, out), "--bits", 1],
    "no timesteps": lambda network, out: [*OUTPUTS["convert"](network, out), "--timesteps", 0],
    "fractional timesteps": lambda network, out: [*OUTPUTS["convert"](network, out), "--timesteps", 1.5],
    "unknown format": lambda network, out: [*OUTPUTS["convert"](network, out), "--format", "tpu"],
    "unknown recipe": lambda network, out: [*OUTPUTS["convert"](network, out), "--recipe", "worst"],
    "unknown coding": lambda network, out: [*OUTPUTS["convert"](network, out), "--coding", "morse"],
    "no calibration images": lambda network, out: [*OUTPUTS["convert"](network, out), "--calibration-images", 0],
    "negative seed": lambda network, out: [*OUTPUTS["convert"](network, out), "--seed", -1],
    "input scale 0": lambda network, out: [*OUTPUTS["convert"](network, out), "--input-scale", 0],
    "input scale NaN": lambda network, out: [*OUTPUTS["convert"](network, out), "--input-scale", "nan"],
    "input scale infinite": lambda network, out: [*OUTPUTS["convert"](network, out), "--input-scale", "inf"],
    "another input shape": lambda network, out: [*OUTPUTS["convert"](network, out), "--input-shape", 9, 9, 1],
    "half an input shape": lambda network, out: ["inspect", MODEL, "--input-shape", 8],
    "unknown back end": lambda network, out: ["run", network, "--data", DATA, "--backend", "gpu"],
    "limit 0": lambda network, out: ["run", network, "--data", DATA, "--limit", 0],
    "limit -1": lambda network, out: ["check", network, "--data", DATA, "--limit", -1],
    "lava limit 0": lambda network, out: ["check", network, "--data", DATA, "--lava-limit", 0],
    "too many timesteps": lambda network, out: ["run", network, "--data", DATA, "--timesteps", 17],
    "no timesteps of a run": lambda network, out: ["run", network, "--data", DATA, "--timesteps", 0],
    "max loss NaN": lambda network, out: ["check", network, "--data", DATA, "--limit", 1, "--max-loss", "nan"],
    "unknown chip": lambda network, out: ["map", network, "-o", out, "--chip", "loihi9"],
    "chip of another format": lambda network, out: ["map", network, "-o", out, "--chip", "loihi1"],
    "chip file that is a network": lambda network, out: ["map", network, "-o", out, "--chip", network],
    "chip file that is a folder": lambda network, out: ["map", network, "-o", out, "--chip", out.parent],
    "page and mapping in one file": lambda network, out: ["map", network, "-o", out, "--html", out.parent / "." / out.name],
    "no data": lambda network, out: ["run", network],
    "no model": lambda network, out: ["inspect"],
    "no output": lambda network, out: ["map", network],
    "unknown option": lambda network, out: ["run", network, "--data", DATA, "--fast"],
    "unknown command": lambda network, out: ["fly"],
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_options(name: str, call: Call, network: Path, tmp_path: Path) -> None:
    _one_message(call(*BAD_OPTIONS[name](network, tmp_path / "out")))
    assert not list(tmp_path.iterdir())


def test_max_loss_needs_what_it_compares(call: Call, network: Path, bare: Path, unlabelled: Path) -> None:
    assert "y_test" in _one_message(call("check", network, "--data", unlabelled, "--max-loss", 1, "--json"))
    assert "CNN" in _one_message(call("check", bare, "--data", DATA, "--max-loss", 1, "--json"))


def test_a_float_back_end_needs_the_float_network(call: Call, bare: Path) -> None:
    assert "--backend fast" in _one_message(call("run", bare, "--data", DATA, "--backend", "float"))


def test_lava_that_is_not_installed_is_one_message(call: Call, network: Path, without_lava: None) -> None:
    message = _one_message(call("run", network, "--data", DATA, "--limit", 2, "--backend", "lava", "--json"))
    assert "lava-nc" in message


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_progress_goes_to_the_terminal_and_results_to_stdout(network: Path) -> None:
    ours, theirs = os.openpty()
    arguments = [PROGRAM, "run", network, "--data", DATA, "--backend", "golden", "--limit", "300", "--json"]
    with subprocess.Popen([str(a) for a in arguments], stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how a pseudo-terminal ends
            while part := os.read(ours, 4096):
                shown += part
        assert process.stdout is not None
        outcome = Outcome(process.wait(), process.stdout.read(), "")
    os.close(ours)
    assert outcome.json["images"] == 300
    assert b"golden" in shown
    assert b"{" not in shown


@pytest.mark.parametrize(
    "command", [[], ["--help"], *([c, "--help"] for c in ("demo", "inspect", "convert", "run", "check", "map", "deploy", "export"))]
)
def test_help(command: list[str], call: Call) -> None:
    outcome = call(*command)
    assert outcome.code == (OK if command else BAD_INPUT)
    assert "Usage" in outcome.out + outcome.err


# --- the process around it -------------------------------------------------------------------------------------------------------------


def test_the_installed_program(network: Path, tmp_path: Path) -> None:
    good = _in_process_of_its_own("run", network, "--data", DATA, "--limit", 3, "--json")
    assert (good.code, good.err) == (OK, "")
    assert good.json["images"] == 3
    bad = _in_process_of_its_own("run", tmp_path / "none.h5", "--data", DATA, "--json")
    assert _one_message(bad) == f"ecc-lava: {tmp_path / 'none.h5'}: cannot be read: there is no such file\n"


def test_memory_that_does_not_suffice_is_one_message(call: Call, network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*arguments: object, **options: object) -> None:
        raise MemoryError("Unable to allocate 7 PiB")

    monkeypatch.setattr("ecc_lava.cli.run.simulate", exhausted)
    assert "--limit" in _one_message(call("run", network, "--data", DATA))


def test_standard_output_that_is_full_is_one_message(network: Path) -> None:
    if not Path("/dev/full").is_char_device():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [PROGRAM, "run", str(network), "--data", str(DATA), "--limit", "2", "--json"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == BAD_INPUT
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@pytest.fixture
def slow_run(network: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that has started and would take minutes."""
    images = np.random.default_rng(0).random((40_000, 8, 8, 1)).astype(np.float32)
    np.savez(tmp_path / "many.npz", x_test=images)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "p.npz").write_bytes(b"old")
    arguments = [
        "run",
        network,
        "--data",
        tmp_path / "many.npz",
        "--backend",
        "golden",
        "--predictions",
        tmp_path / "out" / "p.npz",
        "--json",
    ]
    program = (
        "import ecc_lava.backends.stepwise as stepwise, sys\nfrom ecc_lava.cli import main\ngolden = stepwise.golden\n"
        "def told(*a):\n    sys.stderr.write('started\\n'); sys.stderr.flush(); return golden(*a)\n"
        "stepwise.golden = told\nmain()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, *(str(a) for a in arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def test_ctrl_c_during_a_run(slow_run: subprocess.Popen[str], tmp_path: Path) -> None:
    assert slow_run.stderr is not None
    assert slow_run.stderr.readline() == "started\n"
    slow_run.send_signal(signal.SIGINT)
    out, err = slow_run.communicate(timeout=30)
    assert slow_run.returncode == INTERRUPTED
    assert out == ""
    assert err.replace("started\n", "") == "ecc-lava: interrupted\n"
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["p.npz"]
    assert (tmp_path / "out" / "p.npz").read_bytes() == b"old"


def test_ctrl_c_while_a_file_is_written(call: Call, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    outcome = call("map", network, "-o", tmp_path / "mapping.json", "--json")
    assert _one_message(outcome, INTERRUPTED) == "ecc-lava: interrupted\n"
    assert not list(tmp_path.iterdir())
