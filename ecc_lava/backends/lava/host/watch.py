"""Finds what is wrong with the processes of a running deployment."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ecc_lava.backends.lava.host.vitals import TICKS_PER_S, Limits, Patience, Vitals, ended_by, vitals
from ecc_lava.common import Array

__all__ = ["Watch", "Watched"]

_GRACE_S = 0.3
"""Seconds to wait after a death for a more telling cause: a process that fails makes Lava end others."""

_LONGEST_STEP_S = 600.0
"""Seconds without a completed step, whatever the processes do; they may wait for a device that never answers."""


class Watched(NamedTuple):
    """A process to watch.

    Attributes
    ----------
    name : str
    process : multiprocessing.Process
        Lava's own kind has an `exception`: None, or the exception and its traceback's text.
    pid : int
    step : int or None
        Steps done by a process that runs steps.
    """

    name: str
    process: Any
    pid: int
    step: int | None = None


def _exception(watched: Watched) -> str | None:
    """Return what a process raised, with its traceback, or None."""
    try:
        raised = getattr(watched.process, "exception", None)
    except Exception as error:  # unpickling what the process sent runs the exception's own code
        return f"{watched.name} failed with an exception that cannot be transported ({error})"
    if raised is None:
        return None
    exception, traceback = raised
    at = "while it was built" if watched.step == 0 else "" if watched.step is None else f"in step {watched.step + 1}"
    return f"{watched.name} failed {at}".rstrip() + f": {type(exception).__name__}: {exception}\n{traceback.strip()}"


def _death(watched: Watched) -> tuple[int, str] | None:
    """Return the rank of a process's end, 0 the gravest, and how it ended; None if it lives."""
    code = watched.process.exitcode
    if code is not None:
        return (0 if code < 0 else 1 if code > 0 else 2), f"{watched.name} (process {watched.pid}) {ended_by(code)}"
    return None


class Watch:
    """Looks at all processes of a run, again and again.

    Parameters
    ----------
    steps : int64 array
        Steps done by each process, in shared memory.
    limits : Limits
    """

    def __init__(self, steps: Array, limits: Limits) -> None:
        self._steps, self._limits = steps, limits
        self._stopped: defaultdict[int, Patience] = defaultdict(Patience)
        self._began: dict[int, tuple[int, int]] = {}  # pid -> step under way, processor time when it was first seen
        self._dead, self._idle, self._slow = Patience(), Patience(), Patience()
        self._last: tuple[int, int] = (0, 0)

    def fault(self, processes: Sequence[Watched], trouble: str | None) -> str | None:
        """Return what is wrong, or None.

        Parameters
        ----------
        processes : sequence of Watched
        trouble : str or None
            What the caller noticed itself. It is the answer if no process gives a better one within `_GRACE_S`.
        """
        for watched in processes:
            raised = _exception(watched)
            if raised is not None:
                return raised
        deaths = [death for death in map(_death, processes) if death is not None]
        if self._dead.look(bool(deaths) or trouble is not None) > _GRACE_S:
            return min(deaths)[1] if deaths and (trouble is None or min(deaths)[0] < 2) else trouble
        state = {watched.pid: vitals(watched.pid) for watched in processes}
        for watched in processes:
            seen = state[watched.pid]
            if self._stopped[watched.pid].look(seen is not None and seen.stopped) > self._limits.stopped_s:
                return f"{watched.name} (process {watched.pid}) is stopped (SIGSTOP or a debugger)"
            spent_s = self._spent(watched, seen)
            if spent_s > self._limits.step_s:
                return (
                    f"{watched.name} (process {watched.pid}) has computed for {spent_s:.1f} s on step {(watched.step or 0) + 1} without an "
                    "end; allow more with step_limit_s"
                )
        return self._stall([*state.values(), vitals(os.getpid(), os.getpid())])

    def _spent(self, watched: Watched, seen: Vitals | None) -> float:
        """Return the seconds of processor time that a process has used on the step under way."""
        if watched.step is None or seen is None:
            return 0.0
        step, ticks = self._began.get(watched.pid, (-1, 0))
        if step != watched.step:
            self._began[watched.pid] = watched.step, seen.ticks
            return 0.0
        return (seen.ticks - ticks) / TICKS_PER_S

    def _stall(self, states: Iterable[Vitals | None]) -> str | None:
        """Return that nothing moves, or None.

        Progress is a step completed by any process. A run without progress is stuck if no process uses the processor or waits for the
        processor or a device. A busy run may still make progress.
        """
        seen = [state for state in states if state is not None]
        done, ticks = int(self._steps.sum()), sum(state.ticks for state in seen)
        slow = self._slow.look(done == self._last[0])
        resting = bool(seen) and all(state.resting for state in seen)
        idle = self._idle.look(resting and (done, ticks) == self._last)
        self._last = (done, ticks)
        where = "during the start" if done == 0 else f"after step {int(self._steps.min())}"
        if idle > self._limits.idle_s:
            return f"no step completed for {idle:.1f} s {where}, and no process is at work: the run is stuck"
        if slow > _LONGEST_STEP_S:
            return f"no step completed for {slow:.0f} s {where}"
        return None
