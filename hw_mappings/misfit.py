"""Words for what does not fit: which population, which resource, by how much, and the smallest change that fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ecc_lava.quantised import QuantisedProjection
from ecc_lava.shard import Shard
from hw_mappings.chips.spec import ChipSpec
from hw_mappings.resources import Incoming, Usage, overruns

__all__ = ["explain_cores", "explain_delay", "explain_misfit"]

_WORDS: Final = {
    "compartments": "compartments",
    "synapse_bits": "bits of synaptic memory",
    "memory_bits": "bits of memory",
    "input_axons": "input axons",
    "output_axons": "output axons",
}
_NETWORK_REMEDY: Final = {
    "compartments": "",
    "synapse_bits": "fewer synapses into each neuron or fewer weight bits, ",
    "memory_bits": "fewer synapses into each neuron or fewer weight bits, ",
    "output_axons": "fewer cores for the populations it sends to (fewer channels there), ",
}


def explain_misfit(chip: ChipSpec, sources: Sequence[Incoming], usages: Sequence[tuple[Shard, Usage]]) -> str:
    """Say why a population does not fit even with one neuron a core.

    Parameters
    ----------
    chip : ChipSpec
    sources : the projections into the population
    usages : its one-neuron shards with what each takes
    """
    worst: dict[str, tuple[int, int, Shard]] = {}
    for shard, usage in usages:
        for resource, (used, most) in overruns(usage, chip).items():
            if resource not in worst or used > worst[resource][0]:
                worst[resource] = used, most, shard
    resource, (used, most, shard) = max(worst.items(), key=lambda item: item[1][0] / item[1][1])
    change = _NETWORK_REMEDY[resource] if resource != "input_axons" else _fewer_channels(sources, used, most)
    return (
        f"population {shard.population!r} does not fit on {chip.name}: one neuron (row {shard.y[0]}, column {shard.x[0]}, channel "
        f"{shard.c[0]}) alone on a core takes {used} {_WORDS[resource]}, the limit is {most}: {used - most} too many. "
        f"Smallest change that fits: {change}or a chip with {resource} of at least {used}"
    )


def _fewer_channels(sources: Sequence[Incoming], used: int, most: int) -> str:
    """Name the largest number of source channels whose fan-in fits, if there is one source to shrink."""
    channels = sources[0].reach.source_channels if len(sources) == 1 else None
    fitting = 0 if channels is None else channels * most // used
    if fitting < 1:
        return f"{used - most} fewer source neurons for each neuron, "
    return f"{fitting} channels instead of {channels} in {sources[0].source!r}, "


def explain_delay(chip: ChipSpec, projection: QuantisedProjection) -> str:
    """Say that a projection skips more layers than the chip can delay spikes by."""
    most = chip.amount("delay_max")
    return (
        f"the projection into population {projection.target!r} from {projection.source!r} needs a delay of {projection.delay} timesteps, "
        f"the limit of {chip.name} is {most}: {projection.delay - most} too many. Smallest change that fits: a skip over "
        f"{projection.delay - most} fewer layers, or a chip with delay_max of at least {projection.delay}"
    )


def explain_cores(chip: ChipSpec, cores: Mapping[str, int]) -> str:
    """Say that the populations together need more cores than there are.

    Parameters
    ----------
    chip : ChipSpec
    cores : cores of every population
    """
    needed, most, per_chip = sum(cores.values()), chip.cores_in_all, chip.amount("cores")
    largest = max(cores, key=lambda name: cores[name])
    return (
        f"the network needs {needed} cores, {chip.amount('chips')} chip(s) {chip.name} of {per_chip} cores have {most}: "
        f"{needed - most} too "
        f"many. The largest, population {largest!r}, takes {cores[largest]}. Smallest change that fits: {-(-needed // per_chip)} chips, or "
        f"populations that take {needed - most} cores fewer (fewer output channels)"
    )
