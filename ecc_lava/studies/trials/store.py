"""Trials by key in an Optuna storage: what is finished, who runs what, and what was left by processes that are gone.

A process claims a key by creating a running trial of it; then it looks at all trials of that key. Storages number trials one after the
other, whoever creates them, so of several claims the one with the lowest number holds, and all others see that and give up. No lock
outside the storage is needed. A claim ends with the trial: finished, or failed if its process was interrupted.

Optuna's own heartbeat exists for databases only and inside its own loop, so claims beat here in the same way on every storage: a count in
the trial goes up while its process lives. A claim of this machine whose process is gone is failed at once; one of another machine when
its count has not moved for `GRACE` seconds of the onlooker's clock. Clocks of different machines are never compared.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ecc_lava.errors import FileError
from ecc_lava.studies.settings import Setting
from ecc_lava.studies.trials.owners import is_gone, owner
from ecc_lava.studies.trials.trial import Trial

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

__all__ = ["BEAT", "GRACE", "Claim", "TrialStore"]

BEAT = 10.0
"""Seconds between two beats of a claim."""

GRACE = 120.0
"""Seconds without a beat after which another machine's claim counts as left."""

DIRECTIONS = ("maximize", "minimize", "minimize", "minimize")
"""Of what Optuna's own tools show: score (accuracy, or agreement without labels), synaptic bits, events per image, latency in steps."""


_HELD: set[str] = set()
"""Tokens of the claims that this process holds."""


class TrialStore:
    """The trials of one context in a storage.

    Parameters
    ----------
    storage : Optuna storage
    context : str
        Digest of everything but the settings; each has an Optuna study of its own.
    beat, grace : float
        See `BEAT` and `GRACE`.
    """

    def __init__(self, storage: BaseStorage, context: str, beat: float = BEAT, grace: float = GRACE) -> None:
        self._storage, self._beat, self._grace = storage, beat, grace
        self._study = open_study(storage, f"ecc_lava trials {context}", DIRECTIONS)
        self._seen: dict[int, tuple[Any, float]] = {}  # running trial -> its last beat, and when that was first seen here

    def finished(self) -> dict[str, Trial]:
        """Return all finished trials by key."""
        return {key: _trial(key, frozen) for key, frozen in self._by_key("finished").items()}

    def running(self) -> set[str]:
        """Return the keys that living processes are at; what others have left is failed first."""
        self._fail_left()
        return set(self._by_key("running"))

    def claim(self, key: str, setting: Setting) -> Claim | None:
        """Return a claim of a key, None if it is finished or another process is at it."""
        import optuna
        from optuna.trial import TrialState

        if key in self._by_key("finished") or key in self.running():
            return None
        params, distributions = _parameters(setting)
        token = uuid.uuid4().hex
        template = optuna.trial.create_trial(
            state=TrialState.RUNNING,
            params=params,
            distributions=distributions,
            user_attrs={"key": key, "owner": owner(), "token": token, "setting": setting.as_dict(), "beat": 0},
        )
        _HELD.add(token)
        try:
            return self._claimed(key, template, token)
        except BaseException:
            _HELD.discard(token)
            raise

    def _claimed(self, key: str, template: FrozenTrial, token: str) -> Claim | None:
        """Create a trial and return its claim, None if another's was first."""
        from optuna.trial import TrialState

        number = self._storage.create_new_trial(self._study_id, template)
        rivals = [t for t in self._trials() if t.user_attrs.get("key") == key and t.state in (TrialState.RUNNING, TrialState.COMPLETE)]
        claim = Claim(self._storage, number, key, token, self._beat)
        if min((t._trial_id for t in rivals), default=number) < number:
            claim.release()
            return None
        return claim

    @property
    def _study_id(self) -> int:
        return self._storage.get_study_id_from_name(self._study.study_name)

    def _trials(self) -> Sequence[FrozenTrial]:
        return self._storage.get_all_trials(self._study_id, deepcopy=False)

    def _by_key(self, state: str) -> dict[str, FrozenTrial]:
        from optuna.trial import TrialState

        wanted = TrialState.COMPLETE if state == "finished" else TrialState.RUNNING
        return {t.user_attrs["key"]: t for t in self._trials() if t.state is wanted and "key" in t.user_attrs}

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
                _fail(self._storage, trial._trial_id)

    def _is_gone(self, trial: FrozenTrial, now: float) -> bool:
        name = str(trial.user_attrs.get("owner", ""))
        if name == owner():  # claimed here: held, or left by an interrupt
            return trial.user_attrs.get("token") not in _HELD
        gone = is_gone(name)
        return now - self._seen[trial._trial_id][1] > self._grace if gone is None else gone


