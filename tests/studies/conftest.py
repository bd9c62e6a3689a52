"""Storages with finished trials, the demo's graph and a study of it, made once."""

from __future__ import annotations

import pytest

import ecc_lava
from ecc_lava.demo.data import MODEL
from ecc_lava.graph.graph import Graph
from ecc_lava.studies.results import StudyResult
from ecc_lava.studies.running import run_settings
from ecc_lava.studies.trials.optuna_storage import open_storage
from ecc_lava.studies.trials.store import TrialStore
from tests.helpers.demo_studies import study_of
from tests.helpers.studies import USED, Noted, as_problem


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the bytes of storages with three finished trials."""
    folder = tmp_path_factory.mktemp("whole")
    for name in ("trials.db", "trials.journal"):
        store = TrialStore(open_storage(folder / name), "c")
        run_settings(as_problem(Noted(folder / "notes")), USED, store)
    return {path.suffix: path.read_bytes() for path in folder.glob("trials.*")}


@pytest.fixture(scope="session")
def graph() -> Graph:
    return ecc_lava.from_keras(ecc_lava.load_model(MODEL))


@pytest.fixture(scope="session")
def result(graph: Graph) -> StudyResult:
    return study_of(graph, bits=(3, 8), timesteps=(4, 16), formats=("loihi1", "loihi2"))
