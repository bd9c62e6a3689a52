"""Intel's first Loihi, from publications."""

from __future__ import annotations

from typing import Final

from hw_mappings.chips.spec import ChipSpec, Figure

__all__ = ["LOIHI1"]

_DAVIES: Final = "Davies et al., Loihi: A Neuromorphic Manycore Processor with On-Chip Learning, IEEE Micro 38(1), 2018"
_USERS: Final = (
    "users' public reports of a core's limit: forum.nengo.ai topic 927 (input axons), fangwei123456/spikingjelly issue 543 (both)"
)

LOIHI1: Final = ChipSpec(
    name="loihi1",
    format="loihi1",
    chips=Figure(768, True, "Intel, Pohoiki Springs announcement, 2020: 768 chips in one system"),
    cores=Figure(128, True, _DAVIES),
    mesh_columns=Figure(16, False, "128 cores laid out 16 x 8; the order of the cores is not published"),
    mesh_rows=Figure(8, False, "128 cores laid out 16 x 8; the order of the cores is not published"),
    compartments=Figure(1024, True, _DAVIES),
    compartments_per_neuron=Figure(2, False, "reset by subtraction built from a second compartment"),
    synapse_bits=Figure(128 * 1024 * 8, True, f"{_DAVIES}: 16 MB of synaptic memory over 128 cores"),
    memory_bits=Figure(None, False, "each memory has its own size, so only those limit"),
    state_bits=Figure(0, False, "state has a memory of its own"),
    input_axon_bits=Figure(0, False, "axon tables have memories of their own"),
    output_axon_bits=Figure(0, False, "axon tables have memories of their own"),
    input_axons=Figure(4096, True, _USERS),
    output_axons=Figure(4096, True, _USERS),
    list_header_bits=Figure(32, False, "weight format, delay and length of a list"),
    list_word_bits=Figure(64, False, "lists start at whole 64-bit words"),
    delay_max=Figure(62, False, "62 steps, the most that lava-dl trains for Loihi"),
)
"""Loihi, 2018."""
