"""Reads files, and writes them whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ecc_lava.common.temporary import temporary_file
from ecc_lava.errors import FileError

__all__ = ["JSON_BYTES_MAX", "check_writable", "read_bytes", "require_file", "write_bytes"]

JSON_BYTES_MAX = 2**26
"""Largest JSON file that is read, bytes; as Python values it takes ten times as many and more."""

HOLES_MAX = 2**28
"""Largest file that may be mostly holes, which take no disk and become memory when they are read; bytes."""

_BLOCK = 512
"""Bytes of the blocks in which POSIX counts a file's disk space."""


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a temporary file beside the path, sync it and rename it, so that a reader sees the old file or the new one, never a part.

    Raises
    ------
    FileError
        If the folder is missing or cannot be written, the disk is full, or the path is a folder, a device or a pipe. The old file stays
        as it is.
    """
    path = Path(path)
    temporary = None
    try:
        temporary = _temporary(path)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:  # also when interrupted
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_writable(path: str | Path, inputs: Iterable[str | Path] = ()) -> None:
    """Check before long work whether a file can be written, and leave nothing behind.

    Parameters
    ----------
    path : path
    inputs : paths
        Files that the work reads and that the new file must not replace.

    Raises
    ------
    FileError
        If the file cannot be written; the message says why.
    """
    path = Path(path)
    try:
        if path.exists() and any(Path(other).exists() and path.samefile(other) for other in inputs):
            raise FileError(f"{path}: is also an input, and would be replaced; give another name")
        _temporary(path).unlink()
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error


def _temporary(path: Path) -> Path:
    """Make an empty file beside `path` that can be renamed to it."""
    if path.is_dir():
        raise OSError(0, "it is a folder")
    if path.exists() and not path.is_file():
        raise OSError(0, "it is not a regular file")
    if not path.parent.exists():
        raise OSError(0, f"there is no folder {path.parent}; make it first")
    handle, made = temporary_file(path)
    os.close(handle)
    return made


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def require_file(path: str | Path) -> Path:
    """Return the path of a file that can be read.

    Raises
    ------
    FileError
        If the file is missing, or is a folder, a device or a pipe.
    """
    path = Path(path)
    try:
        if path.is_file():
            return path
        reason = (
            "there is no such file, only a folder of this name"
            if path.is_dir()
            else "it is not a regular file"
            if path.exists()
            else "there is no such file"
        )
    except OSError as error:
        reason = error.strerror or str(error)
    raise FileError(f"{path}: cannot be read: {reason}")


def read_bytes(path: str | Path, most: int | None = None) -> bytes:
    """Return a file's bytes.

    Parameters
    ----------
    path : path
    most : int, optional
        Most bytes that a file of this kind has.

    Raises
    ------
    FileError
        If the file is missing, larger, mostly holes, or cannot be read.
    """
    path = require_file(path)
    try:
        found = path.stat()
        if most is not None and found.st_size > most:
            raise FileError(f"{path}: has {found.st_size} bytes; a file of this kind has at most {most}. Is it the right one?")
        if found.st_size > HOLES_MAX and getattr(found, "st_blocks", found.st_size) * _BLOCK < found.st_size // 2:
            raise FileError(
                f"{path}: claims {found.st_size} bytes and stores {found.st_blocks * _BLOCK}: it is mostly holes. Copy it again"
            )
        return path.read_bytes()
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
