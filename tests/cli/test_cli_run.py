"""`ecc-lava run`: what it prints and writes, on every back end, and that the other commands say the same."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import ecc_lava
from ecc_lava.cli.show.output import show_table
from tests.helpers.program import DATA, OK, Call

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
