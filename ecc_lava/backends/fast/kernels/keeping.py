"""The folder that keeps compiled kernels: only what this user alone could write there is loaded, and only if it is whole.

A library's name ends with the digest of its bytes, so a torn or altered file is found before the system maps it into the process.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from ecc_lava.common import content_digest, doubt_of_file, private_folder, temporary_file

__all__ = ["keep", "kept", "own_folder"]

_log = logging.getLogger(__name__)

PREFIX = "fast_kernels-"

_ADVICE = "kernels are compiled for this process only; set XDG_CACHE_HOME to a folder that you alone can write"


def own_folder() -> Path | None:
    """Return the folder for kept libraries; None, with a warning, where no folder is this user's alone."""
    folder, doubt = private_folder()
    if doubt is None:
        return folder
    _log.warning("%s: %s", doubt, _ADVICE)
    return None


def kept(folder: Path, key: str) -> Path | None:
    """Return a whole library of a key; what is not whole, or not this user's alone, is named and removed."""
    for library in sorted(folder.glob(f"{PREFIX}{key}-*.so")):
        try:
            doubt = doubt_of_file(library)
            if doubt is None and library.stem.endswith(f"-{content_digest(library.read_bytes())}"):
                return library
            _log.warning("%s: %s; it is compiled again", library, doubt or "is not what was written there")
            library.unlink()
        except OSError as error:
            _log.warning("%s cannot be used (%s) and is compiled again", library, error)
    return None


def keep(folder: Path, key: str, made: Path) -> None:
    """Keep a library for later processes: written, synced, then renamed. A folder without room is told, and nothing is kept."""
    content = made.read_bytes()
    library, temporary = folder / f"{PREFIX}{key}-{content_digest(content)}.so", None
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
