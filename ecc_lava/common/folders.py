"""Folders of results, which are written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecc_lava.common.temporary import temporary_folder
from ecc_lava.errors import FileError

__all__ = ["whole_folder"]


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Make a draft of a new or empty folder for the block, and put it in the folder's place once the block has ended without an error.

    Raises
    ------
    FileError
        If the folder is not empty, or cannot be written.
    """
    try:
        _check_new_or_empty(folder)
        with temporary_folder(folder.absolute().parent, f".{folder.name}.") as draft:
            yield draft
            draft.chmod(0o755)
            draft.replace(folder)  # an empty folder is replaced
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{folder}: cannot be written: {error.strerror or error}") from error


def _check_new_or_empty(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise FileError(f"{folder}: holds other files; give a new or empty folder")
    if folder.exists() and not folder.is_dir():
        raise FileError(f"{folder}: is not a folder")
