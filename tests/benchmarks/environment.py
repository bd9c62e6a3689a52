"""The machine that a benchmark runs on, and what is installed."""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecc_lava.common import usable_cores
from tests.benchmarks.roofline import told

HERE = Path(__file__).parent


def environment() -> dict[str, Any]:
    """Describe the machine and what is installed."""
    wanted = ("numpy", "numba", "tensorflow-cpu", "torch", "spikingjelly", "lava-nc")
    names = {"tensorflow-cpu": "tensorflow", "lava-nc": "lava"}
    packages = {name: version(name) for name in wanted if importlib.util.find_spec(names.get(name, name))}
    compiler = subprocess.run(["cc", "--version"], capture_output=True, text=True).stdout.splitlines()[:1]
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    return {
        "processor": told("model name") or platform.processor(),
        "cores": usable_cores(),
        "load_before": os.getloadavg(),
        "python": platform.python_version(),
        "packages": packages,
        "compiler": compiler,
        "commit": commit,
    }
