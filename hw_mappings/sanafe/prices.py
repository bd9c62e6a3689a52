"""What events cost, by the names of SANA-FE's architecture files, in joules and seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hw_mappings.chips import ChipSpec

__all__ = ["EventPrices", "prices_of"]

_JOULES: Final = 1e-15
_SECONDS: Final = 1e-12


@dataclass(frozen=True)
class EventPrices:
    """Energy and time of each event on a core and between cores.

    Attributes
    ----------
    energy_process_spike, latency_process_spike : float
        Of a spike through a synapse.
    energy_access_neuron, latency_access_neuron, energy_update_neuron, latency_update_neuron : float
        Of a neuron at every step, and in addition where it has input or a potential.
    energy_spike_out, latency_spike_out : float
        Of a neuron that fires.
    energy_message_in, latency_message_in, energy_message_out, latency_message_out : float
        Of a message at the core that receives it, and at the core that sends it.
    energy_horizontal_hop, latency_horizontal_hop, energy_vertical_hop, latency_vertical_hop : float
    latency_sync : float
        Of all cores agreeing that a timestep is over.
    """

    energy_process_spike: float = 0.0
    latency_process_spike: float = 0.0
    energy_access_neuron: float = 0.0
    latency_access_neuron: float = 0.0
    energy_update_neuron: float = 0.0
    latency_update_neuron: float = 0.0
    energy_spike_out: float = 0.0
    latency_spike_out: float = 0.0
    energy_message_in: float = 0.0
    latency_message_in: float = 0.0
    energy_message_out: float = 0.0
    latency_message_out: float = 0.0
    energy_horizontal_hop: float = 0.0
    latency_horizontal_hop: float = 0.0
    energy_vertical_hop: float = 0.0
    latency_vertical_hop: float = 0.0
    latency_sync: float = 0.0


def prices_of(chip: ChipSpec, fullest_chip: float) -> EventPrices:
    """Return a chip's figures as prices; figures that are not known are 0.

    A neuron is accessed at the price of its compartments' idle updates, and updated at what active ones cost beyond it.

    Parameters
    ----------
    chip : ChipSpec
    fullest_chip : float
        Largest fraction of a chip's cores that are in use, which the barrier depends on.
    """
    fj, ps = ({name: float(chip.limit(f"{name}_{unit}") or 0) * scale for name in names} for unit, scale, names in _FIGURES)
    parts = chip.amount("compartments_per_neuron")
    return EventPrices(
        energy_process_spike=fj["synop"],
        latency_process_spike=ps["synop"],
        energy_access_neuron=parts * fj["update_idle"],
        latency_access_neuron=parts * ps["update_idle"],
        energy_update_neuron=parts * (fj["update_active"] - fj["update_idle"]),
        latency_update_neuron=parts * (ps["update_active"] - ps["update_idle"]),
        energy_message_out=fj["spike"],
        energy_horizontal_hop=fj["hop_horizontal"],
        energy_vertical_hop=fj["hop_vertical"],
        latency_sync=ps["barrier_min"] + fullest_chip * (ps["barrier_max"] - ps["barrier_min"]),
    )


_FIGURES: Final = (
    ("fj", _JOULES, ("synop", "update_active", "update_idle", "spike", "hop_horizontal", "hop_vertical")),
    ("ps", _SECONDS, ("synop", "update_active", "update_idle", "barrier_min", "barrier_max")),
)
