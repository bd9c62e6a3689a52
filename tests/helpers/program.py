"""How the tests call the command line, and what they expect of every bad input."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest

from ecc_lava.cli.app import main
from ecc_lava.demo.data import FOLDER

DATA = FOLDER / "digits.npz"
PROGRAM = str(Path(sys.executable).parent / "ecc-lava")
LAVA = importlib.util.find_spec("lava") is not None
OK, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


class Outcome(NamedTuple):
    """Exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object that must be all of stdout."""
        assert self.out.count("\n") == 1
        assert self.out.endswith("\n")

        def refused(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        value = json.loads(self.out, parse_constant=refused)
        assert isinstance(value, dict)
        assert value["version"] == 1
        assert value["packages"]["ecc-lava"]
        return value


Call = Callable[..., Outcome]


def in_process_of_its_own(*arguments: object, **options: Any) -> Outcome:
    done = subprocess.run([PROGRAM, *(str(a) for a in arguments)], capture_output=True, text=True, timeout=900, **options)
    return Outcome(done.returncode, done.stdout, done.stderr)


def exit_code(*arguments: object) -> int:
    """Run the program in this process and return its exit code; what it prints goes where this process prints."""
    with mock.patch.object(sys, "argv", ["ecc-lava", *(str(a) for a in arguments)]), pytest.raises(SystemExit) as caught:
        main()
    code = caught.value.code
    return code if isinstance(code, int) else 0 if code is None else 1


def in_this_process(*arguments: object) -> Outcome:
    """Run the program in this process, for fixtures that outlive the capture of one test."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = exit_code(*arguments)
    return Outcome(code, out.getvalue(), err.getvalue())


class Made(NamedTuple):
    network: Path
    outcome: Outcome


def one_message(outcome: Outcome, code: int = BAD_INPUT) -> str:
    assert outcome.code == code, outcome
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    lines = outcome.err.splitlines()
    if lines[-1].startswith("Error: "):  # an option that the command does not take so
        assert len(lines) <= 4
    else:
        assert len(lines) <= 2
        assert lines[0].startswith("ecc-lava: ")
        assert all(lines)
    return outcome.err
