"""Folders and files that this user alone can write: nothing else that holds code is loaded, and only if it is whole."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

__all__ = ["content_digest", "doubt_of_file", "doubt_of_folder", "private_folder"]


def private_folder() -> tuple[Path, str | None]:
    """Return the folder for what this program keeps, made if need be, and why it cannot be used; None if it can."""
    try:
        folder = _named() / "ecc_lava"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = folder.resolve()
        return folder, doubt_of_folder(folder)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a user without a home; ValueError: a name with a null
        return Path(), str(error)


def _named() -> Path:
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return named if named.is_absolute() else Path("~/.cache").expanduser()


def doubt_of_folder(folder: Path) -> str | None:
    """Return why others may change what lies in a folder, or put another in its place; None if they may not.

    Raises
    ------
    OSError
        If the folder is not there.
    """
    folder = folder.resolve()
    return next(filter(None, (_doubt(place, is_own=place == folder) for place in (folder, *folder.parents))), None)


def doubt_of_file(path: Path) -> str | None:
    """Return why a file of such a folder is not this user's alone, or no regular file; None if it is.

    Raises
    ------
    OSError
        If the file is not there.
    """
    return _doubt(path, is_own=True) if path.is_file() and not path.is_symlink() else "not a regular file"


def _doubt(place: Path, *, is_own: bool) -> str | None:
    if not hasattr(os, "geteuid"):  # Windows gives a user's folders rights of their own
        return None
    about, me = place.stat(), os.geteuid()
    if about.st_uid not in ((me,) if is_own else (me, 0)):
        return f"{place} belongs to another user"
    own_group = about.st_gid == me  # by custom, a group with the user's number holds the user alone
    by_others = about.st_mode & (stat.S_IWOTH | (0 if own_group else stat.S_IWGRP))
    is_sticky = not is_own and about.st_mode & stat.S_ISVTX  # in such a folder, others replace only what is theirs
    return f"{place} can be written by others" if by_others and not is_sticky else None


def content_digest(content: bytes) -> str:
    """Return the digest that is kept with a file."""
    return hashlib.sha256(content).hexdigest()[:32]
