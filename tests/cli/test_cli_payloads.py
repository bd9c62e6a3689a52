"""What the commands print of a network whose spikes have payloads."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import ecc_lava
from ecc_lava.demo.data import MODEL
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.quantisation import PopulationRange, one_step_bound
from tests.helpers.lava import needs_lava
from tests.helpers.networks import random_network, with_payloads
from tests.helpers.program import DATA, OK, Call, one_message

KEYS = ("graded_synops_per_image", "payload_bits_per_image")


class Files(NamedTuple):
    network: Path
    data: Path
    binary: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("payloads")
    found = Files(*(folder / name for name in ("graded.h5", "data.npz", "binary.h5")))
    ecc_lava.save(found.network, _network())
    ecc_lava.save(found.binary, random_network(3))
    np.savez(found.data, x_test=np.random.default_rng(0).integers(0, 256, (3, *_network().input.shape), np.uint8))
    return found


def _network() -> QuantisedNetwork:
    return with_payloads(random_network(3), 3, 4, True)


def _figures(data: Path, timesteps: int | None = None) -> dict[str, Any]:
    with np.load(data) as archive:
        result = ecc_lava.simulate(_network(), archive["x_test"], timesteps=timesteps)
    return dict(zip(KEYS, (result.graded_synops.mean(), result.payload_bits.mean()), strict=True))


def test_run(call: Call, files: Files) -> None:
    expected = _figures(files.data)
    facts = call("run", files.network, "--data", files.data, "--json").json
    assert {key: facts[key] for key in KEYS} == expected and min(expected.values()) > 0
    assert facts["synops_per_image"] == 0 and facts["input_macs_per_image"] > 0
    shown, binary = (call("run", path, "--data", files.data).out for path in (files.network, files.binary))
    assert "graded synops per image" in shown and "payload bits per image" in shown
    assert "graded" not in binary and "payload" not in binary


def test_check(call: Call, files: Files, without_lava: None) -> None:
    facts = call("check", files.network, "--data", files.data, "--json").json
    assert facts["ok"] and {key: facts[key] for key in KEYS} == _figures(files.data)
    shown, binary = (call("check", path, "--data", files.data).out for path in (files.network, files.binary))
    assert "graded synops per image" in shown and "graded" not in binary
    assert "every step was checked" not in binary


def test_check_says_where_weights_alone_prove_no_range(
    call: Call, files: Files, without_lava: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unproven(network: QuantisedNetwork) -> tuple[PopulationRange, ...]:
        first, *others = one_step_bound(network)
        return (replace(first, one_step_fits=False), *(replace(other, one_step_fits=True) for other in others))

    monkeypatch.setattr(sys.modules["ecc_lava.analysis.check"], "one_step_bound", unproven)
    assert f"do not bound 1 of {len(_network().populations) - 1}" in call("check", files.network, "--data", files.data).out


@needs_lava
def test_map_and_deploy(call: Call, files: Files, tmp_path: Path) -> None:
    mapping = tmp_path / "m.json"
    facts = call("map", files.network, "--data", files.data, "-o", mapping, "--html", tmp_path / "page.html", "--json").json
    assert facts["cost"]["events"]["graded_synops"] == pytest.approx(_figures(files.data)[KEYS[0]], rel=0.5)
    assert facts["cost"]["events"]["payload_bits"] == pytest.approx(5 * facts["cost"]["events"]["messages"])
    assert "graded synops" in (tmp_path / "page.html").read_text()
    assert "has no figures for graded synops" in call("map", files.network, "--data", files.data, "-o", mapping).out
    outcome = call("deploy", files.network, mapping, "--data", files.data, "--runtime", "one-process", "--sample", 0)
    assert outcome.code == OK and "graded synops" in outcome.out and "everything is equal" in outcome.out
    facts = call("deploy", files.network, mapping, "--data", files.data, "--runtime", "one-process", "--sample", 0, "--json").json
    assert facts["ok"] and {key: facts[key] for key in KEYS} == _figures(files.data)


def test_convert(call: Call, tmp_path: Path) -> None:
    common = ["convert", MODEL, "--calibration", DATA, "-o", tmp_path / "net.h5", "--recipe", "channel"]
    facts = call(*common, "--payload-bits", 4, "--signed-spikes", "--json").json
    assert (facts["payload_bits"], facts["signed_spikes"], facts["timesteps"]) == (4, True, 1)
    assert ecc_lava.load(tmp_path / "net.h5")[0].digest == facts["network_digest"]
    assert "signed payloads of 4 bits, T=1" in call(*common, "--payload-bits", 4, "--signed-spikes").out
    binary = call(*common).out
    assert "binary spikes, T=32" in binary and "--payload-bits 8" in binary
    assert "--payload-bits" not in call(*common, "--format", "loihi1").out
    assert "spikes of loihi1 carry one bit without sign" in one_message(call(*common, "--format", "loihi1", "--payload-bits", 2))
    assert "less than or equal to 8" in one_message(call(*common, "--payload-bits", 9))


def test_study(call: Call, tmp_path: Path) -> None:
    options = ["--payload-bits", 1, 4, "--bits", 8, "--timesteps", 1, "--recipe", "channel", "--limit", 40, "--out", tmp_path / "study"]
    facts = call("study", MODEL, "--calibration", DATA, "--data", DATA, *options, "--format", "loihi1", "loihi2", "--json").json
    rows = {(row["format"], row["payload_bits"]): row for row in facts["trials"]}
    assert set(rows) == {("loihi1", 1), ("loihi2", 1), ("loihi2", 4)}
    assert facts["left_out"] == ["loihi1 with payloads of 4 bits: its spikes carry 1"]
    graded, binary = rows["loihi2", 4], rows["loihi2", 1]
    assert graded["agreement"] > binary["agreement"]
    assert graded["graded_synops_per_image"] > 0 == binary["graded_synops_per_image"]
    assert (tmp_path / "study").is_dir()
