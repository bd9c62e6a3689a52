"""The process that hosts a Lava run: it builds, starts and watches the run, and ends it with everything that the run made.

The host is a fresh interpreter for three reasons. Lava's side effects (start method, log handlers, threads, registries) never reach the
caller. No process forks from one that holds TensorFlow's threads. The end of its processes undoes whatever happened.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import multiprocessing
import os
import pickle
import resource
import shutil
import signal
import sys
import threading
import time
import traceback
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ecc_lava.backends.lava.cores.plan import LavaPlan
from ecc_lava.backends.lava.host.memory import Layout
from ecc_lava.backends.lava.host.network import compiled, runtime_of
from ecc_lava.backends.lava.host.one_process import OneProcess
from ecc_lava.backends.lava.host.vitals import LOOK_S, POLL_S, Limits
from ecc_lava.backends.lava.host.watch import Watch, Watched
from ecc_lava.common import SEGMENTS, Array

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1
"""Linux, <sys/prctl.h>."""

_LONGEST_TEXT = 6000
"""Characters of a report; a pipe takes a message this short as a whole."""

_FULL = "no shared memory is left: /dev/shm is full; free some of it, or deploy to fewer processes"


def _die_with_parent(number: int) -> None:
    """Have the kernel send this process a signal when its parent dies; without effect outside Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)


