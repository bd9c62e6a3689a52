"""Integer formats of the chips' neurons and synapses.

Sources: Davies et al., "Loihi: A Neuromorphic Manycore Processor with On-Chip Learning", IEEE Micro 38(1), 2018; Intel's public
"Taking Neuromorphic Computing to the Next Level with Loihi 2" technology brief, 2021; and the fixed-point ProcessModels of
lava-nc 0.10.0 (`lava/proc/lif/models.py`, `lava/proc/dense/models.py`), which compute as Loihi does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import PAYLOAD_MAX

__all__ = ["NumberFormat"]


@dataclass(frozen=True)
class NumberFormat:
    """What integers a chip's synapses and neurons hold.

    Mantissas are used symmetrically: the most negative of each two's complement range stays unused. A weight wider than a mantissa is the
    sum of two synapses whose exponents differ.

    Attributes
    ----------
    name : str
    weight_bits : int
        Width of a signed weight mantissa.
    binary_bits : int
        Fewest bits that hold a mantissa of +-1.
    drops_low_bits : bool
        Whether `bits` below `weight_bits` keep the upper bits of a mantissa, which is then a multiple of ``2**(weight_bits - bits)``;
        otherwise they keep the lower ones, the inner range +-(2**(bits-1) - 1).
    weight_step : int
        Weight of one unit of the mantissa, a power of two: 2 where the chip has even weights only.
    exponent_min, exponent_max : int
        A mantissa counts ``weight_step * 2**(weight_shift + exponent)`` units of the potential.
    weight_shift : int
        Left shift of a synaptic sum on its way to the potential, bits.
    potential_bits : int
        Signed width; the potential saturates at +-(2**(potential_bits-1) - 1). An initial potential may be any number in between.
    vth_bits, vth_shift : int
        A threshold is an unsigned mantissa of `vth_bits`, shifted left by `vth_shift`.
    vth_distinct : int or None
        Most distinct thresholds of one population; None if every neuron may have its own.
    bias_bits, bias_shift_max : int
        A bias is a signed mantissa of `bias_bits`, shifted left by 0 to `bias_shift_max`; every neuron has its own shift.
    payload_bits : int
        Unsigned width of a graded spike; 0 if spikes are binary.
    """

    name: str
    weight_bits: int
    binary_bits: int
    drops_low_bits: bool
    weight_step: int
    exponent_min: int
    exponent_max: int
    weight_shift: int
    potential_bits: int
    vth_bits: int
    vth_shift: int
    vth_distinct: int | None
    bias_bits: int
    bias_shift_max: int
    payload_bits: int

    def __post_init__(self) -> None:
        if self.weight_step < 1 or self.weight_step & (self.weight_step - 1):
            raise InvalidInput(f"the weight step of number format {self.name!r} is {self.weight_step}; it must be a power of two")

    def mantissa_max(self, bits: int) -> int:
        """Return the largest weight mantissa at `bits` bits, in units of ``2**dropped_bits(bits)``; the smallest is its negative."""
        if bits == self.binary_bits:
            return 1
        if not 2 <= bits <= self.wide_bits:
            raise InvalidInput(f"{bits} bits a weight; {self.name} holds 2 to {self.weight_bits}, and two synapses up to {self.wide_bits}")
        more = self.more_bits(bits)
        half = int(2 ** (bits - more - 1)) - 1
        return (half << more) + (int(2**more) - 1 >> 1)

    def dropped_bits(self, bits: int) -> int:
        """Return how many low bits of every mantissa are 0 at this width."""
        return max(0, self.weight_bits - bits) if self.drops_low_bits else 0

    def more_bits(self, bits: int) -> int:
        """Return by how many bits weights of this width are wider than a mantissa, so that a second synapse holds them."""
        return max(0, bits - self.weight_bits)

    @property
    def wide_bits(self) -> int:
        """Width of the widest weights, of two synapses each."""
        return 2 * self.weight_bits

    @property
    def carried_bits(self) -> int:
        """Width of the widest weights into step populations: payloads, where spikes have any, carry what their low bits add up to."""
        return self.potential_bits if self.payload_bits else self.wide_bits

    @property
    def default_bits(self) -> int:
        """The default width of weights: the widest that the format holds, at most 8 bits."""
        return min(8, self.weight_bits)

    @property
    def default_coding(self) -> str:
        """The default input coding: graded where spikes can carry it, else rate."""
        return "graded" if self.payload_bits >= PAYLOAD_MAX.bit_length() else "rate"

    @property
    def potential_max(self) -> int:
        """Largest potential, where it saturates."""
        return int(2 ** (self.potential_bits - 1)) - 1

    @property
    def vth_min(self) -> int:
        """Smallest positive threshold, and the step from one to the next."""
        return int(2**self.vth_shift)

    @property
    def vth_max(self) -> int:
        """Largest threshold."""
        return (int(2**self.vth_bits) - 1) << self.vth_shift

    @property
    def bias_max(self) -> int:
        """Largest magnitude of a bias."""
        return (int(2 ** (self.bias_bits - 1)) - 1) << self.bias_shift_max

    def rounded_vth(self, vth: Array) -> Array:
        """Return the nearest multiples of `vth_min`, as float64."""
        nearest: Array = np.rint(vth / self.vth_min) * self.vth_min
        return nearest

    def rounded_bias(self, bias: Array) -> Array:
        """Return the nearest biases, as float64: each with the smallest shift that its mantissa allows."""
        bias = np.asarray(bias, np.float64)
        largest = 2 ** (self.bias_bits - 1) - 1
        step = np.ones_like(bias)
        for _ in range(self.bias_shift_max):
            step = np.where(np.rint(np.abs(bias) / step) > largest, 2 * step, step)
        nearest: Array = np.rint(bias / step) * step
        return nearest

    def shift(self, exponent: int) -> int:
        """Return the left shift, in bits, of a mantissa of a projection with this exponent."""
        if not self.exponent_min <= exponent <= self.exponent_max:
            raise InvalidInput(f"weight exponent {exponent}; {self.name} holds {self.exponent_min} to {self.exponent_max}")
        return self.weight_shift + exponent + self.weight_step.bit_length() - 1
