"""`ecc-lava demo`: what it makes and prints, and the folders that it refuses."""

from __future__ import annotations

import importlib.util
import json
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import ecc_lava
from ecc_lava.analysis.differences import Differences
from tests.helpers.program import LAVA, OK, Call, Outcome, in_this_process, one_message


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    folder = tmp_path_factory.mktemp("demo") / "new" / "out"
    return folder, in_this_process("demo", "-o", folder, "--json")


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
    mixed = shutil.copytree(demo[0], tmp_path / "mixed")
    (mixed / "notes.txt").write_text("mine")
    assert "notes.txt" in one_message(call("demo", "--out", mixed))


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
