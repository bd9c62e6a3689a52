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


ALIGNED = 64
"""Arrays of the shared file begin at a multiple of so many bytes, as vector instructions like them."""


class _Records(logging.Handler):
    """What the library logs, to be logged by the process that asked."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self.told.append((record.name, record.levelno, record.getMessage()))


def main(keras: str = "bare") -> None:
    """Import Keras, bare or with its engine; read what to do, and write (result or error of ours, what was logged).

    Our own processes pickle both, and share a file of arrays.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what Keras prints is no answer
    engine = keras == "engine"
    if not engine:
        bare_keras.install()
    with suppress(EccLavaError):  # said when a model is read
        keras_package()
    path, shapes, arrays = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own process wrote it
    threading.Thread(target=_end_with_the_asker, daemon=True).start()
    records = _Records()
    logging.getLogger("ecc_lava").addHandler(records)
    with answers:
        result = _result(path, shapes, engine)
        try:
            answer = _pickled((result, records.told), arrays)
        except OSError as error:
            failure = FileError(f"{path}: its weights cannot be handed over in {arrays.parent}: {error.strerror or error}; make room there")
            answer = pickle.dumps((pickle.dumps((failure, records.told)), []))
        answers.write(answer)


def _pickled(value: Any, path: Path) -> bytes:
    """Return a value as a pickle without its arrays, which go into a file; the places of these are pickled beside it."""
    parts: list[pickle.PickleBuffer] = []
    told = pickle.dumps(value, 5, buffer_callback=parts.append)
    places = []
    with path.open("wb") as file:
        for part in parts:
            file.seek(-(-file.tell() // ALIGNED) * ALIGNED)
            content = part.raw()
            places.append((file.tell(), content.nbytes))
            file.write(content)
    return pickle.dumps((told, places))


def _result(path: Path, shapes: dict[str, tuple[int, ...]], engine: bool) -> Any:
    from ecc_lava.importers.keras.examining import examined_here

    try:
        file = stored(path)
        held = held_bytes(path, file)
        keras_package()
        if not engine:
            bare_keras.hold_weights_once()
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
