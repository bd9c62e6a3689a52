"""Kill commands at random moments: is their output absent or whole, and what stays behind."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from tests.helpers.processes import command_of
from tests.helpers.program import PROGRAM
from tests.hostile.commands import COMMANDS, Command

__all__ = ["Kills", "add_options", "attack", "run"]

SIGNALS: Final = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
MARK: Final = "ECC_LAVA_KILLED_RUN"
"""Of the environment of every process of a run."""
LEAVE_S: Final = 60.0
"""Seconds in which all processes of a killed run must have ended."""


@dataclass
class Kills:
    """What became of the kills of a command."""

    command: str
    kills: int = 0
    absent: int = 0
    whole: int = 0
    early: int = 0
    left: int = 0
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


def attack(name: str, kills: int, place: Path, seed: int = 0) -> Kills:
    """Kill a command so many times, each at a moment drawn from its whole duration, then let it end and see that nothing is left.

    Parameters
    ----------
    name : str
    kills : int
    place : Path
        A folder whose path is short, with a demo's files in ``demo``.
    seed : int
    """
    command, outcome, rng = COMMANDS[name], Kills(name), random.Random(f"{seed} {name}")
    (place / "tmp").mkdir(exist_ok=True)
    duration = _whole(command, place)
    began = time.monotonic()
    for number in range(kills):
        sent, after = SIGNALS[number % len(SIGNALS)], rng.uniform(0.0, 1.05 * duration)
        if name != "study":
            _empty(place / "out")
        why = _killed(command, place, sent, after, outcome)
        outcome.kills += 1
        if why:
            outcome.faults.append(f"{sent.name} after {after:.2f} s: {why}")
    _whole(command, place)
    left = [path.name for path in (*(place / "tmp").iterdir(), *(place / "out").glob(".*"))]
    if left:
        outcome.faults.append(f"the next run left {left}")
    outcome.seconds = time.monotonic() - began
    return outcome


def _environment(place: Path, mark: str) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(place / "tmp"), MARK: mark}


def _words(command: Command, place: Path) -> list[str]:
    return [PROGRAM, *map(str, command.arguments(place))]


def _whole(command: Command, place: Path) -> float:
    """Run the command to its end, and return how long it took."""
    _empty(place / "out")
    began = time.monotonic()
    done = subprocess.run(_words(command, place), env=_environment(place, "whole"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    command.check(place / "out")
    return time.monotonic() - began


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def _killed(command: Command, place: Path, sent: signal.Signals, after: float, outcome: Kills) -> str:
    """Kill one run; return what is wrong, or nothing."""
    mark = f"{os.getpid()} {outcome.command} {outcome.kills}"
    shared = _segments()
    process = subprocess.Popen(
        _words(command, place),
        env=_environment(place, mark),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said = process.communicate(timeout=after)[1]
    except subprocess.TimeoutExpired:
        process.send_signal(sent)
        said = process.communicate(timeout=600)[1]
    wrong = _of_the_end(process.returncode, said, sent, outcome)
    alive = _ended(mark)
    if alive:
        wrong.append(f"processes stay: {alive}")
    try:
        command.check(place / "out")
    except Exception as error:  # of a reader that finds a part
        wrong.append(f"output: {type(error).__name__}: {error}")
    written = any(not path.name.startswith(".") for path in (place / "out").iterdir())
    outcome.whole += written
    outcome.absent += not written
    left = [*(place / "tmp").iterdir(), *(place / "out").glob(".*")]
    segments = _staying(_segments() - shared)
    if segments:
        wrong.append(f"segments stay: {segments}")
    if left and sent == signal.SIGKILL:
        outcome.left += 1  # the next run removes it
    elif left and process.returncode != -sent:
        wrong.append(f"left: {[path.name for path in left]}")
    return "; ".join(wrong)


def _of_the_end(code: int, said: str, sent: signal.Signals, outcome: Kills) -> list[str]:
    """Check the exit code, and that there is one line; a signal while Python itself starts is counted apart."""
    if code == 0 or sent == signal.SIGKILL:
        return []
    if code == -sent or ("ecc_lava/cli" not in said and said.endswith("KeyboardInterrupt\n")):
        outcome.early += 1
        return []
    told = "ecc-lava: interrupted" if sent == signal.SIGINT else f"ecc-lava: ended by {sent.name}"
    fine = code == 128 + sent and said.splitlines().count(told) == 1 and said.endswith(f"{told}\n") and "Traceback" not in said
    return [] if fine else [f"exit code {code}, {said[-400:]!r}"]


def _ended(mark: str) -> list[str]:
    """Wait until all processes with a mark have ended; return those that have not."""
    until = time.monotonic() + LEAVE_S
    while alive := [process for process in psutil.process_iter() if _has(process, mark)]:
        if time.monotonic() > until:
            names = [" ".join(command_of(process)[-4:]) for process in alive if process.is_running()]
            for process in alive:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            return names
        time.sleep(0.1)
    return []


def _has(process: psutil.Process, mark: str) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == mark
    except psutil.Error:
        return False


def _segments() -> set[str]:
    return {path.name for path in Path("/dev/shm").glob("psm_*")}


def _staying(names: set[str]) -> list[str]:
    """Return the segments that stay without a process; those of other tests are so only between two calls."""
    until = time.monotonic() + LEAVE_S
    left = [name for name in names if not _is_mapped(name)]
    while left and time.monotonic() < until:
        time.sleep(0.1)
        left = [name for name in left if not _is_mapped(name)]
    return left


def _is_mapped(name: str) -> bool:
    """Return whether a living process, of this run or another, uses a segment."""
    for maps in Path("/proc").glob("[0-9]*/maps"):
        try:
            if name.encode() in maps.read_bytes():
                return True
        except OSError:
            continue
    return not Path("/dev/shm", name).exists()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this attack."""
    parser.add_argument("--each", type=int, default=100, help="kills of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=list(COMMANDS), default=list(COMMANDS))


def run(options: argparse.Namespace) -> int:
    """Kill every command, print the table, and return 1 if there is a fault."""
    print("| command | kills | output absent | output whole | while Python starts | left for the next run | faults | seconds |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="k", dir="/tmp") as folder:
        place = Path(folder)
        subprocess.run([PROGRAM, "demo", "--out", str(place / "demo")], check=True, capture_output=True)
        for name in options.only:
            k = attack(name, options.each, place, options.seed)
            faults += [f"{name}: {fault}" for fault in k.faults]
            print(*(f"{name}: {fault}" for fault in k.faults), sep="\n", file=sys.stderr, flush=True)
            row = (name, k.kills, k.absent, k.whole, k.early, k.left, len(k.faults), f"{k.seconds:.0f}")
            print(f"| {' | '.join(map(str, row))} |", flush=True)
    return int(bool(faults))
