"""Integer formats of the chips' neurons and synapses.

Sources: Davies et al., "Loihi: A Neuromorphic Manycore Processor with On-Chip Learning", IEEE Micro 38(1), 2018; Intel's public
"Taking Neuromorphic Computing to the Next Level with Loihi 2" technology brief, 2021; and the fixed-point ProcessModels of
lava-nc 0.10.0 (`lava/proc/lif/models.py`, `lava/proc/dense/models.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from ecc_lava.errors import InvalidInput

__all__ = ["FORMATS", "LOIHI2", "NumberFormat", "number_format"]


@dataclass(frozen=True)
class NumberFormat:
    """What integers a chip's synapses and neurons hold.

    Attributes
    ----------
    name : str
    weight_bits : int
        Width of a signed weight mantissa; `bits` below it use the inner range +-(2**(bits-1) - 1).
    exponent_min, exponent_max : int
        A mantissa counts ``2**(weight_shift + exponent)`` units of the potential.
    weight_shift : int
        Bits that a synapse's sum is shifted left by before it reaches the potential.
    potential_bits, vth_bits, bias_bits : int
        Signed widths; the potential saturates at +-(2**(potential_bits-1) - 1).
    payload_bits : int
        Unsigned width of a graded spike; 0 if spikes are binary.
    """

    name: str
    weight_bits: int
    exponent_min: int
    exponent_max: int
    weight_shift: int
    potential_bits: int
    vth_bits: int
    bias_bits: int
    payload_bits: int

    def mantissa_max(self, bits: int) -> int:
        """Return the largest weight mantissa at `bits` bits; the smallest is its negative."""
        if not 2 <= bits <= self.weight_bits:
            raise InvalidInput(f"{bits} bits a weight; {self.name} holds 2 to {self.weight_bits}")
        return int(2 ** (bits - 1)) - 1

    @property
    def potential_max(self) -> int:
        """Where the potential saturates."""
        return int(2 ** (self.potential_bits - 1)) - 1

    @property
    def vth_max(self) -> int:
        """Largest threshold."""
        return int(2 ** (self.vth_bits - 1)) - 1

    @property
    def bias_max(self) -> int:
        """Largest magnitude of a bias."""
        return int(2 ** (self.bias_bits - 1)) - 1

    def shift(self, exponent: int) -> int:
        """Return the left shift, in bits, of a projection with this exponent."""
        if not self.exponent_min <= exponent <= self.exponent_max:
            raise InvalidInput(f"weight exponent {exponent}; {self.name} holds {self.exponent_min} to {self.exponent_max}")
        return self.weight_shift + exponent


LOIHI2 = NumberFormat(
    name="loihi2",
    weight_bits=8,  # Loihi 2 brief: 1-8 bit weights
    exponent_min=-6,  # keeps weight_shift + exponent >= 0: no bit of a sum is lost
    exponent_max=7,
    weight_shift=6,  # lava-nc: LIF shifts its input left by 6
    potential_bits=24,  # lava-nc: LIF clips v at +-(2**23 - 1)
    vth_bits=24,  # Loihi 2 brief: neurons are microcode; per-neuron state of up to 24 bits
    bias_bits=24,
    payload_bits=8,  # the coding's choice; Loihi 2's graded spikes carry up to 32 bits
)

FORMATS = {LOIHI2.name: LOIHI2}


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
