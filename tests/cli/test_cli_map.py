"""`ecc-lava map`: what it prints and writes, a network that does not fit, and the sweep."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import ecc_lava
from ecc_lava.geometry import Dense
from tests.helpers.networks import chain, same_conv
from tests.helpers.program import BAD_INPUT, DATA, OK, Call, one_message


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
    assert ("routers copy spikes, rows first (assumed; its source: --json)" in text.out) == (facts["cores"] > 1)
    assert ("a message for each core" in text.out) == (facts["cores"] > 1)


def test_map_with_activity(call: Call, network: Path, tmp_path: Path) -> None:
    path = tmp_path / "mapping.json"
    options = ("--data", DATA, "--limit", 2, "--placer", "hilbert", "--synapse-model", "ideal", "--seed", 3)
    facts = call("map", network, "-o", path, "--json", *options).json
    assert (facts["placer"], facts["synapse_model"], facts["seed"], facts["messages_per"]) == ("hilbert", "ideal", 3, "image")
    assert facts["models"]["ideal"] == {"cores": facts["cores"], "lower_bound_cores": facts["lower_bound_cores"]}
    assert list(facts["models"]["strict"]) == ["lower_bound_cores"]
    assert facts["cost"]["total_uj"] is None and facts["cost"]["events"]["synops"] > 0
    assert json.loads(path.read_text())["synapse_model"] == "ideal"
    page = tmp_path / "page.html"
    text = call("map", network, "-o", path, "--html", page, *options)
    assert text.code == OK
    assert "with synaptic memory counted as strict: at least " in text.out
    assert "energy and time: n/a" in text.out and "busiest core: core" in text.out
    html = page.read_text()
    assert f"<title>{network.name} on loihi2</title>" in html and facts["data_digest"] in html and "hilbert" in html


def test_a_budget_of_cores(call: Call, network: Path, tmp_path: Path) -> None:
    chip = _chip(tmp_path, compartments=64)
    cores = call("map", network, "--chip", chip, "-o", tmp_path / "mapping.json", "--json").json["cores"]
    assert call("map", network, "--chip", chip, "-o", tmp_path / "mapping.json", "--max-cores", cores).code == OK
    outcome = call("map", network, "--chip", chip, "-o", tmp_path / "none.json", "--max-cores", 1)
    assert outcome.code == BAD_INPUT
    assert "max_cores is 1" in outcome.err and "the largest populations take" in outcome.err
    assert not (tmp_path / "none.json").exists()
    assert call("map", network, "-o", tmp_path / "none.json", "--max-cores", 0).code == BAD_INPUT


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


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A network of a few neurons, without the float network it came from."""
    path = tmp_path / "few.h5"
    ecc_lava.save(path, chain((6, 6, 2), same_conv(2, 6), same_conv(6, 6), Dense(np.zeros((216, 5), np.int8))))
    return path


def test_a_sweep(call: Call, small: Path, tmp_path: Path) -> None:
    """Tables, one JSON object, and a picture; the chip file's limits grow, and nothing is mapped."""
    chip, picture = _chip(tmp_path, compartments=256, memory_bits=20_000), tmp_path / "sweep.png"
    facts = call("map", small, "--sweep", "--chip", chip, "--bits", 4, "-o", picture, "--json").json
    rows = facts["rows"]
    assert {row["chip"] for row in rows} == {"small", "loihi1", "loihi2"} and {row["synapse_model"] for row in rows} == {"strict", "ideal"}
    assert {4, 8} == {max(row["bits"]) for row in rows} and any(row["signed"] for row in rows)
    assert facts["sensitivity"]["chip"] == "small" and facts["sensitivity"]["growth_percent"] == [0, 25, 50, 100, None]
    assert facts["is_from_integers"] is True and picture.read_bytes().startswith(b"\x89PNG")
    own = next(row for row in rows if row["is_own"] and row["chip"] == "small" and row["synapse_model"] == "strict")
    mapped = call("map", small, "--chip", chip, "-o", tmp_path / "mapping.json", "--placer", "row-major", "--json").json
    assert (own["cores"], own["chips"], own["lower_bound_cores"]) == (mapped["cores"], mapped["chips"], mapped["lower_bound_cores"])
    text = call("map", small, "--sweep", "--bits", 4)
    assert text.code == OK and text.err == ""
    assert "what few.h5 needs" in text.out and "loihi2 *" in text.out and "smallest board" in text.out
    assert "quantised anew from the integers of this network" in text.out and "as one limit of a core grows" in text.out


def test_a_sweep_of_rows_that_do_not_fit(call: Call, small: Path, tmp_path: Path) -> None:
    outcome = call("map", small, "--sweep", "--chip", _chip(tmp_path, synapse_bits=64), "--bits", 4)
    assert outcome.code == OK
    assert "does not fit" in outcome.out and "the limit is 64" in outcome.out
    assert "small, strict, 8 bits, 1 bit and sign: population 'p0' does not fit on small: one neuron" in outcome.out
    assert "2 more populations; all in --json" in outcome.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--sweep", "--max-cores", 3, "--html", "page.html"), "does not go with --max-cores, --html;"),
        (("--sweep", "--data", DATA), "does not go with --data;"),
        (("--sweep", "--seed", 1, "--placer", "hilbert", "--limit", 2), "does not go with --limit, --placer, --seed;"),
        (("--sweep", "-o", "mapping.json"), "the picture of a sweep ends in .png, .svg, .pdf, not in '.json'"),
        (("--sweep", "--bits", 9), "9 bits a weight; a sweep takes whole numbers from 2 to 8"),
        (("--sweep", "--bits", "wide"), "--bits wide: a whole number is needed"),
        (("--sweep", "--chip", "none"), "chip 'none' is neither built in"),
        ((), "-o MAPPING.json is needed"),
        (("-o", "mapping.json", "--bits", 4), "--bits goes with --sweep alone"),
    ],
)
def test_options_that_do_not_go_together(call: Call, network: Path, tmp_path: Path, options: tuple[object, ...], words: str) -> None:
    placed = [tmp_path / str(option) if str(option).endswith((".json", ".html")) else option for option in options]
    assert words in one_message(call("map", network, *placed))
    assert not list(tmp_path.iterdir())
