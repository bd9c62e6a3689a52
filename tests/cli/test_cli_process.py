"""The installed program: memory and output that do not suffice, interrupts."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ecc_lava.cli.limits import check_threads
from tests.helpers.program import BAD_INPUT, DATA, INTERRUPTED, OK, PROGRAM, Call, in_process_of_its_own, one_message


def test_the_installed_program(network: Path, tmp_path: Path) -> None:
    good = in_process_of_its_own("run", network, "--data", DATA, "--limit", 3, "--json")
    assert (good.code, good.err) == (OK, "")
    assert good.json["images"] == 3
    bad = in_process_of_its_own("run", tmp_path / "none.h5", "--data", DATA, "--json")
    assert one_message(bad) == f"ecc-lava: {tmp_path / 'none.h5'}: cannot be read: there is no such file\n"


def test_forced_colours_bring_no_progress_into_a_log(call: Call, network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = call("run", network, "--data", DATA, "--limit", 3, "--json")
    assert (done.code, done.err) == (OK, "")
    assert done.json["images"] == 3


def test_memory_that_does_not_suffice_is_one_message(call: Call, network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*arguments: object, **options: object) -> None:
        raise MemoryError("Unable to allocate 7 PiB")

    monkeypatch.setattr("ecc_lava.cli.commands.run.simulate", exhausted)
    assert "--limit" in one_message(call("run", network, "--data", DATA))


def test_standard_output_that_is_full_is_one_message(network: Path) -> None:
    if not Path("/dev/full").is_char_device():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [PROGRAM, "run", str(network), "--data", str(DATA), "--limit", "2", "--json"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == BAD_INPUT
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@pytest.fixture
def slow_run(network: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that has started and would go on for ever."""
    images = np.random.default_rng(0).random((400, 8, 8, 1)).astype(np.float32)
    np.savez(tmp_path / "many.npz", x_test=images)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "p.npz").write_bytes(b"old")
    arguments = [
        "run",
        network,
        "--data",
        tmp_path / "many.npz",
        "--backend",
        "golden",
        "--predictions",
        tmp_path / "out" / "p.npz",
        "--json",
    ]
    program = (
        "import ecc_lava.backends.stepwise as stepwise, sys\nfrom ecc_lava.cli import main\ngolden = stepwise.golden\n"
        "def told(*a):\n    sys.stderr.write('started\\n'); sys.stderr.flush()\n    while True: golden(*a)\n"
        "stepwise.golden = told\nmain()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, *(str(a) for a in arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def test_ctrl_c_during_a_run(slow_run: subprocess.Popen[str], tmp_path: Path) -> None:
    assert slow_run.stderr is not None
    assert slow_run.stderr.readline() == "started\n"
    slow_run.send_signal(signal.SIGINT)
    out, err = slow_run.communicate(timeout=300)
    assert slow_run.returncode == INTERRUPTED
    assert out == ""
    assert err.replace("started\n", "") == "ecc-lava: interrupted\n"
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["p.npz"]
    assert (tmp_path / "out" / "p.npz").read_bytes() == b"old"


def test_ctrl_c_while_a_file_is_written(call: Call, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    outcome = call("map", network, "-o", tmp_path / "mapping.json", "--json")
    assert one_message(outcome, INTERRUPTED) == "ecc-lava: interrupted\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("number", "said"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "ended by SIGTERM")])
def test_a_signal_while_the_program_starts_is_one_line(number: signal.Signals, said: str) -> None:
    program = (
        "import sys\nimport ecc_lava.cli.streams as streams\nfrom ecc_lava.cli import main\nopened = streams.open_all\n"
        "def told():\n    opened(); sys.stderr.write('started\\n'); sys.stderr.flush(); __import__('time').sleep(600)\n"
        "streams.open_all = told\nmain()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, "demo"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline() == "started\n"
    process.send_signal(number)
    assert process.communicate(timeout=300)[1] == f"ecc-lava: {said}\n"
    assert process.returncode == 128 + number


CLOSED = {
    "stdout closed": (">&-", "", "standard output is closed"),
    "stdout full": (">/dev/full", "", "No space left"),
    "stdout and stderr full": (">/dev/full 2>/dev/full", "", ""),
    "stderr full": ("2>/dev/full", "none.h5", ""),
    "stderr closed": ("2>&-", "none.h5", ""),
    "all closed": ("<&- >&- 2>&-", "", ""),
    "stdin closed": ("<&-", "none.h5", "none.h5"),
}


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")
@pytest.mark.parametrize("name", CLOSED)
def test_streams_that_are_closed_or_full(name: str, network: Path) -> None:
    streams, wrong, said = CLOSED[name]
    command = f'exec "$0" layers {streams}' if not wrong else f'exec "$0" run {wrong} --data x {streams}'
    done = subprocess.run(["sh", "-c", command, PROGRAM], capture_output=True, text=True)
    assert done.returncode == BAD_INPUT
    assert said in done.stderr
    assert done.stderr.count("\n") == bool(said)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ImportError("libx.so: failed to map segment from shared object"), "ulimit -v"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
    ],
)
def test_limits_of_the_system_are_one_message(
    error: Exception, said: str, call: Call, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("ecc_lava.cli.commands.run.simulate", refused)
    assert said in one_message(call("run", network, "--data", DATA))


def test_threads_that_cannot_be_started_are_told_before_a_library_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    check_threads()
    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(SystemExit) as caught:
        check_threads()
    assert caught.value.code == BAD_INPUT
    assert "ulimit -u" in capsys.readouterr().err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux limits the memory of a process so")
@pytest.mark.parametrize("kib", [200_000, pytest.param(500_000, marks=pytest.mark.slow)])
def test_memory_that_does_not_suffice_to_start_is_one_message(kib: int, network: Path, tmp_path: Path) -> None:
    command = f'ulimit -v {kib}; exec "$0" map "$1" -o "$2"'
    done = subprocess.run(["sh", "-c", command, PROGRAM, network, tmp_path / "out.json"], capture_output=True, text=True)
    assert done.returncode == BAD_INPUT
    assert "Traceback" not in done.stderr
    assert done.stderr.count("ecc-lava: ") == 1
    assert not list(tmp_path.iterdir())
