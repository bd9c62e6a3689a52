"""Files written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ecc_lava.errors import FileError

__all__ = ["check_writable", "read_bytes", "write_bytes"]


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file under a temporary name beside it, sync it, and rename it: a reader sees the old file or the new one, never a part.

    Raises
    ------
    FileError
        If the folder is missing or cannot be written, or the disk is full; the old file, if any, is untouched.
    """
    path = Path(path)
    temporary = None
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error


def check_writable(path: str | Path) -> None:
    """Find out before the work, not after it, whether a file can be written; nothing is left behind.

    Raises
    ------
    FileError
        If not, saying why.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_bytes(path: str | Path) -> bytes:
    """Return a file's bytes.

    Raises
    ------
    FileError
        If it is missing or cannot be read.
    """
    path = Path(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
