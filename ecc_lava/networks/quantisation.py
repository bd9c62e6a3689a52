"""How an integer network was quantised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecc_lava.errors import InvalidNetwork

__all__ = ["PER", "Quantisation"]

PER = ("channel", "layer")
"""What has a unit of the potential of its own: every channel of a population, or the whole population."""


@dataclass(frozen=True)
class Quantisation:
    """The options of `ecc_lava.quantise` that an integer network was made with; its number format stands in the network itself.

    The record is a provenance, not a number that a chip runs: the network's digest leaves it out.

    Attributes
    ----------
    bits : int, or a mapping of population names to int
        Widths of the weights as they were given; binarised weights may take fewer.
    per : {"channel", "layer"}
        What has a unit of its own, one of `PER`.
    """

    bits: int | Mapping[str, int]
    per: str

    def __post_init__(self) -> None:
        widths = self.bits.values() if isinstance(self.bits, Mapping) else (self.bits,)
        if any(isinstance(width, bool) or not isinstance(width, int) for width in widths):
            raise InvalidNetwork(f"the network's record of its quantisation gives the widths {self.bits!r}; they must be whole numbers")
        if self.per not in PER:
            raise InvalidNetwork(f"the network's record of its quantisation gives units per {self.per!r}; they are per {' or '.join(PER)}")
        if isinstance(self.bits, Mapping):
            object.__setattr__(self, "bits", dict(self.bits))
