"""The program of the process that reads one model file: `apart` starts it."""

from __future__ import annotations

import logging
import os
import pickle
import sys
import threading
from pathlib import Path
from typing import Any

from ecc_lava.errors import EccLavaError
from ecc_lava.importers.keras.files import bare_keras

__all__ = ["main"]


class _Records(logging.Handler):
    """What the library logs, to be logged by the process that asked."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self.told.append((record.name, record.levelno, record.getMessage()))


def main() -> None:
    """Read (path, shapes) from stdin, and write (result or error of ours, what was logged) to stdout, both pickled by our own processes."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what Keras prints is no answer
    path, shapes = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own process wrote it
    threading.Thread(target=_end_with_the_asker, daemon=True).start()
    records = _Records()
    logging.getLogger("ecc_lava").addHandler(records)
    bare_keras.install()
    with answers:
        pickle.dump((_result(path, shapes), records.told), answers, pickle.HIGHEST_PROTOCOL)


def _result(path: Path, shapes: dict[str, tuple[int, ...]]) -> Any:
    from ecc_lava.importers.keras.examining import examined_here

    try:
        return examined_here(path, shapes)
    except EccLavaError as error:
        return error


def _end_with_the_asker() -> None:
    sys.stdin.buffer.read()  # ends when the process that asked has ended or needs no answer
    os._exit(1)