class Claim:
    """A key that this process runs: to be finished or released."""

    def __init__(self, storage: BaseStorage, number: int, key: str, token: str, beat: float) -> None:
        self._storage, self._number, self._token, self._beat, self.key = storage, number, token, beat, key

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Beat while the block runs; a block that fails releases the claim."""
        stop = threading.Event()

        def beat() -> None:
            count = 0
            while not stop.wait(self._beat):
                count += 1
                with suppress(Exception):  # a storage that is away for a moment ends no trial; finishing it will say
                    self._storage.set_trial_user_attr(self._number, "beat", count)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        except BaseException:
            stop.set()
            thread.join()
            self.release()
            raise
        finally:
            stop.set()
            thread.join()

    def finish(self, trial: Trial) -> bool:
        """Store what the trial came to; False if the claim was taken for left meanwhile, and its key is another's."""
        import optuna
        from optuna.trial import TrialState

        try:
            self._storage.set_trial_user_attr(self._number, "trial", trial.as_dict())
            return self._storage.set_trial_state_values(self._number, TrialState.COMPLETE, _values(trial))
        except optuna.exceptions.UpdateFinishedTrialError:
            return False
        finally:
            _HELD.discard(self._token)

    def release(self) -> None:
        """Give the key up."""
        _HELD.discard(self._token)
        _fail(self._storage, self._number)


def open_study(storage: BaseStorage, name: str, directions: Sequence[str]) -> Study:
    """Return the Optuna study of a name, made if there is none."""
    import optuna
    from optuna.study import StudyDirection

    try:
        with quiet():
            return optuna.create_study(
                study_name=name, storage=storage, directions=[StudyDirection[d.upper()] for d in directions], load_if_exists=True
            )
    except (optuna.exceptions.StorageInternalError, OSError) as error:
        raise FileError(f"the storage of trials cannot be used: {str(error).splitlines()[0]}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from logging what is no news."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _fail(storage: BaseStorage, number: int) -> None:
    import optuna
    from optuna.trial import TrialState

    with suppress(optuna.exceptions.UpdateFinishedTrialError):  # another process has done so
        storage.set_trial_state_values(number, TrialState.FAIL)


def _parameters(setting: Setting) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a setting as Optuna's tools show it, and the ranges of its parameters, which are the same for all studies."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    from ecc_lava.conversion import RECIPES
    from ecc_lava.formats import FORMATS
    from ecc_lava.inputs import CODINGS

    widths = [setting.bits] if isinstance(setting.bits, int) else [width for _, width in setting.bits]
    params = {
        "timesteps": setting.timesteps,
        "format": setting.format,
        "recipe": setting.recipe,
        "coding": setting.coding,
        "percentile": setting.percentile,
        "fewest_bits": min(widths),
        "most_bits": max(widths),
    }
    ranges = {
        "timesteps": IntDistribution(1, max(2**16, setting.timesteps)),
        "format": CategoricalDistribution(list(FORMATS)),
        "recipe": CategoricalDistribution(list(RECIPES)),
        "coding": CategoricalDistribution(list(CODINGS)),
        "percentile": FloatDistribution(0.0, 100.0),
        "fewest_bits": IntDistribution(1, 8),
        "most_bits": IntDistribution(1, 8),
    }
    return params, ranges


def _values(trial: Trial) -> list[float]:
    """Return a trial's values in the order of `DIRECTIONS`; what cannot run is worse than all else."""
    figures, events = trial.figures, trial.events_per_image
    if figures is None or events is None:
        return [-1.0, float("inf"), float("inf"), float("inf")]
    return [figures.score, float(figures.synaptic_bits), events, float(figures.latency_steps)]


def _trial(key: str, frozen: FrozenTrial) -> Trial:
    return Trial.from_dict(key, frozen.user_attrs["trial"])
