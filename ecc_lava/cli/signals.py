"""What ends the program from outside: Ctrl-C, a request to end, a terminal that closes. Each is one line and its own exit code.

While a command works, a signal is raised as an interrupt, so that everything temporary is removed; before and after, the process ends at
once.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["INTERRUPTED", "Ended", "at_once", "raised"]

INTERRUPTED = 128 + signal.SIGINT

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Ended(KeyboardInterrupt):
    """A signal that ends the program.

    Attributes
    ----------
    code : int
        The program's exit code.
    """

    def __init__(self, number: int) -> None:
        super().__init__(_word(number))
        self.code = 128 + number


def at_once() -> None:
    """Have signals end this process at once, with one line."""
    _handle(_end)


@contextmanager
def raised() -> Iterator[None]:
    """Have signals raise `Ended` in the block, unless the caller of `at_once` was another program; the first is the only one."""
    if signal.getsignal(signal.SIGINT) is not _end:
        yield
        return
    _handle(_raise)
    try:
        yield
    finally:
        at_once()


def _handle(what: Any) -> None:
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup and shells have some ignored
            signal.signal(number, what)


def _end(number: int, frame: Any) -> None:
    _tell(number)
    os._exit(128 + number)


def _tell(number: int) -> None:
    try:
        os.write(2, f"ecc-lava: {_word(number)}\n".encode())
    except OSError:  # nobody listens
        return


def _raise(number: int, frame: Any) -> None:
    _handle(lambda *_: None)  # a second signal must not end the clean-up; SIGKILL does
    raise Ended(number)


def _word(number: int) -> str:
    return "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
