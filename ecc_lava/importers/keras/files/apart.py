"""Ask a process of its own for a model file's graph: a command need not import TensorFlow to read numbers, and Keras runs within limits."""

from __future__ import annotations

import logging
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from ecc_lava.common import own_program, sweep, temporary_folder
from ecc_lava.errors import FileError

__all__ = ["answer_of_a_child", "end_reader", "start_reader"]

_CHILD = "ecc_lava.importers.keras.files.child"

WAIT_SECONDS: Final = 600
"""Longest wait for an answer; the limit of computing time ends a process long before, unless it waits itself."""

_log = logging.getLogger(__name__)

_ready: list[subprocess.Popen[bytes]] = []
"""The process that was started before it was asked, if there is one."""


def start_reader() -> None:
    """Start a process that imports what it needs for a model file while this one does other things; `end_reader` must follow."""
    if not _ready and "keras" not in sys.modules:
        with suppress(OSError):  # told when it is asked
            _ready.append(_started(engine=False))


def end_reader() -> None:
    """End the process that was started before it was asked, if it wasn't."""
    while _ready:
        with _ready.pop() as child:
            child.kill()


def _started(engine: bool) -> subprocess.Popen[bytes]:
    return subprocess.Popen(own_program(_CHILD, *["engine"] * engine), stdin=-1, stdout=-1, stderr=subprocess.DEVNULL)


def answer_of_a_child(path: Path, shapes: Mapping[str, tuple[int, ...]], *, engine: bool = False) -> Any:
    """Return what `examined_here` returns or raises, found by a process with limits; None if a bare Keras could not read the file.

    Parameters
    ----------
    path : Path
    shapes : mapping of input names to sizes
    engine : bool
        Whether Keras starts with its engine, and not bare.

    Raises
    ------
    FileError
        If reading takes more memory or computing time than a file of its size may, or no process with an engine can be started.
    """
    answer, ended_by = _asked(path, shapes, engine)
    if answer is None and (engine or ended_by == -signal.SIGXCPU):
        raise FileError(
            f"{path}: reading it takes more memory or time than a file of its size may, or ends Keras; it is damaged, or describes a far "
            "larger model than it holds. Save it again with model.save('name.keras'); `ecc_lava.load_model` in Python has no limits"
        )
    if answer is None:
        return None
    found, told = answer
    for name, level, message in told:
        logging.getLogger(name).log(level, "%s", message)
    return found


def _read(stream: IO[bytes], arrays: Path) -> Any:
    """Return a child's answer, whose arrays stay in their file: the child's pages of it are ours, and no array is copied."""
    told, places = pickle.load(stream)  # noqa: S301 - our own process wrote it
    whole = np.memmap(arrays, np.uint8, "r") if any(size for _, size in places) else np.zeros(0, np.uint8)
    return pickle.loads(told, buffers=[whole[first : first + size] for first, size in places])  # noqa: S301 - our own process wrote it


def _asked(path: Path, shapes: Mapping[str, tuple[int, ...]], engine: bool) -> tuple[Any, int | None]:
    """Return a child's answer, and its exit status if it gave none."""
    with temporary_folder() as folder:
        return _asked_in(folder, path, shapes, engine)


def _asked_in(folder: Path, path: Path, shapes: Mapping[str, tuple[int, ...]], engine: bool) -> tuple[Any, int | None]:
    arrays = folder / "arrays"
    try:
        process = _ready.pop() if _ready and not engine else _started(engine)
    except OSError as error:
        if engine:
            raise FileError(f"{path}: is read by a process of its own, which cannot be started: {error.strerror or error}") from error
        return None, None
    with process as child:
        assert child.stdin is not None
        assert child.stdout is not None
        watch = threading.Timer(WAIT_SECONDS, child.kill)
        watch.start()
        try:
            pickle.dump((path, dict(shapes), arrays), child.stdin)
            child.stdin.flush()
            return _read(child.stdout, arrays), None
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            _log.debug("%s: not read: %s", path, error)
            with suppress(OSError):
                child.stdin.close()  # a child that lives ends with it
            return None, child.wait()
        finally:
            watch.cancel()
            child.kill()
            child.wait()
            sweep()  # what the child had to leave
