"""What an image costs: the spiking network's events at published energies, beside the CNN's multiplications.

Energies cover the events of neuron cores alone. They leave out the traffic between cores, which needs a mapping; the host's work (input
spikes, initial potentials at the start of every image); and leakage. The CNN's energy is that of its arithmetic alone. All figures are
orders of magnitude, not measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ecc_lava.backends import Result
from ecc_lava.graph import Graph
from ecc_lava.networks import Kind, QuantisedNetwork

__all__ = ["CORE_ENERGIES", "FLOAT32_MAC_PJ", "INT8_MAC_PJ", "CoreEnergy", "Costs", "costs"]

FLOAT32_MAC_PJ: Final = 4.6
"""A multiplication and addition in 32-bit float, picojoules at 45 nm. Source: Horowitz, "Computing's Energy Problem", ISSCC 2014."""

INT8_MAC_PJ: Final = 0.23
"""A multiplication (0.2) and addition (0.03) of 8-bit integers, picojoules at 45 nm. Source: as `FLOAT32_MAC_PJ`."""

_UJ_PER_PJ: Final = 1e-6
_UJ_PER_FJ: Final = 1e-9


@dataclass(frozen=True)
class CoreEnergy:
    """Energy of one event in a chip's cores, in femtojoules.

    Attributes
    ----------
    synop_fj : int
        Energy of one spike through one synapse.
    update_idle_fj, update_active_fj : int
        Energy of one compartment in one timestep, without and with activity.
    compartments : int
        Compartments of one neuron.
    source : str
    """

    synop_fj: int
    update_idle_fj: int
    update_active_fj: int
    compartments: int
    source: str


CORE_ENERGIES: Final = {
    "loihi1": CoreEnergy(
        synop_fj=23_600,
        update_idle_fj=52_000,
        update_active_fj=81_000,
        compartments=2,  # assumed: reset by subtraction built from a second compartment
        source="Davies et al., Loihi: A Neuromorphic Manycore Processor with On-Chip Learning, IEEE Micro 38(1), 2018; "
        "a pre-silicon estimate",
    )
}
"""Name of a number format -> energies of the chip that computes in it. None are published for Loihi 2."""


@dataclass(frozen=True)
class Costs:
    """Events and energy of one image, means over images.

    Attributes
    ----------
    synops, input_macs : float
        Binary spikes through synapses; multiplications of graded input.
    graded_synops : float
        Spikes with a payload through synapses: multiplications.
    payload_bits : float
        Bits that the spikes between populations carry: one for a binary spike, else the payload's and one for its sign.
    updates : int
        Neurons times timesteps, without the inputs, which the host updates.
    energy_low_uj, energy_high_uj : float or None
        Microjoules if all updates are idle, and if all are active; None if no energies are published, or there are multiplications:
        of graded input or of payloads.
    ann_macs : int or None
        Multiplications of the CNN, without those of padding; None without the CNN.
    """

    synops: float
    input_macs: float
    graded_synops: float
    payload_bits: float
    updates: int
    energy_low_uj: float | None
    energy_high_uj: float | None
    ann_macs: int | None

    @property
    def ann_float32_uj(self) -> float | None:
        """The CNN's multiplications and additions in 32-bit float, microjoules."""
        return None if self.ann_macs is None else self.ann_macs * FLOAT32_MAC_PJ * _UJ_PER_PJ

    @property
    def ann_int8_uj(self) -> float | None:
        """The CNN's multiplications and additions in 8-bit integers, microjoules."""
        return None if self.ann_macs is None else self.ann_macs * INT8_MAC_PJ * _UJ_PER_PJ

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values; unknown numbers are None."""
        return {
            "synops_per_image": self.synops,
            "input_macs_per_image": self.input_macs,
            "graded_synops_per_image": self.graded_synops,
            "payload_bits_per_image": self.payload_bits,
            "updates_per_image": self.updates,
            "energy_low_uj_per_image": self.energy_low_uj,
            "energy_high_uj_per_image": self.energy_high_uj,
            "ann_macs_per_image": self.ann_macs,
            "ann_float32_uj_per_image": self.ann_float32_uj,
            "ann_int8_uj_per_image": self.ann_int8_uj,
        }


def costs(result: Result, network: QuantisedNetwork, graph: Graph | None = None) -> Costs:
    """Return what the images of a result cost on average.

    ``energy = synops * synop_fj + neurons * T * compartments * update_fj``

    Parameters
    ----------
    result : Result
        A simulation of `network` with any back end; its timesteps may differ from the network's.
    network : QuantisedNetwork
        Its number format selects the chip's energies.
    graph : Graph, optional
        The CNN that the network was converted from.
    """
    counted = (result.synops, result.input_macs, result.graded_synops, result.payload_bits)
    synops, input_macs, graded_synops, payload_bits = (float(events.mean()) for events in counted)
    updates = sum(p.neurons for p in network.populations if p.kind is not Kind.INPUT) * result.timesteps
    core = CORE_ENERGIES.get(network.format.name)
    low = high = None
    if core is not None and not input_macs and not graded_synops:
        low, high = (
            (synops * core.synop_fj + updates * core.compartments * update_fj) * _UJ_PER_FJ
            for update_fj in (core.update_idle_fj, core.update_active_fj)
        )
    return Costs(synops, input_macs, graded_synops, payload_bits, updates, low, high, None if graph is None else graph.macs)
