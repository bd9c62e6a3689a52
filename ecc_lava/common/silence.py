"""Warnings that a caller has given once and that its parts would repeat."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["silenced"]


@contextmanager
def silenced(log: logging.Logger) -> Iterator[None]:
    """Drop what is logged to one logger."""

    def refuse(record: logging.LogRecord) -> bool:
        return False

    log.addFilter(refuse)
    try:
        yield
    finally:
        log.removeFilter(refuse)
