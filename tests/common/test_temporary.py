"""What a killed process left is removed by the next; what a living one holds, or another user, stays."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from ecc_lava.common import SEGMENTS, temporary_file, temporary_folder, write_bytes
from ecc_lava.common import temporary as temporary_module

LEFT_BEHIND = """
import os, signal, sys
from pathlib import Path
from ecc_lava.common import temporary_file, temporary_folder
place = Path(sys.argv[1])
_, file = temporary_file(place / "net.h5")
with temporary_folder(place) as folder:
    (folder / "job").write_text("half")
    print(file.name, folder.name, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which a killed process left a file and a folder."""
    place = tmp_path_factory.mktemp("left")
    done = subprocess.run([sys.executable, "-c", LEFT_BEHIND, str(place)], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert sorted(path.name for path in place.iterdir()) == sorted(done.stdout.split())
    return place


def test_the_next_process_removes_what_a_killed_one_left(left: Path) -> None:
    (left / "ecc_lava_mine").mkdir()  # not named as ours are
    shared = Path("/dev/shm")
    segment, other = (shared / f"psm_{word}{uuid4().hex}" for word in ("", "other"))
    if shared.is_dir():
        for path in (segment, other):
            path.write_bytes(b"")
        (abandoned,) = (path for path in left.iterdir() if path.is_dir() and path.name != "ecc_lava_mine")
        (abandoned / SEGMENTS).write_text(f"{segment.name}\n../{other.name}\n{other.name}\n")
    with temporary_folder(left) as mine, temporary_folder(left) as another:
        assert sorted(path for path in left.iterdir() if path.is_dir()) == sorted([mine, another, left / "ecc_lava_mine"])
    write_bytes(left / "net.h5", b"whole")
    assert sorted(path.name for path in left.iterdir()) == ["ecc_lava_mine", "net.h5"]
    if shared.is_dir():
        assert not segment.exists()
        assert other.exists()
        other.unlink()


def test_what_others_made_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, mine = temporary_file(tmp_path / "net.h5")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(temporary_module, "owner", lambda: "another/1 7 5")
        _, far = temporary_file(tmp_path / "net.h5")
    _, again = temporary_file(tmp_path / "net.h5")
    assert sorted(tmp_path.iterdir()) == sorted([mine, far, again])
