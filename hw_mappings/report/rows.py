"""A mapping as plain rows and numbers, for a table, a page or `--json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ecc_lava.common import Shape
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.chips import RESOURCES, ChipSpec
from hw_mappings.mapping import DeployedNetwork, MappedCore, Mapping
from hw_mappings.partition import chip_network, lower_bound_cores
from hw_mappings.placement import hop_weighted, row_major
from hw_mappings.report.hops import NO_HOPS, hop_figures
from hw_mappings.resources import SynapseModel, usage_of

__all__ = ["LayerRow", "layer_claims", "layer_rows", "misfit_summary", "summary", "utilisation"]


@dataclass(frozen=True)
class LayerRow:
    """One population of a mapping.

    Attributes
    ----------
    name : str
    shape : (H, W, C)
    tiling : (parts along H, W, C)
    cores : int
    utilisation : resource -> mean fraction of the limit over its cores; None where the chip does not limit it
    fullest : resource -> (used, max) on the core that uses most of it
    limited_by : str
        The resource with the largest fraction in `fullest`: the reason why the population needs its cores.
    """

    name: str
    shape: Shape
    tiling: tuple[int, int, int]
    cores: int
    utilisation: dict[str, float | None]
    fullest: dict[str, tuple[int, int | None]]
    limited_by: str


def utilisation(cores: Sequence[MappedCore], chip: ChipSpec) -> dict[str, float | None]:
    """Return, per resource, the mean fraction of its limit that some cores use; None without a limit."""
    fractions: dict[str, float | None] = {}
    for resource in RESOURCES:
        limit = chip.limit(resource)
        used = sum(core.usage[resource] for core in cores)
        fractions[resource] = None if limit is None else used / (limit * len(cores))
    return fractions


def layer_rows(mapping: Mapping) -> tuple[LayerRow, ...]:
    """Return one row per population on cores, in the network's order."""
    chip = mapping.chip
    rows = []
    for name, shape in mapping.populations:
        cores = [core for core in mapping.cores if any(shard.population == name for shard in core.shards)]
        fullest = {r: (max(core.usage[r] for core in cores), chip.limit(r)) for r in RESOURCES}
        limited_by = max((r for r in RESOURCES if chip.limit(r) is not None), key=lambda r: fullest[r][0] / (fullest[r][1] or 1))
        rows.append(LayerRow(name, shape, mapping.tilings[name].grid, len(cores), utilisation(cores, chip), fullest, limited_by))
    return tuple(rows)


def layer_claims(deployed: DeployedNetwork) -> dict[str, dict[str, float | None]]:
    """Return each population's claim on each resource, in cores; None without a limit.

    ``claim = sum over the population's shards of usage / a core's limit``; thresholds and exponents count for each shard. The largest claim
    of a population names the resource that limits it, whichever populations share its cores.
    """
    mapping, chip = deployed.mapping, deployed.mapping.chip
    used = usage_of(deployed.network, mapping.tilings, chip, mapping.model)
    limits = {resource: chip.limit(resource) for resource in RESOURCES}
    return {
        name: {r: None if limits[r] is None else int(used[name][..., n].sum()) / (limits[r] or 1) for n, r in enumerate(RESOURCES)}
        for name, _ in mapping.populations
    }


def summary(deployed: DeployedNetwork, seconds: float | None = None) -> dict[str, Any]:
    """Return the mapping's figures as JSON values.

    Parameters
    ----------
    deployed : DeployedNetwork
    seconds : float or None
        Time that the mapping took.
    """
    mapping, problem = deployed.mapping, deployed.problem
    return {
        "cores": len(mapping.cores),
        "chips": mapping.chips,
        "lower_bound_cores": mapping.lower_bound_cores,
        "utilisation": utilisation(mapping.cores, mapping.chip),
        "fits": True,
        "seconds": seconds,
        "ratio": len(mapping.cores) / mapping.lower_bound_cores,
        "synapse_model": mapping.model.value,
        "models": _both_models(deployed.network, mapping.chip, mapping.model, len(mapping.cores), mapping.lower_bound_cores),
        "hop_weighted_messages": hop_weighted(problem, deployed.addresses),
        "hop_weighted_messages_row_major": hop_weighted(problem, row_major(problem)),
        **hop_figures(deployed),
        "messages_per": "step, if every neuron fires" if deployed.activity is None else "image",
        "layers": [asdict(row) for row in layer_rows(mapping)],
    }


def _both_models(network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel, cores: int | None, bound: int) -> dict[str, Any]:
    """Return cores and bound of `model` of synaptic memory, and for the other model the bound alone, which takes no search."""
    other = next(each for each in SynapseModel if each is not model)
    found = {model: {"cores": cores, "lower_bound_cores": bound}, other: {"lower_bound_cores": lower_bound_cores(network, chip, other)}}
    return {each.value: found[each] for each in SynapseModel}


def misfit_summary(
    network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel | str = SynapseModel.STRICT, seconds: float | None = None
) -> dict[str, Any]:
    """Return the keys of `summary` for a network that does not fit."""
    model = SynapseModel(model)
    network = chip_network(network, chip).network
    bound = lower_bound_cores(network, chip, model)
    return {
        "cores": None,
        "chips": None,
        "lower_bound_cores": bound,
        "utilisation": None,
        "fits": False,
        "seconds": seconds,
        "ratio": None,
        "synapse_model": model.value,
        "models": _both_models(network, chip, model, None, bound),
        "hop_weighted_messages": None,
        "hop_weighted_messages_row_major": None,
        **NO_HOPS,
        "messages_per": None,
        "layers": None,
    }
