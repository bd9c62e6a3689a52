"""Files that are read part by part: commands print what they print of files that they read at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ecc_lava.cli import files
from ecc_lava.demo.data import MODEL
from ecc_lava.inputs import digest
from ecc_lava.storage import read_calibration
from tests.helpers.program import DATA, OK, Call

pytestmark = pytest.mark.slow

CONVERT = ["convert", MODEL, "--recipe", "ecc", "--calibration-images", 40, "--timesteps", 4]


def _facts(call: Call, *words: object) -> dict[str, Any]:
    outcome = call(*words, "--json")
    assert outcome.code == OK, outcome.err
    return {key: value for key, value in outcome.json.items() if key != "seconds"}


@pytest.mark.usefixtures("without_lava")
def test_check(call: Call, network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["check", network, "--data", DATA, "--limit", 70, "--lava-limit", 1, "--attribute"]
    whole = _facts(call, *words)
    monkeypatch.setattr(files, "LARGE_BYTES", 1)
    assert _facts(call, *words) == whole


def test_convert_reads_what_it_draws_and_says_so(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with np.load(DATA) as stored, h5py.File(tmp_path / "x.h5", "w") as file:
        images = stored["x_train"]
        file["x_train"] = images
    path = tmp_path / "net.h5"
    whole = _facts(call, *CONVERT, "--calibration", DATA, "-o", path)
    monkeypatch.setattr(files, "LARGE_BYTES", 1)
    found = _facts(call, *CONVERT, "--calibration", tmp_path / "x.h5", "-o", path)
    about = read_calibration(path)
    assert found.pop("calibration_digest") == about["digest"] == digest(images[about["indices"]])
    assert found.pop("calibration_digest_of") == about["digest_of"] == "drawn"
    assert found == {key: value for key, value in whole.items() if key != "calibration_digest"}


def test_study(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def trials(folder: str) -> list[dict[str, Any]]:
        words = ["study", MODEL, "--calibration", DATA, "--data", DATA, "--skip", 30, "--limit", 50, "--calibration-images", 40]
        facts = _facts(call, *words, "--bits", 4, "--timesteps", 4, "--recipe", "ecc", "--out", tmp_path / folder)
        return [{key: value for key, value in row.items() if "seconds" not in key} for row in facts["trials"]]

    whole = trials("whole")
    monkeypatch.setattr(files, "LARGE_BYTES", 1)
    assert trials("parts") == whole
