"""Other people's ways to place cores, on the problems of this project's placers.

- `hilbert_and_forces`: Jin et al., Mapping Very Large Scale Spiking Neuron Network to Neuromorphic Hardware, ASPLOS 2023. Cores stand along
  a Hilbert curve in the order of the network. Then neighbours exchange places where that lessens messages times hops, by their tension, the
  most tense first, until no tension is left.
- `bisected`: Mt-KaHyPar (https://github.com/kahypar/mt-kahypar, package `mtkahypar`) cuts the hypergraph of spikes in two, and the mesh
  is cut along its longer side, again and again. Cores elsewhere pull from their side of the cut.
- `mapped`: Mt-KaHyPar maps the hypergraph onto at most 16 blocks of the mesh by the Steiner trees of hyperedges; the blocks are then cut as
  above.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from ecc_lava.common.arrays import Array, Int
from hw_mappings.chips import Address, board_positions
from hw_mappings.placement import PLACERS, PlacementProblem, Placer
from hw_mappings.placement.compiled import compiled

__all__ = ["bisected", "hilbert_and_forces", "mapped", "rivals"]

_SWAPPED: Final = 0.3
"""Share of the tense pairs that exchange places in one round; the paper's lambda."""
_BLOCKS: Final = 16
"""Most blocks that hypergraphs are mapped onto; at 64, the most that Mt-KaHyPar takes, it needs minutes."""
_WEIGHT: Final = 1e6
"""The largest weight of a hyperedge; weights are whole numbers."""


@compiled
def _tension(a: int, b: int, here: Array, there: Array, at: Array, firsts: Array, others: Array, messages: Array) -> float:
    """Return by how much an exchange of core a at `here` with core b at `there` (-1 for none) lessens messages times hops."""
    less = 0.0
    for core, other, old, new in ((a, b, here, there), (b, a, there, here)):
        if core >= 0:
            for n in range(firsts[core], firsts[core + 1]):
                if others[n] != core and others[n] != other:
                    x, y = at[others[n]]
                    less += messages[n] * (abs(old[0] - x) + abs(old[1] - y) - abs(new[0] - x) - abs(new[1] - y))
    return less


@compiled
def _relaxed(positions: Array, pairs: Array, core_at: Array, firsts: Array, others: Array, messages: Array, share: float) -> None:
    at = np.zeros((firsts.shape[0] - 1, 2), np.int64)
    for place in range(positions.shape[0]):
        if core_at[place] >= 0:
            at[core_at[place]] = positions[place]
    tension = np.zeros(pairs.shape[0])
    while True:
        for n in range(pairs.shape[0]):
            p, q = pairs[n]
            tension[n] = _tension(core_at[p], core_at[q], positions[p], positions[q], at, firsts, others, messages)
        tense = int((tension > 1e-9).sum())
        if not tense:
            return
        for n in np.argsort(-tension)[: max(1, int(share * tense))]:
            p, q = pairs[n]
            a, b = core_at[p], core_at[q]
            if _tension(a, b, positions[p], positions[q], at, firsts, others, messages) > 1e-9:  # not undone by an exchange before
                core_at[p], core_at[q] = b, a
                if a >= 0:
                    at[a] = positions[q]
                if b >= 0:
                    at[b] = positions[p]


def _places(problem: PlacementProblem) -> tuple[list[Address], Int]:
    """Return the cores of the chips along the curve, those in use first, and their (column, row)."""
    used = PLACERS["hilbert"](problem)
    chips = dict.fromkeys(address.chip for address in used)
    places = [*used, *sorted({Address(c, core) for c in chips for core in problem.chip.usable(c)} - set(used))]
    positions = board_positions(places, problem.chip)
    return places, np.ascontiguousarray(positions - positions.min(axis=0))


