"""From a spiking network in real units to integers of a chip's format, and back as a float network of the same integers.

This room chooses units and exponents once for all populations, rounds, and audits ranges. It simulates nothing and calibrates nothing.
A chip's limits come from its `NumberFormat`, so a new format needs no change here.
"""

from ecc_lava.quantisation.as_float import as_float
from ecc_lava.quantisation.quantise import quantise, rounding_steps, weight_steps
from ecc_lava.quantisation.range_audit import PopulationRange, one_step_bound
from ecc_lava.quantisation.readouts import with_readout
from ecc_lava.quantisation.widths import DEFAULT, Bits, as_bits, bits_of, network_bits, own_widths, widths_by_name

__all__ = [
    "DEFAULT",
    "Bits",
    "PopulationRange",
    "as_bits",
    "as_float",
    "bits_of",
    "network_bits",
    "one_step_bound",
    "own_widths",
    "quantise",
    "rounding_steps",
    "weight_steps",
    "widths_by_name",
    "with_readout",
]
