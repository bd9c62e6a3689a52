"""The program of the process that reads one model file: `apart` starts it."""

from __future__ import annotations

import json
import logging
import os
import pickle
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from ecc_lava.errors import EccLavaError, FileError
from ecc_lava.importers.keras.files import bare_keras
from ecc_lava.importers.keras.files.allowance import allowance, confine
from ecc_lava.importers.keras.files.reading import stored
from ecc_lava.importers.keras.files.scan import packages_of
from ecc_lava.importers.keras.files.sizes import held_bytes
from ecc_lava.importers.keras.framework import keras_package

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
    """Read (path, shapes, whether with an engine), and write (result or error of ours, what was logged); our own processes pickle both."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what Keras prints is no answer
    path, shapes, engine = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own process wrote it
    threading.Thread(target=_end_with_the_asker, daemon=True).start()
    records = _Records()
    logging.getLogger("ecc_lava").addHandler(records)
    if not engine:
        bare_keras.install()
    with answers:
        pickle.dump((_result(path, shapes), records.told), answers, pickle.HIGHEST_PROTOCOL)


def _result(path: Path, shapes: dict[str, tuple[int, ...]]) -> Any:
    from ecc_lava.importers.keras.examining import examined_here

    try:
        file = stored(path)
        held = held_bytes(path, file)
        keras_package()
        for package in packages_of(file.description):
            with suppress(ImportError):  # named when the model is opened
                import_module(package.module)
        confine(allowance(held, len(json.dumps(file.description))))
        return examined_here(path, shapes)
    except EccLavaError as error:
        return error
    except (MemoryError, RecursionError) as error:
        return FileError(
            f"{path}: cannot be read within the memory that a file of its size may take ({type(error).__name__}). If you trust it, convert "
            "it in Python: `ecc_lava.from_keras(ecc_lava.load_model(path))` has no limits"
        )


def _end_with_the_asker() -> None:
    sys.stdin.buffer.read()  # ends when the process that asked has ended or needs no answer
    os._exit(1)
