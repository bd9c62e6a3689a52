"""Signals to the installed program: one line and one exit code at every moment, and nothing that stays."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

WORKING = """
import sys, time
from pathlib import Path
sys.argv = ["ecc-lava", "layers"]
import ecc_lava.cli.commands.layers as layers
from ecc_lava.common import temporary_folder
PLACE = Path({place!r})
def told():
    sys.stderr.write("started\\n")
    sys.stderr.flush()
def work():
{work}
import typer
def command(json: bool = False) -> None:
    work()
layers.command = command
from ecc_lava.cli import main
main()
"""

IN_A_FOLDER = """
    with temporary_folder(PLACE):
        told()
        time.sleep(600)
"""

SLOW_CLEAN_UP = """
    with temporary_folder(PLACE):
        try:
            told()
            time.sleep(600)
        finally:
            told()
            sys.stdin.read()  # until the test has sent what it sends
"""

IN_A_DESTRUCTOR = """
    class Slow:
        def __del__(self):
            told()
            for _ in range(200):
                time.sleep(0.01)
    with temporary_folder(PLACE):
        slow = Slow()
        del slow
        time.sleep(600)
"""

BEFORE_THE_BLOCK = """
    import tempfile
    made = tempfile.mkdtemp
    def mkdtemp(**options):
        folder = made(**options)
        told()
        time.sleep(600)
        return folder
    tempfile.mkdtemp = mkdtemp
    with temporary_folder(PLACE):
        pass
"""

HALF_MADE = """
    class Half:
        def __del__(self):
            raise ValueError("I/O operation on closed file")
    half = Half()
    with temporary_folder(PLACE):
        told()
        time.sleep(600)
"""

AS_ANOTHER_ERROR = """
    with temporary_folder(PLACE):
        try:
            told()
            time.sleep(600)
        except BaseException as error:  # as modules of pybind11 do while they are imported
            raise ImportError("initialization failed") from error
"""

AT_THE_END = """
    import atexit
    def slow():
        told()
        sys.stdin.read()
    atexit.register(slow)
    with temporary_folder(PLACE):
        told()
        time.sleep(600)
"""


def _started(work: str, place: Path, *before: str) -> subprocess.Popen[str]:
    """Return a program at work, when it has said so."""
    program = WORKING.format(place=str(place), work=work)
    words = [*before, sys.executable, "-c", program]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline() == "started\n"
    return process


def _ended(process: subprocess.Popen[str], number: signal.Signals, place: Path) -> None:
    """Check that the program ends by a signal with one line, and leaves nothing."""
    _, said = process.communicate(timeout=300)
    word = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
    assert said.replace("started\n", "") == f"ecc-lava: {word}\n"
    assert process.returncode == 128 + number
    assert not list(place.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "work",
    [IN_A_FOLDER, IN_A_DESTRUCTOR, BEFORE_THE_BLOCK, HALF_MADE, AS_ANOTHER_ERROR],
    ids=["folder", "destructor", "before", "half made", "other error"],
)
def test_a_signal_leaves_nothing(work: str, number: signal.Signals, tmp_path: Path) -> None:
    process = _started(work, tmp_path)
    process.send_signal(number)
    _ended(process, number, tmp_path)


@pytest.mark.parametrize("ignored", ["INT", "HUP", "INT HUP"])
def test_sigterm_cleans_up_where_others_are_ignored(ignored: str, tmp_path: Path) -> None:
    """As in the background of a shell, and under nohup."""
    process = _started(IN_A_FOLDER, tmp_path, "sh", "-c", f"trap '' {ignored}; exec \"$@\"", "sh")
    process.send_signal(getattr(signal, f"SIG{ignored.split()[0]}"))
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _ended(process, signal.SIGTERM, tmp_path)


@pytest.mark.parametrize("work", [SLOW_CLEAN_UP, AT_THE_END], ids=["cleaning up", "ending"])
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_does_nothing(work: str, second: signal.Signals, tmp_path: Path) -> None:
    process = _started(work, tmp_path)
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    while (line := process.stderr.readline()) != "started\n":
        assert line == "ecc-lava: ended by SIGTERM\n"
    for _ in range(3):
        assert process.poll() is None
        process.send_signal(second)
        time.sleep(0.05)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGTERM
    assert said in ("", "ecc-lava: ended by SIGTERM\n")
    assert not list(tmp_path.iterdir())


def test_signals_are_taken_before_anything_else_is_imported() -> None:
    program = (
        "import sys\nbefore = set(sys.modules)\nfrom ecc_lava.cli import main\nimport ecc_lava.cli.signals as signals\n"
        "def told():\n    print(*sorted(set(sys.modules) - before))\n    raise SystemExit\n"
        "signals.at_once = told\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {
        "__future__",
        "_signal",
        "ecc_lava",
        "ecc_lava.cli",
        "ecc_lava.cli.signals",
        "enum",
        "signal",
        "types",
    } | {
        "functools",
        "operator",
        "_operator",
        "_functools",
        "collections",
        "_collections",
        "keyword",
        "itertools",
        "reprlib",  # newer Pythons' enum
    }
