"""The data of the page as compact JSON values: every core with its shards, usage and traffic, and two placements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ecc_lava.common import Array, Int
from hw_mappings.chips import RESOURCES, Address, ChipSpec, board_positions, mesh_position
from hw_mappings.costs import Cost, core_energies_uj, core_step_us, estimate, events
from hw_mappings.mapping import DeployedNetwork, Mapping
from hw_mappings.placement import Traffic, Trees, loads, routes, row_major, tree_hops
from hw_mappings.report.page.words import RESOURCE_WORDS

__all__ = ["PAIRS", "Drawn", "drawn"]

PAIRS: Final = 60_000
"""Largest number of pairs of cores whose messages are on the page, about ten bytes each; pairs with most messages come first."""
_DISTANCES: Final = 24
"""Largest number of bars in the chart of hops per message."""


@dataclass(frozen=True)
class Drawn:
    """What a page shows beside the rows.

    Attributes
    ----------
    data : JSON values for the page's script
    placements : measure -> (row-major, as mapped)
    cost : Cost or None
        None without activity of the network.
    """

    data: dict[str, Any]
    placements: dict[str, tuple[float, float]]
    cost: Cost | None


def _short(values: Array) -> list[float]:
    """Return numbers with five digits; whole numbers are integers."""
    rounded = [float(f"{value:.5g}") for value in values.tolist()]
    return [int(value) if value == int(value) else value for value in rounded]


def drawn(deployed: DeployedNetwork) -> Drawn:
    """Return everything that the page draws."""
    mapping, chip, number = deployed.mapping, deployed.mapping.chip, len(deployed.cores)
    edges, addresses, in_order = deployed.traffic, deployed.addresses, row_major(deployed.problem)
    before, after = (_placement(deployed, where) for where in (in_order, addresses))
    sent, received = (np.bincount(ends, edges.messages, number) for ends in (edges.sources, edges.targets))
    cores: dict[str, Any] = {
        "chip": [address.chip for address in addresses],
        "core": [address.core for address in addresses],
        "at": [list(mesh_position(address, chip)) for address in addresses],
        "shards": _shards(mapping),
        "usage": [[core.usage[resource] for resource in RESOURCES] for core in mapping.cores],
        "sent": _short(sent),
        "received": _short(received),
        "synops": None,
        "energy": None,
        "step": None,
    }
    cost = None
    if deployed.activity is not None:
        found = events(deployed)
        cost, energies, step_us = estimate(found, chip), core_energies_uj(found, chip), core_step_us(found, chip)
        cores["synops"] = _short(found.synops)
        cores["energy"] = None if energies is None else _short(np.sum(list(energies.values()), axis=0))
        cores["step"] = None if step_us is None else _short(step_us)
    data = {
        "chip": _chip(mapping),
        "layers": [name for name, _ in mapping.populations],
        "resources": [{"name": name, "words": RESOURCE_WORDS[name][0], "limit": chip.limit(name)} for name in RESOURCES],
        "cores": cores,
        "pairs": _pairs(edges, number),
        "placements": [_links(deployed.problem.routed, where, chip, (*in_order, *addresses)) for where in (in_order, addresses)],
        "hops": _hops(edges, (in_order, addresses), chip),
    }
    return Drawn(data, {what: (before[what], after[what]) for what in before}, cost)


def _shards(mapping: Mapping) -> list[list[list[int]]]:
    """Return the shards of every core, each as layer number, rows, columns and channels."""
    layer = {name: index for index, (name, _) in enumerate(mapping.populations)}
    return [[[layer[shard.population], *shard.y, *shard.x, *shard.c] for shard in core.shards] for core in mapping.cores]


def _chip(mapping: Mapping) -> dict[str, Any]:
    """Return the meshes to draw: the chips in use, their places on the board, and the blocked cores."""
    chip = mapping.chip
    used = sorted({core.address.chip for core in mapping.cores})
    rows, columns = np.divmod(np.array(used), chip.amount("board_columns"))
    return {
        "columns": chip.amount("mesh_columns"),
        "rows": chip.amount("mesh_rows"),
        "cores": chip.amount("cores"),
        "used": [[n, int(x), int(y)] for n, x, y in zip(used, columns - columns.min(), rows - rows.min(), strict=True)],
        "blocked": [list(entry) for entry in chip.blocked if entry[0] is None or entry[0] in used],
    }


def _pairs(edges: Traffic, cores: int) -> dict[str, Any]:
    """Return the targets of every core, source after source; beyond `PAIRS` pairs, those with most messages."""
    kept = np.sort(np.argsort(-edges.messages, kind="stable")[:PAIRS])
    kept = kept[edges.messages[kept] > 0]
    start = np.concatenate([[0], np.cumsum(np.bincount(edges.sources[kept], minlength=cores))])
    return {
        "start": start.tolist(),
        "target": edges.targets[kept].tolist(),
        "messages": _short(edges.messages[kept]),
        "all": int((edges.messages > 0).sum()),
    }


def _distances(edges: Traffic, addresses: Sequence[Address], chip: ChipSpec) -> Int:
    places = board_positions(addresses, chip)
    distances: Int = np.abs(places[edges.sources] - places[edges.targets]).sum(axis=1)
    return distances


def _placement(deployed: DeployedNetwork, addresses: Sequence[Address]) -> dict[str, float]:
    edges, problem, chip = deployed.traffic, deployed.problem, deployed.mapping.chip
    routed = routes(loads(problem.routed, addresses, chip), chip)
    hops = float(_distances(edges, addresses, chip) @ edges.messages)
    home = np.array([address.chip for address in addresses])
    between = home[edges.sources] != home[edges.targets]
    return {
        "messages x hops": hops,
        "mean hops of a message": hops / max(float(edges.messages.sum()), 1e-12),
        "hops if routers copy spikes": tree_hops(problem.multicast, addresses, chip),
        "spikes on the busiest link, as the chip routes": routed.busiest_messages,
        "hops between chips, as the chip routes": routed.between_chips,
        "messages between chips": float(edges.messages[between].sum()),
    }


def _links(routed: Trees, addresses: Sequence[Address], chip: ChipSpec, shown: Sequence[Address]) -> dict[str, Any]:
    """Return the busier direction of every link in use, (column, row, spikes) within the shown part of the board."""
    carried = loads(routed, addresses, chip)
    places = board_positions(shown, chip)
    mesh = np.array([chip.amount("mesh_columns"), chip.amount("mesh_rows")])
    corner = places.min(axis=0) // mesh * mesh
    column, row = (int(n) for n in np.array(carried.corner) - corner)
    sides = {}
    for side, amount in (("across", np.maximum(carried.right, carried.left)), ("down", np.maximum(carried.down, carried.up).T)):
        rows, columns = np.nonzero(amount)
        messages = _short(amount[rows, columns])
        sides[side] = [list(link) for link in zip((columns + column).tolist(), (rows + row).tolist(), messages, strict=True)]
    own = board_positions(addresses, chip) - corner
    size = (places.max(axis=0) - corner) // mesh + 1
    return {"size": (size * mesh).tolist(), "cores": own.tolist(), **sides}


def _hops(edges: Traffic, placements: Sequence[Sequence[Address]], chip: ChipSpec) -> dict[str, Any]:
    """Return the share of messages in every bar for every placement; a bar covers `width` distances."""
    distances = [_distances(edges, addresses, chip) for addresses in placements]
    width = max((int(d.max()) for d in distances if d.size), default=0) // _DISTANCES + 1
    total = max(float(edges.messages.sum()), 1e-12)
    bars = max((int(d.max()) // width + 1 for d in distances if d.size), default=1)
    shares = [_short(np.bincount(d // width, edges.messages, bars) / total) for d in distances]
    return {"width": width, "shares": shares}
