"""The folder that keeps compiled kernels: only what this user alone could write there is loaded, and only if it is whole.

A library's name ends with the digest of its bytes, so a torn or altered file is found before the system maps it into the process.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from pathlib import Path

from ecc_lava.common import temporary_file

__all__ = ["keep", "kept", "private_folder"]

_log = logging.getLogger(__name__)

PREFIX = "fast_kernels-"

_ADVICE = "kernels are compiled for this process only; set XDG_CACHE_HOME to a folder that you alone can write"


def private_folder() -> Path | None:
    """Return the folder for kept libraries, made if need be; None, with a warning, where no folder is this user's alone."""
    try:
        folder = _named() / "ecc_lava"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = folder.resolve()
        doubt = next(filter(None, (_doubt(place, is_own=place == folder) for place in (folder, *folder.parents))), None)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a user without a home; ValueError: a name with a null
        doubt, folder = str(error), Path()
    if doubt is None:
        return folder
    _log.warning("%s: %s", doubt, _ADVICE)
    return None


def _named() -> Path:
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return named if named.is_absolute() else Path("~/.cache").expanduser()


def _doubt(place: Path, *, is_own: bool) -> str | None:
    """Return why others may change what lies in a folder, or replace the file; None if they may not."""
    if not hasattr(os, "geteuid"):  # Windows gives a user's folders rights of their own
        return None
    about, me = place.stat(), os.geteuid()
    if about.st_uid not in ((me,) if is_own else (me, 0)):
        return f"{place} belongs to another user"
    own_group = about.st_gid == me  # by custom, a group with the user's number holds the user alone
    by_others = about.st_mode & (stat.S_IWOTH | (0 if own_group else stat.S_IWGRP))
    is_sticky = not is_own and about.st_mode & stat.S_ISVTX  # in such a folder, others replace only what is theirs
    return f"{place} can be written by others" if by_others and not is_sticky else None


def kept(folder: Path, key: str) -> Path | None:
    """Return a whole library of a key; what is not whole, or not this user's alone, is named and removed."""
    for library in sorted(folder.glob(f"{PREFIX}{key}-*.so")):
        try:
            doubt = _doubt(library, is_own=True) if library.is_file() and not library.is_symlink() else "not a regular file"
            if doubt is None and library.stem.endswith(f"-{_digest(library.read_bytes())}"):
                return library
            _log.warning("%s: %s; it is compiled again", library, doubt or "is not what was written there")
            library.unlink()
        except OSError as error:
            _log.warning("%s cannot be used (%s) and is compiled again", library, error)
    return None


def keep(folder: Path, key: str, made: Path) -> None:
    """Keep a library for later processes: written, synced, then renamed. A folder without room is told, and nothing is kept."""
    content = made.read_bytes()
    library, temporary = folder / f"{PREFIX}{key}-{_digest(content)}.so", None
    try:
        handle, temporary = temporary_file(library)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o700)
        temporary.replace(library)
        temporary = None
    except OSError as error:
        _log.warning("the kernels cannot be kept in %s (%s): %s", folder, error.strerror or error, _ADVICE)
    finally:  # also when interrupted
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
