"""Storages with finished trials, made once."""

from __future__ import annotations

import pytest

from ecc_lava.studies.running import run_settings
from ecc_lava.studies.trials.optuna_storage import open_storage
from ecc_lava.studies.trials.store import TrialStore
from tests.helpers.studies import USED, Noted, as_problem


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the bytes of storages with three finished trials."""
    folder = tmp_path_factory.mktemp("whole")
    for name in ("trials.db", "trials.journal"):
        store = TrialStore(open_storage(folder / name), "c")
        run_settings(as_problem(Noted(folder / "notes")), USED, store)
    return {path.suffix: path.read_bytes() for path in folder.glob("trials.*")}