def hilbert_and_forces(problem: PlacementProblem) -> tuple[Address, ...]:
    """Place along the curve, and exchange tense neighbours."""
    places, positions = _places(problem)
    number = {tuple(place): n for n, place in enumerate(positions.tolist())}
    pairs = np.array(
        [(n, number[x + dx, y + dy]) for (x, y), n in number.items() for dx, dy in ((1, 0), (0, 1)) if (x + dx, y + dy) in number]
    )
    traffic = problem.traffic
    froms, tos = np.concatenate([traffic.sources, traffic.targets]), np.concatenate([traffic.targets, traffic.sources])
    order = np.argsort(froms, kind="stable")
    firsts = np.searchsorted(froms[order], np.arange(problem.cores + 1))
    core_at = np.where(np.arange(len(places)) < problem.cores, np.arange(len(places)), -1)
    _relaxed(positions, pairs.reshape(-1, 2), core_at, firsts, tos[order], np.concatenate([traffic.messages] * 2)[order], _SWAPPED)
    return _addresses(places, core_at, problem.cores)


def _addresses(places: Sequence[Address], core_at: Int, cores: int) -> tuple[Address, ...]:
    found = {int(core): places[place] for place, core in enumerate(core_at) if core >= 0}
    return tuple(found[core] for core in range(cores))


@cache
def _library() -> Any:
    import mtkahypar

    mtkahypar.set_seed(0)
    return mtkahypar.initialize(1)


