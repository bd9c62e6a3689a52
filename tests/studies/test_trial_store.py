"""Every key once, whoever runs it and however often they are killed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from optuna.storages import BaseStorage

from ecc_lava.common import is_gone, owner
from ecc_lava.errors import FileError, InvalidInput, MissingDependency
from ecc_lava.studies.running import TrialProgress, run_settings
from ecc_lava.studies.settings import Setting
from ecc_lava.studies.trials import claims
from ecc_lava.studies.trials import store as stores
from ecc_lava.studies.trials.claims import Claim
from ecc_lava.studies.trials.optuna_storage import open_storage
from ecc_lava.studies.trials.store import TrialStore
from ecc_lava.studies.trials.trial import Trial
from tests.helpers.studies import MANY, SETTINGS, Noted, as_problem, figures

KINDS = {"sqlite": "trials.db", "journal": "trials.journal", "memory": None}
WORKER = "tests.helpers.studies"


@pytest.fixture(params=list(KINDS))
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> BaseStorage:
    name = KINDS[request.param]
    return open_storage(None if name is None else tmp_path / name)


def _claimed(store: TrialStore) -> Claim:
    """Claim the key that is free."""
    claim = store.claim("k", SETTINGS[0])
    assert claim is not None
    return claim


def _beat(claim: Claim) -> Any:
    """Return the last beat that the storage has."""
    return claim._storage.get_trial(claim._number).user_attrs.get("beat")


def _trial(key: str) -> Trial:
    return Trial(key, SETTINGS[0], figures(SETTINGS[0]))


def test_a_key_is_claimed_once_and_finished_once(storage: BaseStorage) -> None:
    mine, theirs = TrialStore(storage, "c"), TrialStore(storage, "c")
    claim = mine.claim("k", SETTINGS[0])
    assert claim is not None
    assert mine.running() == theirs.running() == {"k"}
    assert theirs.claim("k", SETTINGS[0]) is None
    with claim.beating():
        pass
    assert claim.finish(_trial("k"))
    assert theirs.finished() == {"k": _trial("k")}
    assert theirs.claim("k", SETTINGS[0]) is None
    assert theirs.running() == set()


def test_a_released_key_can_be_claimed_again(storage: BaseStorage) -> None:
    store = TrialStore(storage, "c")
    claim = _claimed(store)
    with pytest.raises(KeyboardInterrupt), claim.beating():
        raise KeyboardInterrupt
    assert store.running() == set()
    again = _claimed(store)
    assert again.finish(_trial("k"))
    assert not claim.finish(_trial("k"))  # what was taken for left cannot come back
    assert list(store.finished()) == ["k"]


def test_nothing_stays_open(tmp_path: Path) -> None:
    for kind in filter(None, KINDS.values()):
        store = TrialStore(open_storage(tmp_path / kind), "c")
        with _claimed(store).beating():
            pass
        assert not [file.path for file in psutil.Process().open_files() if file.path.startswith(str(tmp_path))]


def test_contexts_do_not_mix(storage: BaseStorage) -> None:
    assert _claimed(TrialStore(storage, "one")).finish(_trial("k"))
    assert TrialStore(storage, "other").finished() == {}


def test_of_two_claims_at_the_same_moment_the_first_holds(storage: BaseStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both look before either has claimed; the other's claim comes between this one's look and its own."""
    mine, theirs = TrialStore(storage, "c"), TrialStore(storage, "c")
    others: list[Claim] = []
    real = TrialStore._claimed

    def late(self: TrialStore, *arguments: Any) -> Any:
        if self is mine and not others:
            others.append(_claimed(theirs))
        return real(self, *arguments)

    monkeypatch.setattr(TrialStore, "_claimed", late)
    assert mine.claim("k", SETTINGS[0]) is None
    assert others[0].finish(_trial("k"))
    assert list(mine.finished()) == ["k"]


def test_what_an_interrupt_left_in_this_process_is_free(storage: BaseStorage) -> None:
    store = TrialStore(storage, "c")
    store.claim("k", SETTINGS[0])
    claims.HELD.clear()  # as if the claim had never been handed out
    assert store.running() == set()
    assert store.claim("k", SETTINGS[0]) is not None


