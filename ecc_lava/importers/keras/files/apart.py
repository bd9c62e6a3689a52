"""Ask a process of its own for a model file's graph, so that a command need not import TensorFlow to read numbers."""

from __future__ import annotations

import logging
import pickle
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecc_lava.common import own_program

__all__ = ["answer_of_a_child"]

_CHILD = "ecc_lava.importers.keras.files.child"

_log = logging.getLogger(__name__)


def answer_of_a_child(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> Any:
    """Return what `examined_here` returns or raises, found by a process with a bare Keras; None if it could not read the file."""
    try:
        with subprocess.Popen(own_program(_CHILD), stdin=-1, stdout=-1, stderr=subprocess.DEVNULL) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                pickle.dump((path, dict(shapes)), child.stdin)
                child.stdin.flush()
                found, told = pickle.load(child.stdout)  # noqa: S301 - our own process wrote it
            finally:
                child.stdin.close()
                child.kill()
    except (OSError, EOFError, pickle.UnpicklingError) as error:
        _log.debug("%s: not read by a bare Keras: %s", path, error)
        return None
    for name, level, message in told:
        logging.getLogger(name).log(level, "%s", message)
    return found
