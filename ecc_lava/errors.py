"""Every error this package raises on purpose.

::

    EccLavaError
    ├── InvalidInput        ValueError      data or an option that cannot be used
    ├── InvalidNetwork      ValueError      a graph, network or mapping that breaks its own invariants
    ├── UnsupportedModel    ValueError      a Keras model with layers that cannot be converted (all are named)
    ├── FileError           OSError         a file that cannot be read, written or trusted
    ├── RangeError          OverflowError   an integer outside its hardware format
    ├── DoesNotFit          ValueError      a population that no core of the chip can hold
    ├── MissingDependency   ImportError     an optional package that this call needs
    ├── ClusterError        RuntimeError    a cluster that does not answer, lost its workers, or has other versions
    └── LavaError           RuntimeError    the Lava runtime failed, stalled or lost a process

A message states what, where, the limit, and the smallest fix. ``assert`` is for our own bugs.
"""

from __future__ import annotations

__all__ = [
    "ClusterError",
    "DoesNotFit",
    "EccLavaError",
    "FileError",
    "InvalidInput",
    "InvalidNetwork",
    "LavaError",
    "MissingDependency",
    "RangeError",
    "UnsupportedModel",
]

LINE_CHARACTERS_MAX = 2000
"""Most characters of a line of a message."""


class EccLavaError(Exception):
    """Root of every error this package raises on purpose."""


class InvalidInput(EccLavaError, ValueError):
    """Data or an option that cannot be used."""


class InvalidNetwork(EccLavaError, ValueError):
    """A graph, network or mapping that breaks its own invariants."""


class UnsupportedModel(EccLavaError, ValueError):
    """A Keras model with layers that cannot be converted.

    Attributes
    ----------
    offences : tuple of (str, str)
        Every offending layer as (layer name and type, reason and remedy).
    """

    def __init__(self, offences: tuple[tuple[str, str], ...]) -> None:
        self.offences = offences
        count = f"{len(offences)} layer(s) cannot be converted (`ecc-lava layers` lists those that can):"
        super().__init__("\n".join([count, *(f"  {' '.join(where.split())}: {' '.join(why.split())}" for where, why in offences)]))

    def __reduce__(self) -> tuple[type[UnsupportedModel], tuple[tuple[tuple[str, str], ...]]]:
        """Copy and pickle what the message is made of, as an error may come from another process."""
        return type(self), (self.offences,)


class FileError(EccLavaError, OSError):
    """A file that cannot be read, written or trusted."""


class RangeError(EccLavaError, OverflowError):
    """An integer outside its hardware format."""


class DoesNotFit(EccLavaError, ValueError):
    """A population that no core of the chip can hold."""


class MissingDependency(EccLavaError, ImportError):
    """An optional package that this call needs."""


class ClusterError(EccLavaError, RuntimeError):
    """A cluster that does not answer, lost its workers, or has other versions."""


class LavaError(EccLavaError, RuntimeError):
    """The Lava runtime failed, stalled or lost a process."""


def printable(text: str) -> str:
    """Return a text in which all but printable characters and line breaks is escaped: control characters, marks of direction, surrogates.

    Text that is a subclass of str keeps its type, if it needs no escape.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def as_message(text: str) -> str:
    """Return a message as a terminal shows it: printable, and with lines that quote a file cut short."""
    return "\n".join(
        line if len(line) <= LINE_CHARACTERS_MAX else f"{line[:LINE_CHARACTERS_MAX]}..." for line in printable(text).split("\n")
    )
