"""Loihi 2's integers."""

from __future__ import annotations

from ecc_lava.formats.number_format import NumberFormat

__all__ = ["LOIHI2"]

LOIHI2 = NumberFormat(
    name="loihi2",
    weight_bits=8,  # Loihi 2 brief: 1-8 bit weights
    binary_bits=1,
    drops_low_bits=False,
    weight_step=1,
    exponent_min=-6,  # keeps weight_shift + exponent >= 0: no bit of a sum is lost
    exponent_max=7,
    weight_shift=6,  # lava-nc: LIF shifts its input left by 6
    potential_bits=24,  # lava-nc: LIF clips v at +-(2**23 - 1)
    vth_bits=23,  # Loihi 2 brief: neurons are microcode; per-neuron state of up to 24 bits, of which one is the sign
    vth_shift=0,
    vth_distinct=None,
    bias_bits=24,
    bias_shift_max=0,
    payload_bits=8,  # Loihi 2 brief: graded spikes carry up to 32 bits; 8 are this package's choice, as fine as the weights
)
