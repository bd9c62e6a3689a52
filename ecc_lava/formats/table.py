"""The number formats by name."""

from __future__ import annotations

from ecc_lava.errors import InvalidInput
from ecc_lava.formats.loihi1 import LOIHI1
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.formats.number_format import NumberFormat

__all__ = ["FORMATS", "number_format"]

FORMATS = {format.name: format for format in (LOIHI1, LOIHI2)}


def number_format(name: str) -> NumberFormat:
    """Return the format called `name`.

    Raises
    ------
    InvalidInput
        Listing the known formats.
    """
    if name not in FORMATS:
        raise InvalidInput(f"number format {name!r} is not known; known: {', '.join(FORMATS)}")
    return FORMATS[name]
