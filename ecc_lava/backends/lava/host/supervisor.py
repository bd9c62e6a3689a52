"""Runs a plan in a host process, waits for the host, and leaves nothing behind, whatever happens.

The host watches Lava's processes (`watch`). This module watches the host and ends what is left. Every way out of `supervise`, an exception
in the caller's thread included, passes through `_end`.

One case is not covered: no one can end a process in uninterruptible sleep. If caller and host are killed at the same instant, the kernel
ends the others (Linux) and Python's resource tracker removes the shared memory. The next run removes the folder of temporary files, and the
shared memory if the tracker was killed as well.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import pickle
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

from ecc_lava.backends.lava.cores.plan import LavaPlan
from ecc_lava.backends.lava.host.memory import Layout
from ecc_lava.backends.lava.host.vitals import POLL_S, Limits, Patience, ended_by, group_alive, vitals
from ecc_lava.backends.lava.installed import needed
from ecc_lava.common import Array, StageProgress, own_program, temporary_folder
from ecc_lava.errors import LavaError, MissingDependency

__all__ = ["supervise"]

_LOG = logging.getLogger(__name__)

_HOST = "ecc_lava.backends.lava.host.host"

_SILENCE_S = 30.0
"""Seconds that the host may be silent. It starts Python first and then gives a sign of life every `POLL_S`."""

_LEAVE_S = 5.0
"""Seconds that the host has to end its processes before it is killed."""

_FOLLOW_S = 1.0
"""Seconds that its processes have to end after it; and again, once they are killed."""

_LONGEST_FOLDER = 20
"""Characters; a socket's address has at most 104 (macOS) or 108 (Linux), and Python and this module add about 75."""


def _start(plan: LavaPlan, layout: Layout, memory: int, limits: Limits, folder: Path, theirs: Connection) -> subprocess.Popen[bytes]:
    job = folder / "job"
    job.write_bytes(pickle.dumps((plan, layout, limits), protocol=pickle.HIGHEST_PROTOCOL))
    arguments = [str(theirs.fileno()), str(memory), str(job), str(os.getpid())]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, **one_thread, "TMPDIR": str(folder), "PYTHONWARNINGS": "ignore"}  # Lava's own code warns
    with (folder / "output").open("wb") as output:
        return subprocess.Popen(
            own_program(_HOST, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(theirs.fileno(), memory),
            env=environment,
            start_new_session=True,  # Ctrl-C at the terminal does not reach this process group
        )


def _short_folder() -> str | None:
    """Return the folder for temporary files; None, the usual one, unless its path is too long for the sockets of Python's managers."""
    return None if len(tempfile.gettempdir()) <= _LONGEST_FOLDER or not os.access("/tmp", os.W_OK) else "/tmp"


def supervise(
    plan: LavaPlan, layout: Layout, memory: int, shared: dict[str, Array], limits: Limits, progress: StageProgress | None
) -> None:
    """Run `plan` to its end, which leaves the results in `shared`.

    Parameters
    ----------
    plan : LavaPlan
    layout : Layout
    memory : int
        Descriptor of the shared memory.
    shared : dict of arrays
        The same memory as the caller maps it.
    limits : Limits
    progress : callable (steps done, steps in all), or None

    Raises
    ------
    LavaError
        If the run failed, stalled or lost a process.
    MissingDependency
        If Lava cannot be imported.
    """
    with temporary_folder(_short_folder()) as folder:
        ours, theirs = multiprocessing.Pipe()
        segments: list[str] = []
        host: subprocess.Popen[bytes] | None = None
        try:
            host = _start(plan, layout, memory, limits, folder, theirs)
            theirs.close()
            _LOG.debug("Lava host process %d: %d cores, %d steps", host.pid, len(plan.cores), plan.clock.steps)
            _wait(host, ours, plan, shared, limits, progress, segments, folder / "output")
        except OSError as error:
            if isinstance(error, LavaError):
                raise
            raise LavaError(f"the process that hosts Lava could not be started or reached: {error}") from error
        finally:
            theirs.close()
            if host is not None:
                _end(host, ours, segments)
            ours.close()


def _wait(
    host: subprocess.Popen[bytes],
    ours: Connection,
    plan: LavaPlan,
    shared: dict[str, Array],
    limits: Limits,
    progress: StageProgress | None,
    segments: list[str],
    output: Path,
) -> None:
    """Return when the host reports success; raise on anything else."""
    silent, stopped = Patience(), Patience()
    told = beat = -1
    while True:
        exited = host.poll() is not None  # before the messages are read: they are then all that the host ever sent
        with contextlib.suppress(EOFError, ConnectionResetError):
            while ours.poll(0 if exited else POLL_S):
                match ours.recv():
                    case ("segments", names):
                        segments.extend(names)
                    case ("done",):
                        if progress is not None and told < plan.clock.steps:
                            progress(plan.clock.steps, plan.clock.steps)
                        return
                    case ("missing", text):
                        raise MissingDependency(f"Lava cannot be imported; the lava back end needs {needed()}\n{text}")
                    case (_, text):
                        raise LavaError(str(text))
        if exited:
            said = output.read_text(errors="replace").strip()[-2000:]
            raise LavaError(f"the process that hosts Lava (process {host.pid}) {ended_by(host.returncode)}" + (f"\n{said}" if said else ""))
        seen = vitals(host.pid)
        if stopped.look(seen is not None and seen.stopped) > limits.stopped_s:
            raise LavaError(f"the process that hosts Lava (process {host.pid}) is stopped (SIGSTOP or a debugger)")
        last, beat = beat, int(shared["beat"][0])
        if silent.look(beat == last) > _SILENCE_S:
            raise LavaError(f"the process that hosts Lava (process {host.pid}) has given no sign of life for {_SILENCE_S:.0f} s")
        done = int(shared["steps"].min())
        if progress is not None and done > max(told, 0):
            progress(done, plan.clock.steps)
            told = done


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds, at most so many seconds; return whether it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S / 4)
    return True


def _end(host: subprocess.Popen[bytes], ours: Connection, segments: list[str]) -> None:
    """End the host and every process of its group, and remove the shared-memory segments that are left."""
    try:
        seen = vitals(host.pid)
        if seen is None or not seen.stopped:
            with contextlib.suppress(OSError):
                ours.send(("end",))
            _until(lambda: host.poll() is not None, _LEAVE_S)
    finally:  # also if the wait was interrupted
        host.kill()  # without effect if the host has left; its children die with it
        host.wait()
        # the resource tracker, which outlives the others, removes what the host could not
        _until(lambda: not group_alive(host.pid), _FOLLOW_S)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(host.pid, signal.SIGKILL)
        _until(lambda: not group_alive(host.pid), _FOLLOW_S)
        for name in segments:
            _remove(name)


def _remove(segment: str) -> None:
    """Remove a segment of shared memory, if it is there; where it is a file, without the process by which Python tracks segments."""
    if (folder := Path("/dev/shm")).is_dir():
        (folder / segment).unlink(missing_ok=True)
        return
    with contextlib.suppress(FileNotFoundError):
        found = SharedMemory(segment)
        found.close()
        found.unlink()