class _Host:
    """One run."""

    def __init__(
        self, caller: Connection, folder: Path, ended: threading.Event, plan: LavaPlan, shared: dict[str, Array], limits: Limits
    ) -> None:
        self._caller, self._folder, self._ended, self._plan, self._shared = caller, folder, ended, plan, shared
        self._watch = Watch(shared["steps"], limits)
        self._runtime: Any = None
        self._started = self._done = False
        self._trouble: str | None = None
        self._segments = 0

    def run(self) -> None:
        """Build and start the run; `watch` works at the same time and does the rest."""
        try:
            import ecc_lava.backends.lava.processes.core
            import ecc_lava.backends.lava.processes.sink
            import ecc_lava.backends.lava.processes.source  # noqa: F401  tells a failed import from a failed run
        except Exception:  # a broken installation may raise anything
            self._leave(1, ("missing", traceback.format_exc()[-_LONGEST_TEXT:]))
        try:
            executable, processes = compiled(self._plan, self._shared)
            if self._plan.in_one_process:
                models = OneProcess(executable, processes)
                self._started = True
                models.run(self._plan.clock.steps)
                self._done = True
            else:
                self._start(executable)
        except BaseException as error:  # Lava raises here whatever a process model raised in its own process
            what = "failed" if self._started else "could not be built"
            full = isinstance(error, OSError) and error.errno == errno.ENOSPC  # of semaphores and channels
            self._trouble = _FULL if full else f"the run {what}\n{traceback.format_exc()[-_LONGEST_TEXT:]}"

    def _start(self, executable: Any) -> None:
        """Start Lava's runtime."""
        from lava.magma.core.run_conditions import RunSteps

        self._runtime = runtime_of(executable)
        self._runtime.initialize()
        self._runtime.start(RunSteps(self._plan.clock.steps, blocking=False))
        self._started = True

    def watch(self) -> None:
        """Look at everything until the run has finished or failed, or the caller ends it; then leave."""
        next_look = 0.0
        try:
            while True:
                self._shared["beat"][0] += 1
                if self._caller.poll(POLL_S) or self._ended.is_set():
                    self._leave(1)
                self._announce()
                if self._finished():
                    self._leave(0, ("done",))
                if time.monotonic() < next_look:
                    continue
                next_look = time.monotonic() + LOOK_S
                fault = self._watch.fault(self._processes(), self._trouble)
                if fault is not None:
                    self._leave(
                        1, ("failed", fault if len(fault) <= _LONGEST_TEXT else f"{fault[:1000]}\n...\n{fault[-_LONGEST_TEXT + 1000 :]}")
                    )
        except BaseException:  # the caller must hear of any error
            self._leave(1, ("failed", f"the watch failed\n{traceback.format_exc()[-_LONGEST_TEXT:]}"))

    def _infrastructure(self) -> Any:
        return None if self._runtime is None else self._runtime._messaging_infrastructure

    def _segment_handles(self) -> list[Any]:
        infrastructure = self._infrastructure()
        return [] if infrastructure is None or infrastructure.smm is None else list(infrastructure.smm._shared_memory_handles)

    def _announce(self) -> None:
        """Tell the caller the names of new shared-memory segments, which it removes if this process is killed."""
        names = [handle.name for handle in self._segment_handles()[self._segments :]]
        if names:
            with (self._folder / SEGMENTS).open("a") as file:  # for the next run, if this one and its caller are killed
                file.writelines(f"{name}\n" for name in names)
            self._caller.send(("segments", names))
            self._segments += len(names)

    def _processes(self) -> list[Watched]:
        """Return every process of the run that has started so far."""
        infrastructure = self._infrastructure()
        if infrastructure is None:
            return []
        nodes = [process.name for process in self._runtime._executable.proc_builders]
        steps = dict(zip(["source", *(core.label for core in self._plan.cores), "sink"], self._shared["steps"], strict=True))
        names = [*nodes, *("Lava's runtime service" for _ in self._runtime._executable.runtime_service_builders)]
        processes = [
            Watched(n, a, a.pid, None if n not in steps else int(steps[n]))
            for n, a in zip(names, list(infrastructure.actors), strict=False)
        ]
        manager = getattr(getattr(infrastructure.smm, "_manager", None), "_process", None)
        if manager is not None and manager.pid is not None:
            processes.append(Watched("Lava's shared-memory manager", manager, manager.pid))
        return processes

    def _finished(self) -> bool:
        """Whether all steps have run; an error that Lava reports becomes the trouble."""
        if self._done or not self._started or self._plan.in_one_process or self._trouble is not None:
            return self._done
        from lava.magma.runtime.mgmt_token_enums import MGMT_RESPONSE, enum_equal

        for port in self._runtime.service_to_runtime:
            if port.probe():
                response = port.recv()
                if enum_equal(response, MGMT_RESPONSE.DONE):
                    return True
                self._trouble = f"Lava's runtime service reported {response}"
        return False

    def _leave(self, code: int, message: tuple[str, ...] | None = None) -> None:
        """Tell the caller, end every process, remove every shared-memory segment, and exit without the clean-up of Lava or Python."""
        with contextlib.suppress(OSError):  # the caller may be gone, and the rest must happen all the same
            if message is not None:
                self._caller.send(message)
        children = multiprocessing.active_children()
        for child in children:
            child.kill()
        for child in children:
            multiprocessing.Process.join(child, 1.0)  # the join of Lava's own class has no time limit
        for handle in self._segment_handles():
            with contextlib.suppress(OSError):  # Python's tracker was faster
                handle.unlink()
        if message is None:  # the caller may be gone
            shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(code)


def main(*arguments: str) -> None:
    """Run a job in a fresh interpreter, which `supervisor` has started.

    Parameters
    ----------
    arguments : str
        Descriptor of the connection to the supervisor, descriptor of the shared memory, path of the pickled plan, layout and limits, and
        process id of the supervisor.
    """
    caller, memory, parent = int(arguments[0]), int(arguments[1]), int(arguments[3])
    job = arguments[2]
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: ended.set())
    _die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        shutil.rmtree(Path(job).parent, ignore_errors=True)
        os._exit(1)
    os.register_at_fork(after_in_child=lambda: _die_with_parent(signal.SIGKILL))
    plan: LavaPlan
    layout: Layout
    limits: Limits
    plan, layout, limits = pickle.loads(Path(job).read_bytes())  # noqa: S301  the supervisor wrote the file for this process
    resource_tracker.ensure_running()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    host = _Host(Connection(caller), Path(job).parent, ended, plan, layout.open(memory), limits)
    watching = threading.Thread(target=host.watch)
    watching.start()
    host.run()
    watching.join()
