"""Tests that need Lava, and scripts in a fresh interpreter."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

__all__ = ["ROOT", "needs_lava", "script"]

needs_lava = pytest.mark.skipif(importlib.util.find_spec("lava") is None, reason="lava-nc needs Python 3.10")

ROOT = Path(__file__).parents[2]
"""Where a process of its own finds the packages and the tests."""


def script(body: str, *, timeout: float = 120.0) -> str:
    """Run a script in a fresh interpreter; return its standard output."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", dedent(body)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
