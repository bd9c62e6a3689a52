"""The number formats by name."""

from __future__ import annotations

from ecc_lava.errors import InvalidInput
from ecc_lava.formats.loihi1 import LOIHI1
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.formats.number_format import NumberFormat

__all__ = ["DEFAULT_FORMAT", "FORMATS", "number_format"]

FORMATS = {format.name: format for format in (LOIHI1, LOIHI2)}
"""Format name -> format. A new format is a line here."""

DEFAULT_FORMAT = LOIHI2.name
"""The format of `convert`, `quantise` and studies unless their caller names another."""


def number_format(name: str) -> NumberFormat:
    """Return the format called `name`.

    Raises
    ------
    InvalidInput
        If no format has this name; the message lists the known ones.
    """
    if name not in FORMATS:
        raise InvalidInput(f"number format {name!r} is not known; known: {', '.join(FORMATS)}")
    return FORMATS[name]
