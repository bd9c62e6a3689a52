"""What a thread computes while this one waits for something else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Beside"]

_Result = TypeVar("_Result")


class Beside(Generic[_Result]):
    """A call that begins at once in a thread of its own; nobody waits for it at the end of the process.

    Parameters
    ----------
    function : callable without arguments
    """

    def __init__(self, function: Callable[[], _Result]) -> None:
        self._function = function
        self._value: _Result
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._function()
        except BaseException as error:
            self._error = error

    def result(self) -> _Result:
        """Return what the call returned, or raise what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._value
