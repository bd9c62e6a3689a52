"""Where the real data is, how many tests went without it, and what runs together."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis.internal.conjecture import providers
from xdist.scheduler import LoadScopeScheduling

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background job; the tests of interrupts send it
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as under nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
# The tests start about 150 interpreters. Where bytecode is not kept (a habit of containers), each compiles Lava's or TensorFlow's
# sources anew, which takes most of the time of both.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # the same arithmetic whatever test imports TensorFlow first
# tables are as wide as in a file and without colours, whatever terminal or service runs the tests
for name in ("COLUMNS", "LINES", "TERMINAL_WIDTH", "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(name, None)
# The same examples everywhere, however slow the machine is; files say how many. Hypothesis also draws numbers that stand in the modules
# which are loaded, and these are others where other tests ran before.
providers._get_local_constants = lambda: providers._local_constants
hypothesis.settings.register_profile("tests", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("tests")
os.umask(os.umask(0o022) | 0o022)  # some services let all users write, and then no cache is trusted
NEEDS_DATA = "needs the data folder (ECC_LAVA_DATA)"


TESTS = Path(__file__).parent
TOGETHER = {"cli"}
"""Folders whose files share what is dear to make."""
LONGEST = (
    "test_wild.py",
    "test_notebooks.py",
    "test_models.py",
    "test_keras_generated.py",
    "test_trial_store.py",
    "cli",
    "test_lava_faults.py",
)
"""Files and folders to begin with, the longest first, so that no worker is left alone with one of them at the end."""


class ByFile(LoadScopeScheduling):
    """Gives one worker all tests of a file, which share conversions, or of a folder of `TOGETHER`; slow tests one by one."""

    def _split_scope(self, nodeid: str) -> str:
        if self.config.option.markexpr == "slow":
            return nodeid
        file = Path(nodeid.split("::", 1)[0])
        return file.parent.as_posix() if file.parent.name in TOGETHER else file.as_posix()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Return the one that shares out the tests."""
    return ByFile(config, log)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return three workers for two cores: a worker often waits for a process that it started."""
    cores = os.cpu_count() or 1
    return cores + cores // 2


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for a run that repeats another one elsewhere."""
    parser.addoption("--cases", type=int, metavar="N", help="run at most N cases of each test, evenly spread")


def _some_cases(items: list[pytest.Item], most: int) -> set[pytest.Item]:
    """Return at most so many items of each test, evenly spread from its first case to its last."""
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        cases.setdefault(item.nodeid.split("[", 1)[0], []).append(item)
    return {same[at] for same in cases.values() for at in np.linspace(0, len(same) - 1, min(most, len(same))).round().astype(int)}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out cases where asked, and begin with the longest files."""
    if (most := config.getoption("--cases")) is not None:
        kept = _some_cases(items, most)
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = [item for item in items if item in kept]

    def rank(item: pytest.Item) -> int:
        return min((LONGEST.index(name) for name in (item.path.name, item.path.parent.name) if name in LONGEST), default=len(LONGEST))

    items.sort(key=rank)


_UNSEEN = ["numpy", "tensorflow", "keras"]
"""Packages whose objects the garbage collector still looks at."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Keep what was collected and imported out of the collector's way: Keras collects for every layer, a quarter of its tests' time."""
    if (unseen := [name for name in _UNSEEN if name not in sys.modules]) != _UNSEEN:
        _UNSEEN[:] = unseen
        gc.freeze()


def data_folder() -> Path | None:
    """Return the folder of real data and trained models, or None."""
    named = os.environ.get("ECC_LAVA_DATA")
    folder = Path(named) if named else TESTS.parents[1] / "shared" / "data"
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
