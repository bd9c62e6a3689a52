"""Trials by key in an Optuna storage: which are finished, which are running, and which a dead process has left.

A process claims a key in two steps: it creates a running trial of the key, then it reads all trials of that key. A storage numbers trials
in the order of their creation, whichever process creates them. The claim with the lowest number holds; every other process sees the lower
number and gives its claim up. No lock outside the storage is needed. A claim ends with its trial, which is finished, or failed if its
process was interrupted.

A claim of this machine fails as soon as its process is gone. A claim of another machine fails when its count has not moved for
`GRACE_SECONDS` of this process's clock. Clocks of different machines are never compared.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ecc_lava.common import is_gone, owner
from ecc_lava.studies.settings import Setting
from ecc_lava.studies.trials.claims import BEAT_SECONDS, HELD, Claim, fail
from ecc_lava.studies.trials.optuna_storage import open_study
from ecc_lava.studies.trials.optuna_values import DIRECTIONS, shown_parameters
from ecc_lava.studies.trials.records import STUDY, from_record
from ecc_lava.studies.trials.trial import Trial

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

__all__ = ["GRACE_SECONDS", "TrialStore"]

_log = logging.getLogger(__name__)

GRACE_SECONDS = 120.0
"""Seconds without a beat after which another machine's claim counts as left."""


class TrialStore:
    """The trials of one context in a storage.

    Parameters
    ----------
    storage : Optuna storage
    context : str
        Digest of everything but the settings. Every context has an Optuna study of its own.
    beat, grace : float
        See `BEAT_SECONDS` and `GRACE_SECONDS`.
    """

    def __init__(self, storage: BaseStorage, context: str, beat: float = BEAT_SECONDS, grace: float = GRACE_SECONDS) -> None:
        self._storage, self._context, self._beat, self._grace = storage, context, beat, grace
        self._study = open_study(storage, f"{STUDY}{context}", DIRECTIONS)
        self._read: dict[int, Trial | None] = {}  # finished trial -> what it holds; None if it is damaged
        self._seen: dict[int, tuple[Any, float]] = {}  # running trial -> its last beat, and when that was first seen here

    def finished(self) -> dict[str, Trial]:
        """Return all finished trials by key."""
        from optuna.trial import TrialState

        held = (self._trial(frozen) for frozen in self._trials() if frozen.state is TrialState.COMPLETE)
        return {trial.key: trial for trial in held if trial is not None}

    def running(self) -> set[str]:
        """Fail the trials that dead processes left, then return the keys that living processes run."""
        self._fail_left()
        return self._running()

    def claim(self, key: str, setting: Setting) -> Claim | None:
        """Return a claim of a key; None if the key is finished or another process runs it."""
        import optuna
        from optuna.trial import TrialState

        if key in self.finished() or key in self.running():
            return None
        params, distributions = shown_parameters(setting)
        token = uuid.uuid4().hex
        template = optuna.trial.create_trial(
            state=TrialState.RUNNING,
            params=params,
            distributions=distributions,
            user_attrs={"key": key, "owner": owner(), "token": token, "setting": setting.as_dict(), "beat": 0},
        )
        HELD.add(token)
        try:
            return self._claimed(key, template, token)
        except BaseException:
            HELD.discard(token)
            raise

    def _claimed(self, key: str, template: FrozenTrial, token: str) -> Claim | None:
        """Create a trial and return its claim; None if another process claimed the key first."""
        number = self._storage.create_new_trial(self._study_id, template)
        rivals = [t for t in self._trials() if self._key_of(t) == key]
        claim = Claim(self._storage, number, self._context, key, token, self._beat)
        if min((t._trial_id for t in rivals), default=number) < number:
            claim.release()
            return None
        return claim

    def _key_of(self, frozen: FrozenTrial) -> str | None:
        """Return the key that a trial holds, finished and whole or running; None if it holds none."""
        from optuna.trial import TrialState

        if frozen.state is TrialState.COMPLETE:
            trial = self._trial(frozen)
            return None if trial is None else trial.key
        key = frozen.user_attrs.get("key") if frozen.state is TrialState.RUNNING else None
        return key if isinstance(key, str) else None

    @property
    def _study_id(self) -> int:
        return self._storage.get_study_id_from_name(self._study.study_name)

    def _trials(self) -> Sequence[FrozenTrial]:
        return self._storage.get_all_trials(self._study_id, deepcopy=False)

    def _running(self) -> set[str]:
        from optuna.trial import TrialState

        keys = (self._key_of(trial) for trial in self._trials() if trial.state is TrialState.RUNNING)
        return {key for key in keys if key is not None}

    def _trial(self, frozen: FrozenTrial) -> Trial | None:
        """Return what a finished trial holds; None, told once, if that is damaged."""
        if frozen._trial_id not in self._read:
            beside = frozen.user_attrs
            held = beside.get("trial")  # what proves itself needs no key beside it, and is not lost with one
            record = from_record(held, self._context) or from_record(held, self._context, beside.get("key"), beside.get("setting"))
            self._read[frozen._trial_id] = None if record is None else record.trial
            if record is None:
                _log.warning("trial %d of the storage is damaged: its setting runs again", frozen.number)
        return self._read[frozen._trial_id]

    def _fail_left(self) -> None:
        """Fail the running trials of processes that are gone."""
        from optuna.trial import TrialState

        now = time.monotonic()
        for trial in self._trials():
            if trial.state is not TrialState.RUNNING:
                continue
            beat = trial.user_attrs.get("beat")
            last, since = self._seen.get(trial._trial_id, (None, now))
            self._seen[trial._trial_id] = (beat, now if beat != last else since)
            if self._is_gone(trial, now):
                fail(self._storage, trial._trial_id)

    def _is_gone(self, trial: FrozenTrial, now: float) -> bool:
        name = str(trial.user_attrs.get("owner", ""))
        if name == owner():  # this process claimed it, and holds it or left it at an interrupt
            return trial.user_attrs.get("token") not in HELD
        gone = is_gone(name)
        return now - self._seen[trial._trial_id][1] > self._grace if gone is None else gone
