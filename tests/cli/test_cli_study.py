"""`ecc-lava study`: what it prints and writes, that it goes on where it was, and one message for bad input."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ecc_lava.demo.data import MODEL
from ecc_lava.studies.problem import Problem
from tests.helpers.program import DATA, OK, Call

FILES = (MODEL, "--calibration", DATA, "--data", DATA)
FEW = ("--recipe", "channel", "--limit", 40, "--calibration-images", 32)


@pytest.fixture
def study(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Give a function that runs `ecc-lava study` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    return partial(call, "study")


def test_a_grid_as_json_and_files(study: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = (*FILES, *FEW, "--bits", 4, 8, "--timesteps", 4, 8, "--parquet", "--json")
    outcome = study(*options)
    assert outcome.code == OK
    found = outcome.json
    assert [(t["bits"], t["timesteps"]) for t in found["trials"]] == [(4, 4), (8, 4), (4, 8), (8, 8)]
    for trial in found["trials"]:
        assert trial["images"] == 40
        assert trial["loss"] == pytest.approx(trial["ann_accuracy"] - trial["accuracy"])
        assert {"agreement", "synops_per_image", "format", "recipe", "on_front", "energy_high_uj_per_image"} <= set(trial)
    folder = tmp_path / "ecc-lava-study"
    assert sorted(p.name for p in folder.iterdir()) == ["study.html", "study.png", "trials.csv", "trials.journal", "trials.parquet"]
    assert (folder / "study.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(Problem, "run", None)  # finished keys do not run again
    drawn = (folder / "study.png").stat().st_mtime_ns
    again = study(*options).json
    assert again["trials"] == found["trials"]
    assert (found["new"], again["new"]) == (4, 0)
    assert (folder / "study.png").stat().st_mtime_ns == drawn, "nothing new is drawn"
    (folder / "study.png").unlink()
    assert "4 settings, 0 new trials" in study(*options[:-1]).out
    assert (folder / "study.png").is_file()


def test_a_folder_with_the_database_of_an_earlier_version_keeps_it(study: Call, tmp_path: Path) -> None:
    options = (*FILES, *FEW, "--bits", 8, "--timesteps", 4)
    folder = tmp_path / "ecc-lava-study"
    folder.mkdir()
    assert study(*options, "--storage", f"sqlite:///{folder / 'trials.db'}").code == OK
    assert "0 new trials" in study(*options).out
    assert not (folder / "trials.journal").exists()


def test_labels_are_doubted_before_the_first_trial_alone(study: Call, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with np.load(DATA) as archive:
        np.savez(tmp_path / "from1.npz", x_train=archive["x_test"][:64], y_train=archive["y_test"][:64] + 1)
    options = (MODEL, "--calibration", "from1.npz", "--data", DATA, *FEW, "--bits", 8, "--timesteps", 4)
    assert study(*options).code == OK
    assert caplog.text.count("labels start at 1") == 1
    assert study(*options, 2).code == OK
    assert caplog.text.count("labels start at 1") == 2
    assert "0 new trials" in study(*options).out
    assert caplog.text.count("labels start at 1") == 2


def test_the_table_shows_what_differs(study: Call) -> None:
    code, out, _ = study(*FILES, *FEW, "--bits", 8, "--timesteps", 4, "--format", "loihi1", "loihi2", "--chip", "loihi1", "loihi2")
    assert code == 0
    assert "format" in out and "cores" in out
    assert "recipe channel" in out
    assert "left out" not in out


def test_a_search_reports_on_the_images_that_did_not_choose(study: Call) -> None:
    options = ("--search", "--trials", 5, "--objectives", "accuracy", "memory", "--selection", 15)
    outcome = study(*FILES, *FEW, "--bits", 3, 8, "--timesteps", 4, *options, "--json")
    assert outcome.code == OK
    found = outcome.json
    assert found["objectives"] == ["accuracy", "memory"]
    assert {t["images"] for t in found["searched"]} == {15}
    assert {t["accuracy"] for t in found["searched"]} == {None}
    assert {t["images"] for t in found["trials"]} == {25}


def test_images_can_be_left_out(study: Call) -> None:
    options = (*FILES, *FEW[:2], "--bits", 8, "--timesteps", 4, "--json")
    outcome = study(*options, "--skip", 350, "--limit", 20)
    assert outcome.code == OK
    assert outcome.json["trials"][0]["images"] == 10
    assert study(*options, "--skip", 360)[0] == 2


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (("--bits", "17"), "holds 2 to 8"),
        (("--timesteps", "0"), "timesteps 0"),
        (("--timesteps", "many"), "--timesteps many: a whole number"),
        (("--percentile", "x"), "--percentile x: a number"),
        (("--percentile", "101"), "percentile 101"),
        (("--recipe", "none"), "'none' is not known"),
        (("--format", "loihi3"), "'loihi3' is not known"),
        (("--format", "loihi1", "--coding", "graded"), "no setting to run"),
        (("--storage", "nonsense://x"), "address of a database"),
        (("--storage", "nowhere/trials.db"), "no folder nowhere"),
        (("--chip", "loihi1", "loihi1"), "same number format"),
        (("--chip", "loihi1"), "none computes in loihi2"),
        (("--search", "--objectives", "beauty"), "'beauty' is not known"),
        (("--search", "--selection", "999"), "1 must be left"),
        (("--out", "file"), "cannot be made"),
    ],
)
def test_bad_input_is_one_message(options: tuple[str, ...], match: str, study: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, out, err = study(*FILES, *FEW, *(() if "--bits" in options else ("--bits", "8")), *options)
    assert code == 2
    assert out == ""
    assert match in err
    assert "Traceback" not in err


def test_without_pyarrow_parquet_is_refused_before_the_work(study: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, err = study(*FILES, *FEW, "--parquet")
    assert code == 2
    assert "ecc-lava[parquet]" in err


TELLING = """
import sys, time
from ecc_lava.cli import main
from ecc_lava.studies.trials.claims import Claim
finish = Claim.finish
def told(claim, trial):
    finish(claim, trial)
    sys.stderr.write("finished\\n")
    sys.stderr.flush()
    time.sleep(600)
Claim.finish = told
main()
"""


def test_an_interrupt_keeps_what_is_finished_and_says_so(tmp_path: Path) -> None:
    options = [MODEL, "--calibration", DATA, "--data", DATA, "--limit", "10", "--recipe", "channel", "--bits", "4", "8"]
    command = [sys.executable, "-c", TELLING, "study", *(str(o) for o in options), "--timesteps", "8", "--storage", "t.journal"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while (line := process.stderr.readline()) != "finished\n":
        assert line, "no trial was finished"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert out == ""
    assert "what is finished is kept in t.journal" in err
    assert "Traceback" not in err
    lines = (tmp_path / "t.journal").read_text().splitlines()
    assert [json.loads(line).get("state") for line in lines].count(1) == 1
