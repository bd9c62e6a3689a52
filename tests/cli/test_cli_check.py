"""`ecc-lava check`: what it prints, where accuracy goes, and what makes it fail."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

import ecc_lava
from ecc_lava.analysis.differences import Differences
from ecc_lava.errors import LavaError, RangeError
from tests.helpers.program import DATA, FAILED, LAVA, OK, Call, one_message


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
