"""Files are written whole or not at all, and what cannot be written is noticed before the work."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import ecc_lava
from ecc_lava.common.files import check_writable, read_bytes, write_bytes
from ecc_lava.errors import EccLavaError, FileError
from tests.helpers.network_files import Triple


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_bytes(path, b"old")
    write_bytes(path, b"new")
    assert read_bytes(path) == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.open", "pathlib.Path.replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_failing_disk_leaves_the_old_file_and_nothing_else(
    call: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(b"old")

    def fails(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(call, fails)
        with pytest.raises(FileError, match=os.strerror(number)):
            write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["net.h5"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "net.h5", b"new")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [check_writable, lambda path: write_bytes(path, b"x")], ids=["check", "write"])
def test_paths_that_cannot_be_written(write: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path, reason in {
        tmp_path / "none" / "net.h5": "there is no folder .*make it first",
        tmp_path / "file" / "net.h5": "Not a directory",
        tmp_path / "folder": "it is a folder",
        tmp_path / "pipe": "not a regular file",
        tmp_path / ("n" * 400): "File name too long",
    }.items():
        with pytest.raises(FileError, match=reason) as caught:
            write(path)
        assert str(caught.value).startswith(f"{path}: cannot be written")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder", "pipe"]


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    check_writable(tmp_path / "net.h5")
    (tmp_path / "old").write_bytes(b"old")
    check_writable(tmp_path / "old")
    assert [p.name for p in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old").read_bytes() == b"old"


def test_read_only_folders_are_noticed_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.mkstemp", fails)
    monkeypatch.setattr("tempfile.TemporaryFile", fails)
    with pytest.raises(FileError, match="Read-only file system"):
        check_writable(tmp_path / "net.h5")


def test_a_save_that_fails_leaves_the_old_network(made: Triple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.h5"
    ecc_lava.save(path, made[0])
    old = path.read_bytes()

    def fails(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", fails)
    with pytest.raises(EccLavaError, match="No space left"):
        ecc_lava.save(path, made[0], snn=made[1])
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["net.h5"]
