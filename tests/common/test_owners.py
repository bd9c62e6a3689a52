"""What the system tells of processes is understood whatever their names are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from ecc_lava.backends.lava.host.vitals import group_alive, vitals
from ecc_lava.common import is_gone

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux has /proc")

NAMED = """
import ctypes
from ecc_lava.common import owner
ctypes.CDLL(None).prctl(15, b"\\xe9\\xff) R 1", 0, 0, 0)  # PR_SET_NAME
print(owner(), flush=True)
input()
"""


@pytest.fixture
def named() -> Iterator[tuple[int, str]]:
    """Give the number of a process whose name is no text and looks like what follows a name, and the name it goes by here."""
    with subprocess.Popen(
        [sys.executable, "-c", NAMED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        yield process.pid, process.stdout.readline().strip()
        process.communicate("\n")


def test_a_process_with_any_name(named: tuple[int, str]) -> None:
    number, name = named
    seen = vitals(number)
    assert seen is not None and not seen.stopped
    assert is_gone(name) is False
    assert is_gone(f"{name}1") is True
    assert group_alive(number)
    assert not group_alive(2**30)  # every process was looked at
