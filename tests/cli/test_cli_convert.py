"""`ecc-lava convert`: what it prints and writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import ecc_lava
from ecc_lava.cli.commands.convert import command as convert
from ecc_lava.demo.data import MODEL
from ecc_lava.formats import FORMATS
from ecc_lava.storage import read_calibration
from tests.helpers.program import DATA, OK, Call, Made, one_message


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


def test_a_format_of_few_bits_needs_no_width(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The command line's choice of formats is read at import, so the command is called as a function."""
    monkeypatch.setitem(FORMATS, "narrow", replace(FORMATS["loihi2"], name="narrow", weight_bits=6))
    convert(MODEL, DATA, tmp_path / "net.h5", timesteps=2, format="narrow", recipe="ecc", images=8, json=True)
    facts = json.loads(capsys.readouterr().out)
    assert (facts["format"], facts["bits"]) == ("narrow", 6)


def test_of_several_draws_the_best_is_written_and_every_figure_told(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    words = ["convert", MODEL, "--calibration", DATA, "-o", path, "--recipe", "ecc", "--calibration-images", 40, "--timesteps", 4]
    outcome = call(*words, "--seed", 3, "--draws", 3)
    assert outcome.code == OK, outcome.err
    assert "3 draws of 40 images, judged on 1" in outcome.out
    assert "95 % interval over draws" in outcome.out
    network, about = ecc_lava.load(path)[0], read_calibration(path)
    assert f"{about['seed']} (kept)" in outcome.out
    alone = call(*words, "--seed", about["seed"], "--json").json
    assert (alone["network_digest"], read_calibration(path)) == (network.digest, about)
    assert "draws" not in alone


def test_what_draws_cannot_do_is_one_message(call: Call, tmp_path: Path) -> None:
    words = ["convert", MODEL, "--calibration", DATA, "-o", tmp_path / "net.h5"]
    assert "give --draws N" in one_message(call(*words, "--dask", "local:2"))
    assert "2 draws of 256 calibration images leave 0 of 256 images to judge them by" in one_message(call(*words, "--draws", 2))
