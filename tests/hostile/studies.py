"""Mutants of the storages of studies: journals and SQLite databases with finished trials."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from ecc_lava.studies.running import run_settings
from ecc_lava.studies.trials import optuna_storage
from ecc_lava.studies.trials.optuna_storage import open_storage
from ecc_lava.studies.trials.store import TrialStore
from ecc_lava.studies.trials.trial import Trial
from tests.helpers.studies import SETTINGS, Noted, as_problem
from tests.hostile.attack import Reader
from tests.hostile.mutations import mutated_bytes, mutated_json

__all__ = ["DATABASE", "JOURNAL"]

CONTEXT: Final = "attack"
TRIALS: Final = 3


def _written(ending: str) -> bytes:
    """Return a storage with finished trials."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"trials{ending}"
        problem = Noted(Path(folder) / "notes")
        store = TrialStore(open_storage(path), CONTEXT)
        for setting in SETTINGS[:TRIALS]:
            claim = store.claim(problem.key(setting), setting)
            assert claim is not None
            assert claim.finish(problem.run(setting))
        return path.read_bytes()


def _journals() -> Callable[[random.Random], bytes]:
    content = _written(".journal")
    lines = content.splitlines(keepends=True)

    def make(rng: random.Random) -> bytes:
        if rng.random() < 0.3:
            return mutated_bytes(rng, content)
        changed = list(lines)
        at = rng.randrange(len(changed))
        if rng.random() < 0.2:
            changed[at:at] = [rng.choice(lines), b"\n"][: rng.randrange(1, 3)]
        else:
            changed[at] = _line(mutated_json(rng, json.loads(changed[at])))
        return b"".join(changed)

    return make


def _line(value: Any) -> bytes:
    try:
        return json.dumps(value).encode("utf-8", "surrogatepass") + b"\n"
    except RecursionError:
        return b"[" * 100_000 + b"\n"


def _databases() -> Callable[[random.Random], bytes]:
    """Leave out what takes long and reads no file: waiting for other processes, and Optuna's history of versions."""
    from alembic.script import ScriptDirectory

    optuna_storage.TRIES = 1
    load = ScriptDirectory._load_revisions

    @cache
    def revisions(folder: Any) -> list[Any]:
        return list(load(ScriptDirectory(folder)))

    ScriptDirectory._load_revisions = lambda self: iter(revisions(self.dir))  # type: ignore[method-assign]
    content = _written(".db")
    records = [record.encode() for record in ('"images": 10', '"setting"', '"figures"', '"timesteps": 4', "COMPLETE", '"bits": 2')]

    def make(rng: random.Random) -> bytes:
        if rng.random() < 0.5:
            return mutated_bytes(rng, content)
        record = rng.choice(records)
        other = json.dumps(mutated_json(rng, [1])).encode()[: len(record)].ljust(len(record))
        return content.replace(record, other, rng.choice((1, -1)))

    return make


@cache
def _finished() -> dict[str, Trial]:
    with tempfile.TemporaryDirectory() as folder:
        problem = Noted(Path(folder) / "notes")
        return {problem.key(setting): problem.run(setting) for setting in SETTINGS[:TRIALS]}


def _read(path: Path) -> None:
    """Trials that a damaged storage gives are trials that were written, and a study on it ends with all of them."""
    store = TrialStore(open_storage(path), CONTEXT, grace=0.0)  # claims of other machines, as mutants make them, are waited for otherwise
    for key, trial in store.finished().items():
        assert trial == _finished()[key]
    run_settings(as_problem(Noted(path.with_name("notes"))), SETTINGS[:TRIALS], store)
    assert store.finished() == _finished()


JOURNAL: Final = Reader("study journal", ".journal", _journals, _read)
DATABASE: Final = Reader("study database", ".db", _databases, _read)
