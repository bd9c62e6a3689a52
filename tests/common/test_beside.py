"""A call beside this thread: its value, its error, and that nobody waits for it in vain."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from ecc_lava.common import Beside


def test_it_begins_at_once_and_gives_its_value() -> None:
    begun = threading.Event()

    def call() -> int:
        begun.set()
        return threading.get_ident()

    beside = Beside(call)
    assert begun.wait(60)
    assert beside.result() != threading.get_ident()
    assert beside.result() == beside.result()


def test_its_error_comes_where_the_result_is_asked_for() -> None:
    empty: dict[str, int] = {}
    beside = Beside(lambda: empty["planted"])
    for _ in range(2):
        with pytest.raises(KeyError, match="planted"):
            beside.result()


def test_a_process_ends_without_it() -> None:
    program = "import time\nfrom ecc_lava.common import Beside\nBeside(lambda: time.sleep(600))"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300)
