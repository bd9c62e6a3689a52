"""Mappings whose chip pages tests look at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ecc_lava.backends.result import Result
from ecc_lava.backends.simulate import simulate
from ecc_lava.networks import QuantisedNetwork
from hw_mappings import LOIHI1
from hw_mappings.chips import COSTS, ChipSpec, Figure
from tests.helpers.chips import TINY
from tests.helpers.networks import random_images

__all__ = ["COST_FIGURES", "EVIL", "PRICED", "activity_of", "renamed", "two_chips"]

EVIL = '</script><script>document.title = "taken"</script><img src=x onerror="document.title=1">'

COST_FIGURES: dict[str, Any] = {name: Figure(getattr(LOIHI1, name).value, name == "synop_fj", "a test") for name in COSTS}

PRICED = replace(TINY, **COST_FIGURES)


def activity_of(network: QuantisedNetwork) -> Result:
    return simulate(network, random_images(network, 3), backend="golden", record=tuple(p.name for p in network.populations))


def renamed(network: QuantisedNetwork, name: str, new: str) -> QuantisedNetwork:
    def of(old: str) -> str:
        return new if old == name else old

    populations = tuple(replace(p, name=of(p.name)) for p in network.populations)
    projections = tuple(replace(p, source=of(p.source), target=of(p.target)) for p in network.projections)
    return replace(network, populations=populations, projections=projections)


def two_chips(chip: ChipSpec) -> ChipSpec:
    small = {"compartments": 6, "cores": 12, "mesh_columns": 4, "mesh_rows": 3, "board_columns": 2, "board_rows": 500}
    figures: dict[str, Any] = {name: Figure(value, False, "a test") for name, value in small.items()}
    return replace(chip, **figures, blocked=((None, 5),))
