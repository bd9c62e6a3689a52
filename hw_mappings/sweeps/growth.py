"""Chips whose cores have more of one resource."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ecc_lava.networks import Kind, QuantisedNetwork
from hw_mappings.chips import BOUNDS, ChipSpec, Figure
from hw_mappings.partition import chip_network
from hw_mappings.resources import SynapseModel, demands

__all__ = ["cannot_bind", "grown", "grown_limit", "unlimited"]

_GROWN = "grown by a sweep"


def grown_limit(chip: ChipSpec, resource: str, percent: int) -> int:
    """Return the limit of a resource that has grown by a whole percentage, rounded up, within what a chip file may state."""
    return min(-(-chip.amount(resource) * (100 + percent) // 100), BOUNDS[resource].most)


def grown(chip: ChipSpec, resource: str, percent: int) -> ChipSpec:
    """Return the chip whose cores have more of one resource."""
    return _with(chip, resource, grown_limit(chip, resource, percent))


def unlimited(network: QuantisedNetwork, chip: ChipSpec, resource: str) -> ChipSpec:
    """Return the chip whose cores have no limit on a resource, or as many compartments as the whole network takes."""
    if BOUNDS[resource].may_be_none:
        return _with(chip, resource, None)
    populations = chip_network(network, chip).network.populations
    neurons = sum(height * width * channels for height, width, channels in (p.shape for p in populations if p.kind is not Kind.INPUT))
    return _with(chip, resource, max(chip.amount(resource), neurons * chip.amount("compartments_per_neuron")))


def cannot_bind(network: QuantisedNetwork, chip: ChipSpec, resource: str) -> bool:
    """Whether no core that keeps the other limits can exceed this one, so that its growth changes nothing."""
    limit, found = chip.amount(resource), demands(chip_network(network, chip).network, chip, SynapseModel.STRICT).values()
    if resource == "delay_slots":
        neurons = chip.amount("compartments") // chip.amount("compartments_per_neuron")
        return neurons * max(demand.slots_per_neuron for demand in found) <= limit
    if resource == "thresholds":
        return len({int(v) for d in found if d.population.kind.spikes for v in d.population.vth.ravel()}) <= limit
    if resource == "exponents":
        return len(set().union(*(demand.exponents for demand in found))) <= limit
    return False


def _with(chip: ChipSpec, resource: str, value: int | None) -> ChipSpec:
    changed: dict[str, Any] = {resource: Figure(value, False, _GROWN)}
    return replace(chip, **changed)