class _Cutter:
    """Cores that are cut in two with their part of the mesh until every core has a place."""

    def __init__(self, problem: PlacementProblem) -> None:
        places, positions = _places(problem)
        self.places, self.positions = places[: problem.cores], positions[: problem.cores]  # those in use stand closest together
        trees = problem.multicast
        ends = np.split(trees.targets, trees.starts[1:-1]) if len(trees.sources) else []
        self.nets = [np.concatenate([[source], to]) for source, to in zip(trees.sources, ends, strict=True)]
        self.weights = np.maximum(1, np.round(_WEIGHT * trees.spikes / trees.spikes.max(initial=1.0))).astype(int).tolist()
        self.at = np.tile(self.positions.mean(axis=0), (problem.cores, 1))
        self.core_at = np.full(len(self.places), -1)
        self.touching: list[list[int]] = [[] for _ in range(problem.cores)]
        for number, net in enumerate(self.nets):
            for core in net:
                self.touching[core].append(number)

    def context(self, blocks: int) -> Any:
        import mtkahypar

        context = _library().context_from_preset(mtkahypar.PresetType.QUALITY if blocks == 2 else mtkahypar.PresetType.DEFAULT)
        context.logging = False
        return context

    def halves(self, cores: Int, sizes: tuple[int, int], side: Array) -> Array:
        """Return the half, 0 or 1, of every core; `side` is that of every core of the problem as it stands."""
        import mtkahypar

        local = np.full(len(self.at), -1)
        local[cores] = np.arange(len(cores))
        nets, weights = [], []
        for number in sorted({net for core in cores for net in self.touching[core]}):
            pins = self.nets[number]
            inside = local[pins] >= 0
            own = [*local[pins[inside]].tolist(), *(len(cores) + half for half in set(side[pins[~inside]].tolist()))]
            if len(own) > 1:
                nets.append(own)
                weights.append(self.weights[number])
        half = (np.arange(len(cores)) >= sizes[0]).astype(int)
        if nets:
            context = self.context(2)
            context.set_partitioning_parameters(2, 0.0, mtkahypar.Objective.KM1)
            context.set_individual_target_block_weights([size + 1 for size in sizes])
            graph = _library().create_hypergraph(context, len(cores) + 2, len(nets), nets, [1] * (len(cores) + 2), weights)
            graph.add_fixed_vertices([*[-1] * len(cores), 0, 1], 2)
            half = np.array(graph.partition(context).get_partition())[: len(cores)]
        for full in (0, 1):  # where the library exceeds a half
            over = int((half == full).sum()) - sizes[full]
            if over > 0:
                half[np.flatnonzero(half == full)[-over:]] = 1 - full
        return half

    def cut(self, cores: Int, places: Int) -> None:
        """Give some cores places of their own among at least as many."""
        if not len(cores):
            return
        if len(places) == 1:
            self.core_at[places[0]] = cores[0]
            return
        spread = np.ptp(self.positions[places], axis=0)
        axis = int(spread[1] > spread[0])
        along = self.positions[places, axis]
        line = np.unique(along)[(np.unique(along).size) // 2]
        first, second = places[along < line], places[along >= line]
        size = min(max(round(len(cores) * len(first) / len(places)), len(cores) - len(second)), len(first))
        half = self.halves(cores, (size, len(cores) - size), (self.at[:, axis] >= line).astype(int))
        for number, part in enumerate((first, second)):
            self.at[cores[half == number]] = self.positions[part].mean(axis=0)
        for number, part in enumerate((first, second)):
            self.cut(cores[half == number], part)


def bisected(problem: PlacementProblem) -> tuple[Address, ...]:
    """Cut cores and mesh in two again and again."""
    cutter = _Cutter(problem)
    cutter.cut(np.arange(problem.cores), np.arange(len(cutter.places)))
    return _addresses(cutter.places, cutter.core_at, problem.cores)


def _joined(blocks: Int) -> tuple[list[tuple[int, int]], list[int]]:
    """Return the pairs of blocks next to each other, or as far apart as it takes to join all, and their distances."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    distances = np.abs(blocks[:, None] - blocks).sum(axis=2)
    for most in range(1, int(distances.max()) + 1):
        ends = np.argwhere(np.triu((distances > 0) & (distances <= most)))
        joins = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=distances.shape)
        if connected_components(joins, directed=False)[0] == 1:
            return [(a, b) for a, b in ends.tolist()], distances[ends[:, 0], ends[:, 1]].tolist()
    return [], []


def mapped(problem: PlacementProblem) -> tuple[Address, ...]:
    """Map cores onto blocks of the mesh by Steiner trees, and cut every block."""
    cutter, cores = _Cutter(problem), np.arange(problem.cores)
    width, most = 1, max(1, min(_BLOCKS, problem.cores // 2))
    while len(np.unique(cutter.positions // width, axis=0)) > most:
        width += 1
    blocks, of_place = np.unique(cutter.positions // width, axis=0, return_inverse=True)
    held = np.bincount(of_place.ravel())
    joined, lengths = _joined(blocks)
    context = cutter.context(len(blocks))
    context.set_mapping_parameters(len(blocks), 0.0)
    context.set_individual_target_block_weights(held.tolist())
    nets = [net.tolist() for net in cutter.nets]
    graph = _library().create_hypergraph(context, problem.cores, len(nets), nets, [1] * problem.cores, cutter.weights)
    target = _library().create_target_graph(context, len(blocks), len(joined), joined, lengths)
    block = np.array(graph.map_onto_graph(target, context).get_partition())
    for full in range(len(blocks)):  # where the library exceeds a block
        for core in np.flatnonzero(block == full)[held[full] :]:
            block[core] = int(np.argmax(held - np.bincount(block, minlength=len(blocks))))
    for n in range(len(blocks)):
        cutter.at[block == n] = cutter.positions[of_place.ravel() == n].mean(axis=0)
    for n in range(len(blocks)):
        cutter.cut(cores[block == n], np.flatnonzero(of_place.ravel() == n))
    return _addresses(cutter.places, cutter.core_at, problem.cores)


def rivals() -> dict[str, Placer]:
    """Return the rivals by name, those of Mt-KaHyPar if it is there."""
    found: dict[str, Placer] = {"hilbert + forces": hilbert_and_forces}
    if find_spec("mtkahypar") is None:
        return found
    return {**found, "mtkahypar, bisected": bisected, "mtkahypar, mapped": mapped}
