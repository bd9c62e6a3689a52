"""Upper bounds of the integers of a network, wherever they come from: far above what a chip or a machine holds, and below what wraps."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Final

from ecc_lava.common.arrays import Shape
from ecc_lava.common.text import check_name
from ecc_lava.errors import InvalidNetwork

__all__ = ["EDGE_MAX", "NEURONS_MAX", "POPULATIONS_MAX", "TIMESTEPS_MAX", "check_sizes", "check_timesteps"]

TIMESTEPS_MAX: Final = 2**20
"""Most timesteps of a sample: sums of payloads stay far within 32 bits."""

NEURONS_MAX: Final = 2**27
"""Most neurons of a network: its potentials alone take 512 MiB for each image; the full VGG16 has a tenth of them."""

EDGE_MAX: Final = 2**21
"""Most rows, and most columns, of a map."""

POPULATIONS_MAX: Final = 2**14
"""Most populations of a network, and the largest depth."""


def check_timesteps(timesteps: int) -> None:
    """Check a number of timesteps; `InvalidNetwork` unless it is 1 to `TIMESTEPS_MAX`."""
    if not 1 <= timesteps <= TIMESTEPS_MAX:
        raise InvalidNetwork(f"timesteps {_short(timesteps)}; 1 to {TIMESTEPS_MAX} are possible. Use fewer")


def check_sizes(shapes: Iterable[tuple[str, Shape]]) -> None:
    """Check the names and maps of a network's populations, or of its layers.

    Raises
    ------
    InvalidNetwork
        If a name is none, there are too many, one is empty or too large, or all together have too many neurons.
    """
    neurons = 0
    for number, (name, shape) in enumerate(shapes, start=1):
        check_name("a population or layer", name)
        if len(shape) != 3 or min(shape) < 1 or max(shape[:2]) > EDGE_MAX:
            raise InvalidNetwork(
                f"{name!r} has shape ({', '.join(map(_short, shape))}); all of (H, W, C) must be at least 1, H and W at most {EDGE_MAX}"
            )
        neurons += prod(shape)
        if neurons > NEURONS_MAX:
            raise InvalidNetwork(f"{_short(neurons)} neurons up to {name!r}; a network has at most {NEURONS_MAX}")
        if number > POPULATIONS_MAX:
            raise InvalidNetwork(f"more than {POPULATIONS_MAX} populations; a network has at most so many")


def _short(number: int) -> str:
    """Return a number in digits, unless it has more than any honest one: Python refuses to write the longest."""
    return str(number) if abs(number) < 2**64 else f"{'-' * (number < 0)}2**{number.bit_length() - 1} or more"
