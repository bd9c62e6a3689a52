"""Intel's Loihi 2, from publications.

A core's 192 KB are shared freely between synapses, neuron state and axon tables, so the one memory limits them together. How many
bits each takes is not published. With 72 bits a neuron, 8192 neurons leave 120 KB, close to the published 120 million (one-bit)
synapses a chip.
"""

from __future__ import annotations

from typing import Final

from hw_mappings.chips.spec import ChipSpec, Figure

__all__ = ["LOIHI2"]

_BRIEF: Final = "Intel Labs, Taking Neuromorphic Computing to the Next Level with Loihi 2 (technology brief), 2021"

LOIHI2: Final = ChipSpec(
    name="loihi2",
    format="loihi2",
    chips=Figure(1152, True, "Intel, Hala Point announcement, 2024: 1,152 chips in one system (with 122 of the 128 cores of each in use)"),
    cores=Figure(128, True, _BRIEF),
    mesh_columns=Figure(16, False, "128 cores reported as an 8 x 16 mesh; the order of the cores is not published"),
    mesh_rows=Figure(8, False, "128 cores reported as an 8 x 16 mesh; the order of the cores is not published"),
    compartments=Figure(8192, True, f"{_BRIEF}: up to a million neurons on 128 cores, 8192 a core"),
    compartments_per_neuron=Figure(1, False, "microcode resets by subtraction in one neuron"),
    synapse_bits=Figure(None, False, "one memory is shared freely; only the whole limits"),
    memory_bits=Figure(192 * 1024 * 8, True, f"{_BRIEF}: 192 KB a core, flexibly allocated"),
    state_bits=Figure(72, False, "potential, bias and threshold of 24 bits each"),
    input_axon_bits=Figure(32, False, "address and length of a list, and the base of its targets"),
    output_axon_bits=Figure(32, False, "chip, core and axon of the destination"),
    input_axons=Figure(None, False, "no count is published; an entry takes memory"),
    output_axons=Figure(None, False, "no count is published; an entry takes memory"),
    list_header_bits=Figure(32, False, "weight format, delay and length of a list"),
    list_word_bits=Figure(64, False, "lists start at whole 64-bit words"),
    delay_max=Figure(62, False, "62 steps, the most that lava-dl trains for Loihi"),
)
"""Loihi 2, 2021."""
