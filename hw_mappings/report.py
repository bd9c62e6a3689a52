"""A mapping in plain rows and numbers, for a table, a page or `--json`. Nothing is printed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ecc_lava.arrays import Shape
from ecc_lava.quantised import QuantisedNetwork
from hw_mappings.chips.spec import RESOURCES, ChipSpec
from hw_mappings.lower_bound import lower_bound_cores
from hw_mappings.mapping import MappedCore, Mapping

__all__ = ["LayerRow", "layer_rows", "misfit_summary", "summary", "utilisation"]


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
    fullest : resource -> (used, max) on the core that has least left
    limited_by : str
        The resource whose largest fraction is largest: what more cores buy more of.
    """

    name: str
    shape: Shape
    tiling: tuple[int, int, int]
    cores: int
    utilisation: dict[str, float | None]
    fullest: dict[str, tuple[int, int | None]]
    limited_by: str


def utilisation(cores: Sequence[MappedCore], chip: ChipSpec) -> dict[str, float | None]:
    """Return, per resource, the mean fraction of its limit over some cores; None where there is no limit."""
    fractions: dict[str, float | None] = {}
    for resource in RESOURCES:
        limit = chip.limit(resource)
        used = sum(getattr(core.usage, resource) for core in cores)
        fractions[resource] = None if limit is None else used / (limit * len(cores))
    return fractions


def layer_rows(mapping: Mapping) -> tuple[LayerRow, ...]:
    """Return one row per population on cores, in the network's order."""
    chip = mapping.chip
    rows = []
    for name, shape in mapping.populations:
        shards = mapping.shards_of(name)
        cores = [core for core in mapping.cores if any(shard.population == name for shard in core.shards)]
        fullest = {r: (max(getattr(core.usage, r) for core in cores), chip.limit(r)) for r in RESOURCES}
        limited_by = max((r for r in RESOURCES if chip.limit(r) is not None), key=lambda r: fullest[r][0] / (fullest[r][1] or 1))
        tiling = len({s.y for s in shards}), len({s.x for s in shards}), len({s.c for s in shards})
        rows.append(LayerRow(name, shape, tiling, len(cores), utilisation(cores, chip), fullest, limited_by))
    return tuple(rows)


def summary(mapping: Mapping, seconds: float | None = None) -> dict[str, Any]:
    """Return the mapping's figures as JSON values; `seconds` is how long mapping took."""
    return {
        "cores": len(mapping.cores),
        "chips": mapping.chips,
        "lower_bound_cores": mapping.lower_bound_cores,
        "utilisation": utilisation(mapping.cores, mapping.chip),
        "fits": True,
        "seconds": seconds,
    }


def misfit_summary(network: QuantisedNetwork, chip: ChipSpec, seconds: float | None = None) -> dict[str, Any]:
    """Return the same keys for a network that does not fit."""
    return {
        "cores": None,
        "chips": None,
        "lower_bound_cores": lower_bound_cores(network, chip),
        "utilisation": None,
        "fits": False,
        "seconds": seconds,
    }
