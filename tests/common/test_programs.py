"""Own modules in a new Python."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ecc_lava.common import own_program


def test_a_new_python_finds_our_modules_and_runs_none_of_the_folder_it_starts_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "told.py").write_text("def main(*words): print(words)")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    monkeypatch.delenv("PYTHONPATH", raising=False)  # it may say "."
    done = subprocess.run(own_program("told", "one", "two"), capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.stdout, done.stderr) == ("('one', 'two')\n", "")
