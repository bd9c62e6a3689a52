"""`ecc-lava deploy` and `ecc-lava export`: what they print and write, exit codes, one message for bad input."""

from __future__ import annotations

import json
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

import ecc_lava
import hw_mappings
from ecc_lava.analysis.differences import Differences
from ecc_lava.demo.data import MODEL, calibration_images
from ecc_lava.errors import LavaError
from ecc_lava.inputs.dataset import load_dataset
from hw_mappings import Deployment, Mapping, map_network
from tests.helpers.chips import chip_with
from tests.helpers.lava import needs_lava
from tests.helpers.processes import HOST, command_of
from tests.helpers.program import BAD_INPUT, DATA, FAILED, INTERRUPTED, OK, PROGRAM, Call

SMALL = chip_with(compartments=112, delay_max=1)
"""Cores so small that the demo's network takes over 18 of them."""


class Files(NamedTuple):
    network: Path
    mapping: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The demo's network, and a mapping of it."""
    folder = tmp_path_factory.mktemp("deploy")
    graph = ecc_lava.from_keras(ecc_lava.load_model(MODEL))
    network = ecc_lava.quantise(ecc_lava.convert(graph, calibration=calibration_images().x, timesteps=8, recipe="channel"))
    ecc_lava.save(folder / "net.h5", network)
    map_network(network, SMALL, placer="row-major").save(folder / "m.json")
    return Files(folder / "net.h5", folder / "m.json")


@needs_lava
def test_the_demo_in_twenty_processes(call: Call, files: Files) -> None:
    outcome = call("deploy", *files, "--data", DATA, "--runtime", "lava", "--json")
    assert outcome.code == OK, outcome.err
    facts = outcome.json
    assert facts["lava_vs_fast"] == {"images": 4, "differing_spikes": 0, "differing_potentials": 0}
    assert (facts["runtime"], facts["chip"], facts["timesteps"], facts["ok"]) == ("lava", "tiny", 8, True)
    assert facts["processes"] == facts["cores"] + 2 >= 20
    assert (facts["sample"], facts["differing_counters"], facts["random_images"]) == (None, 0, False)
    assert len(facts["counters"]) == facts["cores"]
    assert all(counted["updates"] > 0 for counted in facts["counters"])
    assert facts["steps_per_second"] == pytest.approx(facts["steps"] / facts["seconds"], rel=0.05)
    assert "deployment (lava), 0 of " in outcome.err


@needs_lava
@pytest.mark.slow
def test_one_process_is_named_as_what_it_is(call: Call, files: Files) -> None:
    code, out, _ = call("deploy", *files, "--limit", 1, "--max-processes", 3, "--sample", 3, "--seed", 4)
    assert code == OK
    assert "runtime: one-process (Lava's process models in one process, not Lava's own runtime), 1 process(es)" in out
    assert "alone in Lava's own runtime: 0 spikes and 0 potentials differ on 1 image(s)" in out
    assert "random images, as no --data was given" in out
    facts = call("deploy", *files, "--limit", 1, "--runtime", "one-process", "--sample", 3, "--seed", 4, "--json").json
    assert (facts["runtime"], facts["processes"], len(facts["sample"]["cores"]), facts["random_images"]) == ("one-process", 1, 3, True)


@pytest.mark.parametrize(
    "wrong", [{"lava_vs_fast": Differences(1, 2, 0)}, {"sample_vs_fast": Differences(1, 0, 1)}, {"differing_counters": 1}]
)
def test_a_difference_is_told_and_exits_with_one(call: Call, files: Files, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]) -> None:
    same = Differences(1, 0, 0)
    mapping = Mapping.load(files.mapping)
    counters = (hw_mappings.CoreCounters(1, 2, 3, 4),) * len(mapping.cores)
    result = ecc_lava.simulate(ecc_lava.load(files.network)[0], load_dataset(DATA, "test", 1).x)
    done = Deployment("one-process", 1, 12, 1.0, result, same, counters, counters, (0,), same, 0)
    monkeypatch.setattr(hw_mappings, "deploy", lambda *arguments, **options: replace(done, **wrong))
    code, out, _ = call("deploy", *files)
    assert (code, "FAILED: see above" in out) == (FAILED, True)
    assert "12 of" in out and "cores, busiest first" in out
    assert max(map(len, out.partition("12 of")[0].splitlines())) <= 80
    outcome = call("deploy", *files, "--json")
    assert (outcome.code, outcome.json["ok"]) == (FAILED, False)


def test_errors_are_one_message(call: Call, files: Files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    edited = json.loads(files.mapping.read_text())
    edited["cores"][0]["shards"] = edited["cores"][1]["shards"]
    (tmp_path / "edited.json").write_text(json.dumps(edited))
    other = ecc_lava.load(files.network)[0]
    other = replace(other, timesteps=9)
    ecc_lava.save(tmp_path / "other.h5", other)
    bad = {
        "digest": ("deploy", files.network, tmp_path / "edited.json"),
        "this mapping is of the network": ("deploy", tmp_path / "other.h5", files.mapping),
        "is of the network": ("export", tmp_path / "other.h5", "--to", "vectors", "--mapping", files.mapping, "-o", tmp_path / "out"),
        "cannot be read": ("deploy", files.network, tmp_path / "none.json"),
        "holds other files": ("export", files.network, "--to", "vectors", "--mapping", files.mapping, "-o", tmp_path),
        "'--max-processes': Input should be greater than or equal to 3": ("deploy", *files, "--max-processes", 2),
        "Invalid value for '--to'": ("export", files.network, "--to", "rtl", "--mapping", files.mapping, "-o", tmp_path / "out"),
    }
    for message, arguments in bad.items():
        code, out, err = call(*arguments)
        assert (code, out) == (BAD_INPUT, ""), arguments
        assert message in err and "Traceback" not in err

    def lost(*arguments: object, **options: object) -> None:
        raise LavaError("core 3 was killed")

    monkeypatch.setattr(hw_mappings, "deploy", lost)
    assert call("deploy", *files, "--json") == (BAD_INPUT, "", "ecc-lava: core 3 was killed\n")
    assert not (tmp_path / "out").exists()


def test_vectors_are_exported(call: Call, files: Files, tmp_path: Path) -> None:
    arguments = ("export", files.network, "--to", "vectors", "--mapping", files.mapping, "--data", DATA, "-o", tmp_path / "out")
    code, out, _ = call(*arguments, "--timesteps", 3)
    assert code == OK
    assert f"written: {tmp_path / 'out'}, vectors of {len(Mapping.load(files.mapping).cores)} cores, 1 image(s), T=3" in out
    facts = call(*arguments[:-1], tmp_path / "again", "--timesteps", 3, "--json").json
    assert facts["cores"] == json.loads((tmp_path / "out" / "vectors.json").read_text())["cores"]
    assert (facts["format"], facts["images"], facts["random_images"]) == ("vectors", 1, False)


@needs_lava
@pytest.mark.slow
def test_ctrl_c_during_a_deployment(files: Files) -> None:
    arguments = [PROGRAM, "deploy", *map(str, files), "--data", str(DATA), "--limit", "90", "--json"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "deployment" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
        caller = process.pid
    assert (process.returncode, out, err) == (INTERRUPTED, "", "ecc-lava: interrupted\n")
    hosted = map(command_of, psutil.process_iter())
    assert not [words for words in hosted if HOST in " ".join(words) and words[-1] == str(caller)]
