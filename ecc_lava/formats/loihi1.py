"""Loihi 1's integers."""

from __future__ import annotations

from ecc_lava.formats.number_format import NumberFormat

__all__ = ["LOIHI1"]

LOIHI1 = NumberFormat(
    name="loihi1",
    weight_bits=8,  # Davies 2018: 1-9 bit weights; with signs mixed, nine bits whose lowest is 0: even -256..254 (lava-nc: Dense)
    binary_bits=2,  # one bit of mixed sign holds 0 and -256 only
    drops_low_bits=True,  # lava-nc: Dense drops 8 - num_weight_bits low bits, and one more where signs are mixed
    weight_step=2,
    exponent_min=-6,  # keeps weight_shift + exponent >= 0: no bit of a sum is lost
    exponent_max=7,
    weight_shift=6,  # lava-nc: LIF shifts its input left by 6
    potential_bits=24,  # lava-nc: LIF clips v at +-(2**23 - 1); an initial potential is written by the host, all bits of it
    vth_bits=17,  # lava-nc: LIF, vth of precision 17, shifted left by 6; brian2-loihi 0.4.1: mantissa 0..131071
    vth_shift=6,
    vth_distinct=16,  # assumed: thresholds are part of the profiles that a core's neurons share, of which there are few
    bias_bits=13,  # lava-nc: LIF, bias_mant of precision 13, bias_exp of precision 3
    bias_shift_max=7,  # assumed per neuron, as lava-nc's LIF has it: bias_exp is an array as bias_mant is
    payload_bits=0,  # Davies 2018: spikes are binary
)