def test_another_machine_is_taken_for_gone_when_its_beats_stop(storage: BaseStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(stores, "time", SimpleNamespace(monotonic=lambda: now))
    far = TrialStore(storage, "c", beat=0.01)
    with monkeypatch.context() as away:
        away.setattr(stores, "owner", lambda: "elsewhere/1 7 0")
        claim = _claimed(far)
    near = TrialStore(storage, "c", grace=4.0)
    with claim.beating():
        for _ in range(3):
            beat = _beat(claim)
            assert near.running() == {"k"}
            until = time.monotonic() + 300
            while _beat(claim) == beat:
                assert time.monotonic() < until, "no beat"
                time.sleep(0.01)
            now += 3.0
    assert near.running() == {"k"}
    now += 3.9
    assert near.running() == {"k"}
    now += 0.2
    assert near.running() == set()
    assert near.claim("k", SETTINGS[0]) is not None
    assert not claim.finish(_trial("k"))


def test_an_ended_process_is_known_to_be_gone() -> None:
    assert is_gone(owner()) is False
    child = subprocess.run([sys.executable, "-c", "from ecc_lava.common import owner; print(owner())"], capture_output=True, text=True)
    assert is_gone(child.stdout.strip()) is True
    machine, process, _ = owner().split(" ")
    assert is_gone(f"{machine} {process} 1") is True  # the number was given out again
    assert is_gone(f"elsewhere/1 {process} 1") is None


def test_a_run_does_what_is_open_and_nothing_twice(storage: BaseStorage, tmp_path: Path) -> None:
    noted = Noted(tmp_path / "notes")
    steps: list[TrialProgress] = []
    store = TrialStore(storage, "c")
    first = run_settings(as_problem(noted), SETTINGS[:3], store, steps.append)
    both = run_settings(as_problem(noted), SETTINGS[:5], store, steps.append)
    assert [t.setting for t in both] == list(SETTINGS[:5])
    assert both[:3] == first
    assert noted.noted("began") == [noted.key(s) for s in SETTINGS[:5]]
    assert [s.finished.setting for s in steps if s.finished] == list(SETTINGS[:5])
    assert (steps[-1].done, steps[-1].total) == (5, 5)


def test_an_interrupt_keeps_what_is_finished(storage: BaseStorage, tmp_path: Path) -> None:
    class Interrupted(Noted):
        def run(self, setting: Setting, progress: Callable[[int, int], None] | None = None) -> Trial:
            if setting == SETTINGS[2]:
                raise KeyboardInterrupt
            return super().run(setting, progress)

    store = TrialStore(storage, "c")
    with pytest.raises(KeyboardInterrupt):
        run_settings(as_problem(Interrupted(tmp_path / "notes")), SETTINGS[:4], store)
    assert len(store.finished()) == 2
    assert store.running() == set()
    assert len(run_settings(as_problem(Noted(tmp_path / "notes")), SETTINGS[:4], store)) == 4


def _start(address: Path, notes: Path, seconds: float, settings: int = len(SETTINGS)) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", WORKER, str(address), str(notes), str(seconds), str(settings)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("name", [pytest.param("trials.db", marks=pytest.mark.slow), "trials.journal"])
def test_processes_at_once_share_the_keys(name: str, tmp_path: Path) -> None:
    """They make the storage, claim and finish at the same time, and one of them is killed."""
    noted = Noted(tmp_path / "notes")
    processes = [_start(tmp_path / name, tmp_path / "notes", 0.05) for _ in range(3)]
    until = time.monotonic() + 300
    while not noted.noted("ended"):
        assert time.monotonic() < until, "nothing was run"
        time.sleep(0.01)
    processes[0].kill()
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode in (0, -signal.SIGKILL), errors
    assert sum(process.returncode == 0 for process in processes) >= 2
    keys = sorted(noted.key(s) for s in MANY[: len(SETTINGS)])
    assert sorted(TrialStore(open_storage(tmp_path / name), "test").finished()) == keys
    assert sorted(set(noted.noted("ended"))) == keys
    began = noted.noted("began")
    assert len(began) <= len(keys) + 1  # what the killed one was at is run again
    assert sorted(set(began)) == keys


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kills"), [("trials.db", 10), ("trials.journal", 30)])
def test_killed_at_random_times_it_ends_with_exactly_the_grid(name: str, kills: int, tmp_path: Path) -> None:
    """Some are killed while they start, the others soon after their first trial has begun."""
    notes, draw = tmp_path / "notes", random.Random(0)
    noted, keys = Noted(notes), sorted(Noted(notes).key(s) for s in MANY)
    for _ in range(kills):
        before, process = len(noted.noted("began")), _start(tmp_path / name, notes, 0.2, len(MANY))
        until = time.monotonic() + draw.choice([0.5, 60.0, 60.0, 60.0])
        while len(noted.noted("began")) == before and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(draw.uniform(0.0, 0.5))
        assert process.poll() is None, process.communicate()[1]
        process.kill()
        process.communicate()
    assert len(set(noted.noted("ended"))) < len(keys)
    process = _start(tmp_path / name, notes, 0.0, len(MANY))
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    trials = TrialStore(open_storage(tmp_path / name), "test")._trials()
    assert sorted(t.user_attrs["key"] for t in trials if t.state.name == "COMPLETE") == keys
    assert all(t.state.is_finished() for t in trials)
    assert len(noted.noted("began")) <= len(keys) + kills


@pytest.mark.parametrize(
    ("address", "error", "match"),
    [
        ("no/such/folder/trials.db", FileError, "no folder no/such/folder"),
        ("garbage.db", FileError, "not a database"),
        ("garbage.journal", FileError, "journal of trials"),
        ("nonsense://host/x", InvalidInput, "address of a database"),
        ("postgresql://me:secret@host/x", MissingDependency, "not installed"),
        (".", FileError, "is a folder"),
    ],
)
def test_a_storage_that_cannot_be_used_is_one_message(
    address: str, error: type[Exception], match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("garbage.db", "garbage.journal"):
        Path(name).write_bytes(b"this is no file of trials\n" * 100)
    with pytest.raises(error, match=match) as caught:
        TrialStore(open_storage(address), "c")
    assert "secret" not in str(caught.value)
