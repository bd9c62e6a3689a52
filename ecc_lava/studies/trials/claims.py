"""Claims: how a process says that it runs a key, and that it still lives.

A claim is a running trial of the storage. It beats: a count in the trial goes up while the process lives. Optuna's own heartbeat serves
databases alone and needs Optuna's own loop; this one works on every storage.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from ecc_lava.errors import FileError
from ecc_lava.studies.trials.optuna_values import shown_values
from ecc_lava.studies.trials.records import as_record
from ecc_lava.studies.trials.trial import Trial

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

__all__ = ["BEAT_SECONDS", "HELD", "Claim", "fail"]

BEAT_SECONDS = 10.0
"""Seconds between two beats of a claim."""

HELD: Final[set[str]] = set()
"""Tokens of the claims that this process holds."""


class Claim:
    """A key that this process runs, until the claim is finished or released."""

    def __init__(self, storage: BaseStorage, number: int, context: str, key: str, token: str, beat: float) -> None:
        self._storage, self._number, self._context, self._token, self._beat = storage, number, context, token, beat
        self.key = key

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Beat while the block runs; a block that fails releases the claim."""
        stop = threading.Event()

        def beat() -> None:
            count = 0
            while not stop.wait(self._beat):
                count += 1
                with suppress(Exception):  # a storage may be away for a moment; `finish` raises if it stays away
                    self._storage.set_trial_user_attr(self._number, "beat", count)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        except BaseException:
            stop.set()
            thread.join()
            with suppress(FileError):  # the claim ends with this process; what stopped the block is what counts
                self.release()
            raise
        finally:
            stop.set()
            thread.join()

    def finish(self, trial: Trial) -> bool:
        """Store the finished trial; return False if another process took this claim for dead and took its key over."""
        import optuna
        from optuna.trial import TrialState

        try:
            self._storage.set_trial_user_attr(self._number, "trial", as_record(trial, self._context))
            return self._storage.set_trial_state_values(self._number, TrialState.COMPLETE, shown_values(trial))
        except optuna.exceptions.UpdateFinishedTrialError:
            return False
        finally:
            HELD.discard(self._token)

    def release(self) -> None:
        """Give the key up, so that any process may claim it."""
        HELD.discard(self._token)
        fail(self._storage, self._number)


def fail(storage: BaseStorage, number: int) -> None:
    """Mark a trial as failed, unless it is finished."""
    import optuna
    from optuna.trial import TrialState

    with suppress(optuna.exceptions.UpdateFinishedTrialError):  # another process has failed or finished it
        storage.set_trial_state_values(number, TrialState.FAIL)
