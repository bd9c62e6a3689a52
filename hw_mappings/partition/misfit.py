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

__all__ = ["explain_bound", "explain_cores", "explain_misfit", "refuse_payloads"]

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


def explain_cores(chip: ChipSpec, needed: int, most: int, cores: Mapping[str, int]) -> str:
    """Say that the populations together need more cores than there are.

    Parameters
    ----------
    chip : ChipSpec
    needed, most : number of cores of the mapping, and the most that it may have
    cores : number of cores that hold shards of each population
    """
    largest = max(cores, key=lambda name: cores[name])
    return (
        f"the network needs {needed} cores, {_held(chip, most)}: {needed - most} too many. The largest, population {largest!r}, takes "
        f"{cores[largest]}. {_fitting(chip, needed, most)}"
    )


def explain_bound(chip: ChipSpec, fewest: int, most: int, parts: Mapping[str, float]) -> str:
    """Say that every mapping needs more cores than there are.

    Parameters
    ----------
    chip : ChipSpec
    fewest, most : the lower bound on the cores, and the most that a mapping may have
    parts : the part of the bound that is due to each population
    """
    largest = sorted(parts, key=lambda name: -parts[name])[:3]
    named = ", ".join(f"{name!r} {parts[name]:,.1f}" for name in largest)
    return (
        f"every mapping of the network needs at least {fewest} cores, {_held(chip, most)}: at least {fewest - most} too many. Of these "
        f"{fewest} the largest populations take {named}. {_fitting(chip, fewest, most)}"
    )


def _held(chip: ChipSpec, most: int) -> str:
    if most < chip.cores_in_all:
        return f"max_cores is {most}"
    return f"{chip.amount('chips')} chip(s) {chip.name} of {chip.most_usable} cores have {most}"


def _fitting(chip: ChipSpec, needed: int, most: int) -> str:
    allowed = f"max_cores of {needed}" if needed <= chip.cores_in_all else f"{-(-needed // chip.most_usable)} chips"
    return f"Smallest change that fits: {allowed}, or populations that take {needed - most} cores fewer (fewer output channels)"
