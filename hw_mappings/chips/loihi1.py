"""Intel's first Loihi, from publications."""

from __future__ import annotations

from typing import Final

from ecc_lava.analysis import CORE_ENERGIES
from hw_mappings.chips.figures import assumed, public
from hw_mappings.chips.spec import ChipSpec

__all__ = ["LOIHI1"]

_CORE: Final = CORE_ENERGIES["loihi1"]
_DAVIES: Final = "Davies et al., Loihi: A Neuromorphic Manycore Processor with On-Chip Learning, IEEE Micro 38(1), 2018"
_SILICON: Final = _CORE.source
_USERS: Final = (
    "users' public reports of a core's limit: forum.nengo.ai topic 927 (input axons), fangwei123456/spikingjelly issue 543 (both)"
)
_UNICAST: Final = (
    f"{_DAVIES}: one spike may go to any number of cores; that its core sends a message for each entry of the output axons, one for each "
    "core, is assumed, as routers that copy are not published"
)
_NXTF: Final = "population spikes as in Rueckauer et al., NxTF, arXiv 2101.04261, 2021; how many neurons and entries is assumed"

LOIHI1: Final = ChipSpec(
    name="loihi1",
    format="loihi1",
    chips=public(768, "Intel, Pohoiki Springs announcement, 2020: 768 chips in one system"),
    board_columns=assumed(24, "24 boards of 32 chips; how they join is not published"),
    board_rows=assumed(32, "24 boards of 32 chips; how they join is not published"),
    cores=public(128, _DAVIES),
    mesh_columns=assumed(16, "128 cores laid out 16 x 8; the order of the cores is not published"),
    mesh_rows=assumed(8, "128 cores laid out 16 x 8; the order of the cores is not published"),
    compartments=public(1024, _DAVIES),
    compartments_per_neuron=assumed(_CORE.compartments, "reset by subtraction built from a second compartment"),
    synapse_bits=public(128 * 1024 * 8, f"{_DAVIES}: 16 MB of synaptic memory over 128 cores"),
    memory_bits=assumed(None, "each memory has its own size, so only those limit"),
    state_bits=assumed(0, "state has a memory of its own"),
    delay_slot_bits=assumed(0, "delayed input has a memory of its own"),
    input_axon_bits=assumed(0, "axon tables have memories of their own"),
    output_axon_bits=assumed(0, "axon tables have memories of their own"),
    payload_bits=public(1, f"{_DAVIES}: spikes are binary"),
    signed_state_bits=assumed(0, "spikes have no sign"),
    multicast=assumed(0, _UNICAST),
    input_axons=public(4096, _USERS),
    output_axons=public(4096, _USERS),
    population_atoms=assumed(1024, _NXTF),
    population_slots=assumed(2, _NXTF),
    list_header_bits=assumed(32, "weight format, delay and length of a list"),
    list_word_bits=assumed(64, "lists start at whole 64-bit words"),
    delay_max=assumed(62, "62 steps, the most that lava-dl trains for Loihi"),
    delay_slots=assumed(8192, "eight timesteps of input for each of 1024 compartments"),
    thresholds=assumed(16, "few threshold registers a core, shared by its compartments"),
    exponents=assumed(16, "few weight formats a core, shared by its lists"),
    synop_fj=public(_CORE.synop_fj, _SILICON),
    update_active_fj=public(_CORE.update_active_fj, _SILICON),
    update_idle_fj=public(_CORE.update_idle_fj, _SILICON),
    spike_fj=public(1_700, _SILICON),
    hop_horizontal_fj=public(3_000, _SILICON),
    hop_vertical_fj=public(4_000, _SILICON),
    static_uw=assumed(29_000, "tens of milliwatts for an idle chip, the order users of one chip report"),
    synop_ps=public(3_500, _SILICON),
    update_active_ps=public(8_400, _SILICON),
    update_idle_ps=public(5_300, _SILICON),
    barrier_min_ps=public(113_000, _SILICON),
    barrier_max_ps=public(465_000, _SILICON),
    host_write_ps=assumed(100_000, "ten million words a second over the chip's embedded processors"),
    host_read_ps=assumed(100_000, "ten million words a second over the chip's embedded processors"),
    host_spike_ps=assumed(100_000, "ten million spikes a second over the chip's embedded processors"),
)
"""Loihi, 2018; as many chips as the largest system has."""
