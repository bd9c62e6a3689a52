"""Messages about what does not fit: the population, the resource, its use, the limit, and the smallest change that fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from ecc_lava.common import Int
from ecc_lava.errors import DoesNotFit
from ecc_lava.geometry import Sparse
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.chips import RESOURCES, ChipSpec
from hw_mappings.resources import Demand, Tiling, axes_of, span_needs

__all__ = ["explain_cores", "explain_misfit", "refuse_payloads"]

_WORDS: Final = {
    "compartments": "compartments",
    "synapse_bits": "bits of synaptic memory",
    "memory_bits": "bits of memory",
    "input_axons": "input axons",
    "output_axons": "output axons",
    "delay_slots": "slots of delayed input",
    "thresholds": "distinct thresholds",
    "exponents": "distinct weight exponents",
}
_NETWORK_REMEDY: Final = {
    "compartments": "",
    "synapse_bits": "fewer synapses into each neuron or fewer weight bits, ",
    "memory_bits": "fewer synapses into each neuron or fewer weight bits, ",
    "output_axons": "fewer cores for the populations it sends to (fewer channels there), ",
    "delay_slots": "a skip over fewer layers, ",
    "thresholds": "",
    "exponents": "fewer projections into it, ",
}


def explain_misfit(demand: Demand, finest: Tiling, usage: Mapping[str, Int], limits: Int) -> str:
    """Say why a population does not fit even with one neuron a core.

    Parameters
    ----------
    demand : Demand
    finest : tiling with single neurons of the population
    usage : usage of these neurons, and then of the populations that they send to
    limits : limits of a core
    """
    chip = demand.chip
    own = usage[demand.name].reshape(-1, len(RESOURCES))
    ratios = own / np.maximum(limits, 1)
    number, resource = np.unravel_index(int(ratios.argmax()), ratios.shape)
    used, most, name = int(own[number, resource]), int(limits[resource]), RESOURCES[resource]
    if used <= most:
        return (
            f"population {demand.name!r} does not fit on {chip.name} beside the populations it sends to: with every cut tried, too many "
            f"axons leave its cores or arrive at theirs. Smallest change that fits: fewer channels in {demand.name!r} or in those, "
            "or a chip with more input and output axons"
        )
    shard = finest.shards[int(number)]
    change = _NETWORK_REMEDY[name] if name != "input_axons" else _fewer_channels(demand, used, most)
    return (
        f"population {shard.population!r} does not fit on {chip.name}: one neuron (row {shard.y[0]}, column {shard.x[0]}, channel "
        f"{shard.c[0]}) alone on a core takes {used} {_WORDS[name]}, the limit is {most}: {used - most} too many. "
        f"Smallest change that fits: {change}or a chip with {name} of at least {used}"
    )


def _fewer_channels(demand: Demand, used: int, most: int) -> str:
    """Name the largest number of source channels whose fan-in fits, if the population has a single source."""
    fitting = 0
    if len(demand.into) == 1:
        projection, source = demand.into[0]
        channels = source.shape[2]
        if not isinstance(projection.geometry, Sparse):
            reads = span_needs(axes_of(projection.geometry, source.shape)[2], 0, 1).reached
            fitting = channels * most // used if reads == channels else 0
    if fitting < 1:
        return f"{used - most} fewer source neurons for each neuron, "
    return f"{fitting} channels instead of {channels} in {source.name!r}, "


def refuse_payloads(network: QuantisedNetwork, chip: ChipSpec) -> None:
    """Refuse a network whose spikes carry more than the chip's can.

    Raises
    ------
    DoesNotFit
        Naming the population whose spikes carry most, the limit, and the smallest change that fits.
    """
    most = chip.amount("payload_bits")
    needed = {name: max(-low, high).bit_length() + (low < 0) for name, (low, high) in network.sent_range.items()}
    widest = max(needed, key=lambda name: needed[name])
    if needed[widest] <= most:
        return
    signed, others = network.sent_range[widest][0] < 0, sum(bits > most for bits in needed.values()) - 1
    width = f"{needed[widest]} bits{' with their sign' * signed}"
    fitting = f"{most - signed} bits and a sign" if signed and most > 1 else f"{most} bit{'s' * (most > 1)} without a sign"
    raise DoesNotFit(
        f"spikes of population {widest!r} carry {width}; those of {chip.name} carry at most {most}"
        + (f" ({others} more populations exceed it)" if others else "")
        + f". Smallest change that fits: payloads of {fitting}, or a chip with payload_bits of at least {needed[widest]}"
    )


def explain_cores(chip: ChipSpec, needed: int, cores: Mapping[str, int]) -> str:
    """Say that the populations together need more cores than the chips have.

    Parameters
    ----------
    chip : ChipSpec
    needed : number of cores of the mapping
    cores : number of cores that hold shards of each population
    """
    most, per_chip = chip.cores_in_all, chip.most_usable
    largest = max(cores, key=lambda name: cores[name])
    return (
        f"the network needs {needed} cores, {chip.amount('chips')} chip(s) {chip.name} of {per_chip} cores have {most}: "
        f"{needed - most} too "
        f"many. The largest, population {largest!r}, takes {cores[largest]}. Smallest change that fits: {-(-needed // per_chip)} chips, or "
        f"populations that take {needed - most} cores fewer (fewer output channels)"
    )
