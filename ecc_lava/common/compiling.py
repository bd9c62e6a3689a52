"""Compiles functions with numba, with a cache on disk where numba finds a folder for one that this user alone can write.

Few rooms may import numba, and this one may not: the caller hands numba's `njit` in. Numba unpickles the machine code of its cache without
a look, so each of its files has a digest beside it, and a file that is torn, altered or another user's is compiled again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from glob import escape
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from ecc_lava.common.files import write_bytes
from ecc_lava.common.private import content_digest, doubt_of_file, doubt_of_folder

__all__ = ["compiled_by"]

_log = logging.getLogger(__name__)

_Function = TypeVar("_Function", bound=Callable[..., Any])

_SEAL: Final = ".sha256"
"""Ending of the file that holds the digest of another."""

_ALONE: Final = "kernels are compiled for this process only; set NUMBA_CACHE_DIR to a folder that you alone can write"


def compiled_by(njit: Callable[..., Any], function: _Function) -> _Function:
    """Return a compiled function that runs without Python's lock; without a folder for the cache, this process alone keeps it."""
    try:
        Path("~").expanduser()  # without a home, numba would make a folder called ~
        made = njit(cache=True, nogil=True)(function)
        doubt = doubt_of_folder(Path(made.stats.cache_path))
    except (OSError, RuntimeError):
        doubt = "numba finds no folder to cache kernels in"
    if doubt is not None:
        _tell(f"{doubt}: {_ALONE}")
        return cast(_Function, njit(nogil=True)(function))
    made._cache = _SealedCache(made._cache, function)
    return cast(_Function, made)


@cache
def _tell(message: str) -> None:
    """Warn once, however many functions there are."""
    _log.warning("%s", message)


class _SealedCache:
    """Numba's cache of one function, whose files are verified before numba reads them."""

    def __init__(self, kept: Any, function: Callable[..., Any]) -> None:
        self._kept, self._folder = kept, Path(kept.cache_path)
        name = f"{Path(function.__code__.co_filename).stem}.{function.__qualname__}".replace("<", "").replace(">", "")
        self._pattern = f"{escape(name)}-*.nb[ci]"  # as numba names the index and the machine code

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kept, name)

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Return the machine code of a signature; None if there is none that is whole."""
        for path, doubt in self._doubts():
            _log.debug("%s: %s; it is compiled again", path, doubt)
            with suppress(OSError):
                path.unlink()
        try:
            return self._kept.load_overload(signature, context)
        except Exception as error:  # unpickling raises every kind of error on what another version wrote
            _log.debug("%s: %s; compiled again", self._folder, error)
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep machine code for later processes; a folder without room is told, and nothing is kept."""
        try:
            self._kept.save_overload(signature, compiled)
            for path, _ in self._doubts():
                write_bytes(path.with_name(path.name + _SEAL), content_digest(path.read_bytes()).encode())
        except OSError as error:
            _tell(f"kernels cannot be kept in {self._folder} ({error.strerror or error}): {_ALONE}")

    def _doubts(self) -> Iterator[tuple[Path, str]]:
        """Yield the files of this function that are not whole or not this user's alone, and why."""
        for path in sorted(self._folder.glob(self._pattern)):
            try:
                seal = path.with_name(path.name + _SEAL)
                doubt = doubt_of_file(path) or doubt_of_file(seal)
                if doubt is None and seal.read_bytes() != content_digest(path.read_bytes()).encode():
                    doubt = "is not what was written there"
            except OSError as error:
                doubt = error.strerror or str(error)
            if doubt is not None:
                yield path, doubt
