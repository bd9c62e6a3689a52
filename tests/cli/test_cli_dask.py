"""`--dask`: bad addresses are one message; with workers, commands print what they print without."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecc_lava.demo.data import MODEL
from tests.helpers.clusters import needs_dask
from tests.helpers.program import BAD_INPUT, DATA, OK, Call, one_message


@pytest.mark.parametrize("address", ["local:0", "nowhere", ""])
def test_what_is_no_address_is_one_message(address: str, call: Call, network: Path) -> None:
    outcome = call("run", network, "--data", DATA, "--limit", 2, "--dask", address)
    assert "give tcp://HOST:PORT" in one_message(outcome) or "local:N takes" in outcome.err
    assert outcome.code == BAD_INPUT


@needs_dask
@pytest.mark.slow
def test_commands_print_the_same_with_workers(call: Call, network: Path, tmp_path: Path) -> None:
    for words in (["run", network, "--data", DATA], ["check", network, "--data", DATA, "--limit", 40]):
        alone, shared = (call(*words, "--json", *more) for more in ([], ["--dask", "local:2"]))
        assert (alone.code, shared.code) == (OK, OK)
        assert "dashboard http://" in shared.err
        one, other = (
            {key: value for key, value in outcome.json.items() if key not in ("seconds", "cluster")} for outcome in (alone, shared)
        )
        assert one == other
    assert shared.err.count("\n") == 1


@needs_dask
@pytest.mark.slow
def test_draws_write_the_same_network_with_workers(call: Call, tmp_path: Path) -> None:
    found = []
    for more in ([], ["--dask", "local:2"]):
        words = ["convert", MODEL, "--calibration", DATA, "-o", tmp_path / "net.h5", "--calibration-images", 40, "--timesteps", 4]
        outcome = call(*words, "--draws", 3, "--json", *more)
        assert outcome.code == OK, outcome.err
        found.append({key: value for key, value in outcome.json.items() if key != "seconds"})
    assert found[0] == found[1]


@needs_dask
@pytest.mark.slow
def test_a_study_has_the_same_trials_with_workers(call: Call, tmp_path: Path) -> None:
    rows = []
    for name, more in (("one", []), ("two", ["--dask", "local:2"])):
        words = ["study", MODEL, "--calibration", DATA, "--data", DATA, "--bits", 4, 8, "--timesteps", 4, 8, "--chip", "loihi2"]
        outcome = call(*words, "--out", tmp_path / name, "--json", *more)
        assert outcome.code == OK, outcome.err
        rows.append([{key: value for key, value in row.items() if "seconds" not in key} for row in outcome.json["trials"]])
    assert rows[0] == rows[1]
