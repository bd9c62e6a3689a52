"""`ecc-lava export --to nir` and `ecc-lava import`: what they write and print, and one message for bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import ecc_lava
from tests.helpers.networks import random_network
from tests.helpers.program import Call

nir = pytest.importorskip("nir")


@pytest.fixture
def network(tmp_path: Path) -> Path:
    ecc_lava.save(tmp_path / "net.h5", random_network(4, layers=2))
    return tmp_path / "net.h5"


def test_a_network_goes_out_and_comes_in(call: Call, network: Path, tmp_path: Path) -> None:
    out = call("export", network, "--to", "nir", "-o", tmp_path / "net.nir", "--json")
    assert (out.code, json.loads(out.out)["timesteps"]) == (0, 6)
    back = call("import", tmp_path / "net.nir", "-o", tmp_path / "back.h5", "--json")
    assert back.code == 0, back.err
    x = np.random.default_rng(0).integers(0, 256, (4, *ecc_lava.load(network)[0].input.shape)).astype(np.uint8)
    first, (second, snn, _) = ecc_lava.load(network)[0], ecc_lava.load(tmp_path / "back.h5")
    assert snn is not None
    np.testing.assert_array_equal(ecc_lava.simulate(first, x).logits, ecc_lava.simulate(snn, x, backend="float").logits)
    assert ecc_lava.simulate(second, x).logits.shape == (4, 5)


def test_a_file_of_another_tool_needs_what_it_leaves_open(call: Call, tmp_path: Path) -> None:
    graph = nir.NIRGraph.from_list(nir.Affine(np.eye(3), np.zeros(3)), nir.IF(np.ones(3), np.full(3, 1.5)))
    nir.write(tmp_path / "their.nir", graph)
    told: list[object] = ["import", tmp_path / "their.nir", "-o", tmp_path / "out.h5"]
    for option, message in (("--timesteps", "--reset subtract"), ("--reset", "--timesteps")):
        value = 4 if option == "--timesteps" else "subtract"
        outcome = call(*told, option, value)
        assert (outcome.code, len(outcome.err.splitlines())) == (2, 1)
        assert message in outcome.err
    assert call(*told, "--timesteps", 4, "--reset", "subtract", "--coding", "graded").code == 0
    network, snn, _ = ecc_lava.load(tmp_path / "out.h5")
    assert (network.timesteps, network.codings[0].kind) == (4, "graded")
    assert snn is not None


def test_bad_input_is_one_message(call: Call, network: Path, tmp_path: Path) -> None:
    (tmp_path / "no.nir").write_bytes(b"nothing")
    cases = {
        "takes no --mapping": ("export", network, "--to", "nir", "--mapping", network, "-o", tmp_path / "out.nir"),
        "needs a mapping": ("export", network, "--to", "vectors", "-o", tmp_path / "out"),
        "takes neither --data": ("export", network, "--to", "nir", "--timesteps", 3, "-o", tmp_path / "out.nir"),
        "is also an input": ("export", network, "--to", "nir", "-o", network),
        "not a NIR file": ("import", tmp_path / "no.nir", "-o", tmp_path / "out.h5"),
        "there is no such file": ("import", tmp_path / "none.nir", "-o", tmp_path / "out.h5"),
    }
    for message, arguments in cases.items():
        outcome = call(*arguments)
        assert (outcome.code, outcome.out) == (2, ""), arguments
        assert message in outcome.err
        assert len(outcome.err.splitlines()) == 1
    assert not list(tmp_path.glob("out*"))
