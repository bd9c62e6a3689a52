"""Optuna's journal file, written so that a full disk or a killed process leaves no part of a line before whole ones."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

__all__ = ["WholeLines"]

_log = logging.getLogger(__name__)

LOCK_SECONDS = 5
"""Seconds after which a journal's lock counts as left by a killed process; writing a line takes milliseconds."""


class WholeLines(JournalFileBackend):
    """A journal whose lines are whole: what cannot be written as a whole is taken back, and a part that was left is set aside."""

    def __init__(self, path: Path) -> None:
        self._path, self._own_lock = path, JournalFileSymlinkLock(str(path), grace_period=LOCK_SECONDS)
        super().__init__(str(path), self._own_lock)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._own_lock.acquire()
        try:
            yield
        finally:
            self._own_lock.release()

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add lines to the file, all of them or none."""
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        with self._locked(), self._path.open("r+b", buffering=0) as file:
            self._cut(file)
            before = file.seek(0, os.SEEK_END)
            try:
                rest = memoryview(lines)
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except BaseException:
                os.ftruncate(file.fileno(), before)
                raise

    def _cut(self, file: Any) -> None:
        """Set a part of a line at the file's end aside; nobody is writing it, since this process holds the lock."""
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            return
        file.seek(size - 1)
        if file.read(1) == b"\n":
            return
        start, part = size, b""
        while start > 0 and b"\n" not in part:
            start = max(0, start - 2**16)
            file.seek(start)
            part = file.read(size - start)
        start += part.rfind(b"\n") + 1
        aside = self._path.with_name(f"{self._path.name}.damaged")
        with aside.open("ab") as kept:
            kept.write(part[part.rfind(b"\n") + 1 :] + b"\n")
        os.ftruncate(file.fileno(), start)
        _log.warning("%s ended with a part of a line, which is now in %s; its trial runs again", self._path, aside)
