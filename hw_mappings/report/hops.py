"""Hops of a mapping in both ways in which a chip may deliver a spike: one message for each core, and copied on its way."""

from __future__ import annotations

from typing import Any, Final

from hw_mappings.mapping import DeployedNetwork
from hw_mappings.placement import PlacementProblem, Trees, loads, routes, row_major, tree_hops

__all__ = ["NO_HOPS", "hop_figures"]

NO_HOPS: Final = {"routing": None, "hops": None}
"""The keys of `hop_figures` for a network without a mapping."""


def _ways(problem: PlacementProblem) -> dict[str, Trees]:
    return {"unicast": problem.traffic.one_by_one, "multicast": problem.multicast}


def hop_figures(deployed: DeployedNetwork) -> dict[str, Any]:
    """Return how the chip routes spikes, with its source, and the hops of both ways, those of row-major order beside them."""
    problem, chip, addresses = deployed.problem, deployed.mapping.chip, deployed.addresses
    figure, in_order, hops = chip.multicast, row_major(problem), {}
    for way, trees in _ways(problem).items():
        found = routes(loads(trees, addresses, chip), chip)
        hops[way] = {
            "hops": found.horizontal + found.vertical,
            "between_chips": found.between_chips,
            "busiest_link": found.busiest_messages,
            "hops_row_major": tree_hops(trees, in_order, chip),
        }
    way = "multicast" if figure.value else "unicast"
    return {"routing": {"way": way, "order": "rows first", "public": figure.public, "source": figure.source}, "hops": hops}
