"""What ends the program from outside: Ctrl-C, a request to end, a terminal that closes. Each is one line and its own exit code.

While a command works, a signal is raised as an interrupt, so that everything temporary is removed; before and after, the process ends at
once. This module is the first that the program imports, so it imports little itself.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["INTERRUPTED", "Ended", "Raised", "at_once"]

INTERRUPTED = 128 + signal.SIGINT

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")

_CAME: list[int] = []
"""Signals that were raised as interrupts."""

_AGAIN_S = 0.01
"""Seconds after which a signal comes again whose interrupt was lost."""


class Ended(KeyboardInterrupt):
    """A signal that ends the program.

    Attributes
    ----------
    number : int
    code : int
        The program's exit code.
    """

    def __init__(self, number: int) -> None:
        super().__init__(_word(number))
        self.number, self.code = number, 128 + number


def at_once() -> None:
    """Have signals end this process at once, with one line."""
    _handle(_end)


class Raised:
    """A block in which signals raise `Ended`, unless `at_once` was not called: then the caller is another program.

    The first signal is the only one: until the process ends, others do nothing.
    """

    def __enter__(self) -> None:
        self._is_ours = _end in map(signal.getsignal, _numbers())
        if self._is_ours:
            _handle(_raise)
            sys.unraisablehook = _lost

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if not self._is_ours:
            return
        is_another = bool(_CAME) and isinstance(error, Exception)  # some libraries turn an interrupt into an error of theirs
        if is_another or isinstance(error, Ended):
            _handle(signal.SIG_IGN)  # while Python ends, too, which gives other handlers back to the system
        else:
            sys.unraisablehook = sys.__unraisablehook__
            at_once()
        if is_another:
            raise Ended(_CAME[0])


def _numbers() -> list[int]:
    return [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]


def _handle(what: Any) -> None:
    for number in _numbers():
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and shells have some ignored
            signal.signal(number, what)


def _end(number: int, frame: object) -> None:
    _tell(number)
    os._exit(128 + number)


def _tell(number: int) -> None:
    try:
        os.write(2, f"ecc-lava: {_word(number)}\n".encode())
    except OSError:  # nobody listens
        return


def _raise(number: int, frame: object) -> None:
    _CAME.append(number)
    _handle(_nothing)  # a second signal must not end the clean-up; SIGKILL does
    raise Ended(number)


def _nothing(number: int, frame: object) -> None:
    """Let a signal pass."""


def _lost(told: Any) -> None:
    """Have a signal come again whose interrupt was raised in a destructor, where Python drops it.

    Other errors of destructors are shown as ever, but not once a signal has come: an interrupt leaves objects of libraries half made.
    """
    error = told.exc_value
    if not isinstance(error, Ended):
        if not _CAME:
            sys.__unraisablehook__(told)
        return
    signal.signal(error.number, _raise)
    try:
        _send_soon(error.number)
    except RuntimeError:  # no thread can be started
        _end(error.number, None)


def _send_soon(number: int) -> None:
    import threading
    import time

    def send() -> None:
        time.sleep(_AGAIN_S)  # in this time the destructor ends
        os.kill(os.getpid(), number)

    threading.Thread(target=send, daemon=True).start()


def _word(number: int) -> str:
    return "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
