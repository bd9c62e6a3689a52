"""What an image costs: the spiking network's events at published energies, beside the CNN's multiplications.

Energies cover the events of neuron cores alone. They leave out the traffic between cores and static power, which need a mapping, and the
host's work. The CNN's energy is that of its arithmetic alone. All figures are orders of magnitude, not measurements.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from ecc_lava.analysis.account import Account, Charge
from ecc_lava.backends import Network, Result
from ecc_lava.formats import NumberFormat
from ecc_lava.graph import Graph
from ecc_lava.networks import Kind, QuantisedNetwork

__all__ = [
    "CORE_ENERGIES",
    "FLOAT32_MAC_PJ",
    "HOST",
    "INT8_MAC_PJ",
    "CoreEnergy",
    "Costs",
    "ImageEvents",
    "core_account",
    "costs",
    "costs_of",
    "image_events",
    "multiplied",
    "updated_neurons",
]

FLOAT32_MAC_PJ: Final = 4.6
"""A multiplication and addition in 32-bit float, picojoules at 45 nm. Source: Horowitz, "Computing's Energy Problem", ISSCC 2014."""

INT8_MAC_PJ: Final = 0.23
"""A multiplication (0.2) and addition (0.03) of 8-bit integers, picojoules at 45 nm. Source: as `FLOAT32_MAC_PJ`."""

HOST: Final = "the host: its coding of images (the neurons of a rate code too), its spikes, its resets and reads of potentials"
"""What no account of a chip's energy has."""

_OF_A_MAPPING: Final = "messages and hops between cores, and static power, which `map` adds"

_UJ_PER_PJ: Final = 1e-6
_PJ_PER_FJ: Final = 1e-3


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
class ImageEvents:
    """Events of one image, means over images. They belong to the network: no chip and no mapping changes them.

    Attributes
    ----------
    spikes : float
        Spikes of all populations, and nonzero events of graded inputs.
    synops, input_macs : float
        Binary spikes through synapses; multiplications of graded input.
    graded_synops : float
        Spikes with a payload through synapses: multiplications.
    payload_bits : float
        Bits that the spikes between populations carry: one for a binary spike, else the payload's and one for its sign.
    updates : float
        Neurons times timesteps, without the inputs, which the host updates.
    """

    spikes: float
    synops: float
    input_macs: float
    graded_synops: float
    payload_bits: float
    updates: float


def image_events(result: Result, network: Network) -> ImageEvents:
    """Return the mean events of a result's images, or of a stream's frames.

    Parameters
    ----------
    result : Result
        A simulation of `network` with any back end; its timesteps may differ from the network's.
    network : SpikingNetwork or QuantisedNetwork
    """
    return ImageEvents(
        spikes=sum(int(n.sum()) for n in result.spike_counts.values()) / result.images,
        synops=float(result.synops.mean()),
        input_macs=float(result.input_macs.mean()),
        graded_synops=float(result.graded_synops.mean()),
        payload_bits=float(result.payload_bits.mean()),
        updates=updated_neurons(network) * result.timesteps,
    )


def updated_neurons(network: Network) -> int:
    """Return the number of neurons that the chip updates at every step."""
    return sum(p.neurons for p in network.populations if p.kind is not Kind.INPUT)


def multiplied(events: ImageEvents) -> tuple[str, ...]:
    """Return the names of the events that are multiplications, which no energy of a synop prices."""
    return tuple(name for name, number in (("graded synops", events.graded_synops), ("input MACs", events.input_macs)) if number)


def core_account(events: ImageEvents, format: NumberFormat) -> Account:
    """Return the energy of events in the neuron cores of a number format's chip.

    ``energy = synops * synop_fj + neurons * T * compartments * update_fj``
    """
    left_out, core = (_OF_A_MAPPING, HOST), CORE_ENERGIES.get(format.name)
    reasons = [f"{what} are multiplications, whose energy is not published" for what in multiplied(events)]
    if core is None:
        reasons.append(f"no energies are published for {format.name}")
    if reasons or core is None:
        return Account((), left_out, "; ".join(reasons))
    of_update = (core.update_idle_fj * _PJ_PER_FJ, core.update_active_fj * _PJ_PER_FJ)
    synop = core.synop_fj * _PJ_PER_FJ
    return Account(
        (
            Charge("synops", "synops", events.synops, synop, synop),
            Charge("updates", f"updates of compartments, {core.compartments} a neuron", events.updates * core.compartments, *of_update),
        ),
        left_out,
    )


@dataclass(frozen=True)
class Costs(ImageEvents):
    """Events and energy of one image, means over images.

    Attributes
    ----------
    account : Account
        Of the neuron cores.
    ann_macs : int or None
        Multiplications of the CNN, without those of padding; None without the CNN.
    """

    account: Account
    ann_macs: int | None

    @property
    def energy_low_uj(self) -> float | None:
        """Microjoules if all updates are idle; None if there is no energy, see `account`."""
        return self.account.low_uj

    @property
    def energy_high_uj(self) -> float | None:
        """Microjoules if all updates are active; None if there is no energy, see `account`."""
        return self.account.high_uj

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
            "spikes_per_image": self.spikes,
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

    Parameters
    ----------
    result : Result
        A simulation of `network` with any back end; its timesteps may differ from the network's.
    network : QuantisedNetwork
        Its number format selects the chip's energies.
    graph : Graph, optional
        The CNN that the network was converted from.
    """
    return costs_of(image_events(result, network), network, graph)


def costs_of(events: ImageEvents, network: QuantisedNetwork, graph: Graph | None = None) -> Costs:
    """Return what an image costs that makes these events."""
    return Costs(**asdict(events), account=core_account(events, network.format), ann_macs=None if graph is None else graph.macs)
