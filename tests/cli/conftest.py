"""The program called in this process, and a network that it converted."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import ecc_lava
from ecc_lava.demo.data import MODEL
from tests.helpers.program import DATA, OK, Call, Made, Outcome, exit_code, in_process_of_its_own


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Give a function that runs the program with arguments, in this process."""

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        monkeypatch.delenv("COLUMNS", raising=False)  # a table is as wide as in a file, whatever terminal runs the tests
        return Outcome(exit_code(*arguments), *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The demo's model, converted once by the program itself."""
    path = tmp_path_factory.mktemp("made") / "net.h5"
    outcome = in_process_of_its_own("convert", MODEL, "--calibration", DATA, "-o", path, "--timesteps", 16, "--json")
    return Made(path, outcome)


@pytest.fixture(scope="session")
def network(made: Made) -> Path:
    assert made.outcome.code == OK, made.outcome.err
    return made.network


@pytest.fixture(scope="session")
def bare(network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network without the float network and the graph."""
    path = tmp_path_factory.mktemp("bare") / "bare.h5"
    ecc_lava.save(path, ecc_lava.load(network)[0])
    return path


@pytest.fixture(scope="session")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("unlabelled") / "images.npz"
    with np.load(DATA) as archive:
        np.savez(path, x_test=archive["x_test"][:20])
    return path


@pytest.fixture
def without_lava(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `check` believe that Lava is not installed."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, package=None: None if name.split(".")[0] == "lava" else found(name, package)
    )
