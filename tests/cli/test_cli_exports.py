"""`ecc-lava export --to netx` and `--to sanafe`: what they write and print, and one message for bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import ecc_lava
from tests.helpers.networks import random_images
from tests.helpers.netx import netx_chain
from tests.helpers.partitions import random_mapping
from tests.helpers.program import Call


@pytest.fixture
def network(tmp_path: Path) -> Path:
    ecc_lava.save(tmp_path / "net.h5", netx_chain(0))
    return tmp_path / "net.h5"


def test_netx_says_what_its_neuron_costs(call: Call, network: Path, tmp_path: Path) -> None:
    x = next(iter(random_images(netx_chain(0), 5).values()))
    np.savez(tmp_path / "images.npz", x_test=x, y_test=np.arange(5) % 5)
    out = call("export", network, "--to", "netx", "-o", tmp_path / "net.net", "--data", tmp_path / "images.npz", "--json")
    assert out.code == 0, out.err
    facts = json.loads(out.out)
    assert (facts["images"], facts["layers"]) == (5, 4)
    assert {"agreement", "accuracy", "accuracy_of_netx", "largest_rounding_of_a_bias"} <= set(facts)
    told = call("export", network, "--to", "netx", "-o", tmp_path / "net.net")
    assert "reset to zero" in told.out
    assert "reset_interval=6, reset_offset=1" in told.out


def test_a_mapping_goes_to_sana_fe(call: Call, network: Path, tmp_path: Path) -> None:
    random_mapping(np.random.default_rng(0), netx_chain(0), 3).save(tmp_path / "map.json")
    out = call("export", network, "--to", "sanafe", "--mapping", tmp_path / "map.json", "-o", tmp_path / "out", "--json")
    assert out.code == 0, out.err
    facts = json.loads(out.out)
    assert (facts["format"], facts["random_images"], facts["timesteps"]) == ("sanafe", True, 6)
    files = {"README.txt", "architecture.yaml", "expected_spikes.csv", "network.yaml", "sanafe.json"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == files
    told = call("export", network, "--to", "sanafe", "--mapping", tmp_path / "map.json", "-o", tmp_path / "again")
    assert "a random image" in told.out
    assert "publishes no energies and times of events, so that SANA-FE's are 0" in told.out


def test_bad_input_is_one_message(call: Call, network: Path, tmp_path: Path) -> None:
    for to, arguments, message in (
        ("netx", ("--timesteps", 3), "--to netx takes no --timesteps"),
        ("netx", ("--mapping", network), "--to netx takes no --mapping"),
        ("sanafe", (), "--to sanafe needs a mapping"),
        ("sanafe", ("--mapping", network, "--limit", 2), "the input of one image; export one at a time"),
        ("sanafe", ("--mapping", network), "cannot be read as JSON"),
    ):
        outcome = call("export", network, "--to", to, "-o", tmp_path / "no", *arguments)
        assert (outcome.code, message in outcome.err, len(outcome.err.splitlines())) == (2, True, 1), outcome.err
    assert not (tmp_path / "no").exists()
