"""Intel's Loihi 2, from publications.

Synapses, neuron state and axon tables share the 192 KB of a core freely, so one limit covers them together. The bits that each takes
are not published. With 72 bits a neuron, 8192 neurons leave 120 KB, close to the published 120 million (one-bit) synapses a chip.
Intel published no energies and times that fit this model, so there are none here.
"""

from __future__ import annotations

from typing import Final

from hw_mappings.chips.figures import assumed, public
from hw_mappings.chips.spec import ChipSpec

__all__ = ["LOIHI2"]

_BRIEF: Final = "Intel Labs, Taking Neuromorphic Computing to the Next Level with Loihi 2 (technology brief), 2021"
_HALA: Final = "Intel, Hala Point announcement, 2024: 1,152 chips and 140,544 neuromorphic cores in one system"
_MULTICAST: Final = (
    f"{_BRIEF}: a spike passes between chips once and is spread at its destination; that routers within a chip copy it too is assumed"
)
_UNKNOWN: Final = assumed(None, "not published for this model")

LOIHI2: Final = ChipSpec(
    name="loihi2",
    format="loihi2",
    chips=public(1152, _HALA),
    board_columns=assumed(36, "how the chips join is not published"),
    board_rows=assumed(32, "how the chips join is not published"),
    cores=public(128, _BRIEF),
    mesh_columns=assumed(16, "128 cores reported as an 8 x 16 mesh; the order of the cores is not published"),
    mesh_rows=assumed(8, "128 cores reported as an 8 x 16 mesh; the order of the cores is not published"),
    compartments=public(8192, f"{_BRIEF}: up to a million neurons on 128 cores, 8192 a core"),
    compartments_per_neuron=assumed(1, "microcode resets by subtraction in one neuron"),
    synapse_bits=assumed(None, "one memory is shared freely; only the whole limits"),
    memory_bits=public(192 * 1024 * 8, f"{_BRIEF}: 192 KB a core, flexibly allocated"),
    state_bits=assumed(72, "potential, bias and threshold of 24 bits each"),
    delay_slot_bits=assumed(24, "an input sum of 24 bits for every further timestep"),
    input_axon_bits=assumed(32, "address and length of a list, and the base of its targets"),
    output_axon_bits=assumed(32, "chip, core and axon of the destination"),
    payload_bits=public(32, f"{_BRIEF}: graded spikes with up to 32-bit integer payloads"),
    signed_state_bits=assumed(24, "a sum of payloads, as wide as the potential"),
    multicast=assumed(1, _MULTICAST),
    input_axons=assumed(None, "no count is published; an entry takes memory"),
    output_axons=assumed(None, "no count is published; an entry takes memory"),
    population_atoms=assumed(1024, "as its predecessor"),
    population_slots=assumed(2, "as its predecessor"),
    list_header_bits=assumed(32, "weight format, delay and length of a list"),
    list_word_bits=assumed(64, "lists start at whole 64-bit words"),
    delay_max=assumed(62, "62 steps, the most that lava-dl trains for Loihi"),
    delay_slots=assumed(None, "delayed input takes memory"),
    thresholds=assumed(None, "neurons are microcode with a threshold each"),
    exponents=assumed(None, "a list's header names its format"),
    synop_fj=_UNKNOWN,
    update_active_fj=_UNKNOWN,
    update_idle_fj=_UNKNOWN,
    spike_fj=_UNKNOWN,
    hop_horizontal_fj=_UNKNOWN,
    hop_vertical_fj=_UNKNOWN,
    static_uw=_UNKNOWN,
    synop_ps=_UNKNOWN,
    update_active_ps=_UNKNOWN,
    update_idle_ps=_UNKNOWN,
    barrier_min_ps=_UNKNOWN,
    barrier_max_ps=_UNKNOWN,
    host_write_ps=_UNKNOWN,
    host_read_ps=_UNKNOWN,
    host_spike_ps=_UNKNOWN,
)
"""Loihi 2, 2021; as many chips as the largest system has."""
