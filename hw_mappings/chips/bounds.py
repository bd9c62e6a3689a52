"""Least and most of every figure of a chip: far above what any real chip has, and below what makes products wrap or fills a memory."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["BOUNDS", "CHIPS_MAX", "CORES_MAX", "PLACES_MAX", "Bounds"]

CHIPS_MAX: Final = 2**14
"""Most chips of a board; the largest machine of Loihi 2, Hala Point, has 1,152."""

CORES_MAX: Final = 2**14
"""Most cores of a chip; Loihi 2 has 128."""

PLACES_MAX: Final = 2**16
"""Most places of a mesh or a board, those that stay empty included."""

_SMALL: Final = 2**16
"""Most bits of an entry or a state, entries of one axon, compartments of a neuron, and steps of delay; real ones have at most 72."""

_COUNT: Final = 2**32
"""Most of what a core counts; Loihi 2 has 8,192 compartments. A network has fewer neurons and weights."""

_BITS: Final = 2**40
"""Most bits of a core's memory; Loihi 2 has 1.6 million."""

_COST: Final = 2**40
"""Most femtojoules, microwatts or picoseconds: a millijoule, a megawatt, a second."""

_PAYLOAD_BITS: Final = 64
"""Most bits of the integer that a spike carries; Loihi 2 has 32."""


class Bounds(NamedTuple):
    """What a figure may be.

    Attributes
    ----------
    least, most : int
    may_be_none : bool
        Whether it may be unlimited or unknown.
    """

    least: int
    most: int
    may_be_none: bool = False


BOUNDS: Final = {
    **dict.fromkeys(("chips", "board_columns", "board_rows"), Bounds(1, CHIPS_MAX)),
    **dict.fromkeys(("cores", "mesh_columns", "mesh_rows"), Bounds(1, CORES_MAX)),
    "compartments": Bounds(1, _COUNT),
    **dict.fromkeys(("compartments_per_neuron", "population_slots", "list_word_bits"), Bounds(1, _SMALL)),
    **dict.fromkeys(("synapse_bits", "memory_bits"), Bounds(1, _BITS, may_be_none=True)),
    **dict.fromkeys(("state_bits", "signed_state_bits", "delay_slot_bits", "delay_max"), Bounds(0, _SMALL)),
    **dict.fromkeys(("input_axon_bits", "output_axon_bits", "list_header_bits"), Bounds(0, _SMALL)),
    "payload_bits": Bounds(1, _PAYLOAD_BITS),
    "multicast": Bounds(0, 1),
    **dict.fromkeys(("input_axons", "output_axons", "delay_slots", "thresholds", "exponents"), Bounds(1, _COUNT, may_be_none=True)),
    "population_atoms": Bounds(1, _COUNT, may_be_none=True),
    **dict.fromkeys(("synop_fj", "update_active_fj", "update_idle_fj", "spike_fj"), Bounds(0, _COST, may_be_none=True)),
    **dict.fromkeys(("hop_horizontal_fj", "hop_vertical_fj", "static_uw"), Bounds(0, _COST, may_be_none=True)),
    **dict.fromkeys(("synop_ps", "update_active_ps", "update_idle_ps"), Bounds(0, _COST, may_be_none=True)),
    **dict.fromkeys(("barrier_min_ps", "barrier_max_ps"), Bounds(0, _COST, may_be_none=True)),
    **dict.fromkeys(("host_write_ps", "host_read_ps", "host_spike_ps"), Bounds(0, _COST, may_be_none=True)),
}
"""Name of a figure -> its bounds."""
