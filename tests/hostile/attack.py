"""Runs mutants against a reader, in a process of their own that a watchdog ends."""

from __future__ import annotations

import faulthandler
import gc
import logging
import multiprocessing
import random
import resource
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from ecc_lava.common import as_message
from ecc_lava.errors import EccLavaError

__all__ = ["Outcome", "Reader", "attack"]

SECONDS_MAX: Final = 20.0
"""Most processor time that one mutant may take: on a busy machine, too, a reader that takes so much is at fault."""

WAIT_MAX: Final = 600.0
"""Longest time that one mutant may take by the clock, as what waits uses no processor."""

MEMORY_MAX: Final = 2**30
"""Bytes by which the memory of the process may grow: mutants are small."""

MESSAGE_MAX: Final = 3000
"""Longest message of a refusal as a terminal shows it, characters."""


IN_MEMORY: Final = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Folder for mutants: a disk would take most of the time, since whatever is written is synced."""


@dataclass(frozen=True)
class Reader:
    """A reader of files.

    Attributes
    ----------
    name : str
    ending : str
        Of the file's name.
    prepare : callable () -> maker
        Loads and makes what all mutants share; the maker takes a random generator and returns the bytes of a mutant.
    read : callable (path)
        Reads a mutant; raises an error of ours, or checks that what was loaded is whole, such as equal after it is saved again.
    """

    name: str
    ending: str
    prepare: Callable[[], Callable[[random.Random], bytes]]
    read: Callable[[Path], None]


@dataclass
class Outcome:
    """What became of the mutants of a reader."""

    reader: str
    mutants: int = 0
    refused: int = 0
    loaded: int = 0
    faults: list[str] = field(default_factory=list)
    memory: int = 0
    longest: float = 0.0
    seconds: float = 0.0


class _TooLong(BaseException):
    """The watchdog's; no reader catches it."""


@contextmanager
def _watched() -> Iterator[None]:
    def bark(*_: object) -> None:
        raise _TooLong

    clocks = ((signal.ITIMER_PROF, signal.SIGPROF, SECONDS_MAX), (signal.ITIMER_REAL, signal.SIGALRM, WAIT_MAX))
    for clock, number, most in clocks:
        signal.signal(number, bark)
        signal.setitimer(clock, most)
    try:
        yield
    finally:
        for clock, _, _ in clocks:
            signal.setitimer(clock, 0)


def attack(reader: Reader, mutants: int, seed: int = 0, seconds: float = inf) -> Outcome:
    """Return what became of seeded mutants, as many as are read within a time.

    A process that dies is a fault of the mutant that it read, and the rest go on without it.
    """
    outcome = Outcome(reader.name)
    began = time.monotonic()
    first = 0
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:  # ours, since a process that dies leaves its own
        while first < mutants:
            ours, theirs = multiprocessing.Pipe(duplex=False)
            given = (reader, range(first, mutants), seed, Path(folder), theirs)
            process = multiprocessing.get_context("fork").Process(target=_run, args=given)
            process.start()
            theirs.close()
            first = _collect(outcome, ours, range(first, mutants), process, began + seconds)
    outcome.seconds = time.monotonic() - began
    return outcome


def _collect(outcome: Outcome, ours: Connection, numbers: range, process: BaseProcess, until: float) -> int:
    """Add up what a process tells, and return the number of the next mutant; after the last one or the time, the end of the numbers."""
    for number in numbers:
        try:
            if not ours.poll(2 * WAIT_MAX) or time.monotonic() > until:
                process.kill()
            told, seconds, memory, why = ours.recv()
        except EOFError:
            process.join()
            if time.monotonic() > until:
                return numbers.stop
            outcome.mutants += 1
            outcome.faults.append(f"mutant {number}: the process ended with {process.exitcode}")
            return number + 1
        outcome.mutants += 1
        outcome.refused += told == "refused"
        outcome.loaded += told == "loaded"
        if told == "fault":
            outcome.faults.append(f"mutant {number}: {why}")
        outcome.memory, outcome.longest = max(outcome.memory, memory), max(outcome.longest, seconds)
    process.join()
    return numbers.stop


def _run(reader: Reader, numbers: range, seed: int, folder: Path, theirs: Connection) -> None:
    """Read mutants, and tell of each."""
    logging.disable()  # warnings of every mutant
    faulthandler.disable()  # what ends a process is told once
    make = reader.prepare()
    base = 0
    for number in numbers:
        for left in folder.iterdir():
            left.unlink()
        content = make(random.Random(f"{seed} {reader.name} {number}"))
        path = folder / f"mutant{reader.ending}"
        path.write_bytes(content)
        base = base or _peak()
        began = time.process_time()
        told, why = _tried(reader, path)
        seconds, memory = time.process_time() - began, _peak() - base
        if memory > MEMORY_MAX + 2 * len(content):
            told, why = "fault", f"took {memory} bytes of memory"
        theirs.send((told, seconds, memory, why))
        if number % 100 == 0:
            gc.collect()


def _tried(reader: Reader, path: Path) -> tuple[str, str]:
    try:
        with _watched():
            reader.read(path)
    except EccLavaError as error:
        text = as_message(str(error))
        if not text.strip() or len(text) > MESSAGE_MAX or not text.replace("\n", "").isprintable():
            return "fault", f"the message {text!a:.300}"
        return "refused", ""
    except _TooLong:
        return "fault", f"took more than {SECONDS_MAX:g} s of the processor, or {WAIT_MAX:g} s"
    except BaseException as error:  # what no reader may raise
        where = traceback.extract_tb(error.__traceback__)[-1]
        return "fault", f"{type(error).__name__}: {str(error)[:200]!a} at {where.filename}:{where.lineno}"
    return "loaded", ""


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
