"""Stages 2 and 3: the float spiking network and the integer network, and the parts of a network on cores.

This room holds types, their invariants and the ideal rates. Conversion, quantisation and simulation are rooms of their own. What both
networks share is in `wiring`; a new kind of population is a `Kind` there, and every back end needs its neuron.
"""

from ecc_lava.networks.depths import depths
from ecc_lava.networks.format_checks import check_payload
from ecc_lava.networks.integer import QuantisedNetwork
from ecc_lava.networks.integer_parts import QuantisedPopulation, QuantisedProjection
from ecc_lava.networks.memory import network_bytes
from ecc_lava.networks.quantisation import PER, Quantisation
from ecc_lava.networks.rates import clipped_rate, ideal_rate, ideal_rates, input_rates, input_sum, own_rate, rate_forward, remaining_rates
from ecc_lava.networks.shard import Shard, whole
from ecc_lava.networks.spiking import Population, Projection, SpikingNetwork
from ecc_lava.networks.stream_checks import refuse_stream
from ecc_lava.networks.wiring import READOUT_SUFFIX, Kind, output_name

__all__ = [
    "PER",
    "READOUT_SUFFIX",
    "Kind",
    "Population",
    "Projection",
    "Quantisation",
    "QuantisedNetwork",
    "QuantisedPopulation",
    "QuantisedProjection",
    "Shard",
    "SpikingNetwork",
    "check_payload",
    "clipped_rate",
    "depths",
    "ideal_rate",
    "ideal_rates",
    "input_rates",
    "input_sum",
    "network_bytes",
    "output_name",
    "own_rate",
    "rate_forward",
    "refuse_stream",
    "remaining_rates",
    "whole",
]
