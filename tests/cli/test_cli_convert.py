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
from tests.helpers.program import DATA, Made


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
