"""Where the real data is, and how many tests went without it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background job; the tests of interrupts send it
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # the same arithmetic whatever test imports TensorFlow first
NEEDS_DATA = "needs the data folder (ECC_LAVA_DATA)"


def data_folder() -> Path | None:
    """Return the folder of real data and trained models, or None."""
    named = os.environ.get("ECC_LAVA_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    return folder if (folder / "cifar10.npz").is_file() else None


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of real data; tests skip where there is none."""
    folder = data_folder()
    if folder is None:
        pytest.skip(NEEDS_DATA)
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped for want of the data."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if NEEDS_DATA in str(report.longrepr)]
    terminalreporter.write_line(f"{len(skipped)} tests skipped for want of the data folder")
