"""Spikes between the cores of a plan, by the set of cores that each of them reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ecc_lava.backends import Result
from ecc_lava.common import Float, Int
from ecc_lava.networks import Shard
from hw_mappings.partition import ChipNetwork
from hw_mappings.placement.traffic import homes_of, rates_of
from hw_mappings.placement.trees import Trees
from hw_mappings.resources import Outgoing, Tiling, projection_axons, reach_classes

__all__ = ["spike_trees"]


def _alike(trees: Trees) -> Int:
    """Return a number for every tree, equal exactly for trees of one source and equal targets."""
    lengths, labels, known = np.diff(trees.starts), np.zeros(len(trees.sources), np.int64), 0
    for length in np.unique(lengths):
        those = np.flatnonzero(lengths == length)
        rows = np.concatenate([trees.sources[those, None], trees.targets[trees.starts[those, None] + np.arange(length)]], axis=1)
        distinct, index = np.unique(rows, axis=0, return_inverse=True)
        labels[those] = known + index.ravel()
        known += len(distinct)
    return labels


def _merged(trees: Trees) -> Trees:
    """Return one tree for each source and set of targets; targets ascend within a tree."""
    labels = _alike(trees)
    _, firsts = np.unique(labels, return_index=True)
    lengths = np.diff(trees.starts)[firsts]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    kept = np.arange(starts[-1]) + np.repeat(trees.starts[firsts] - starts[:-1], lengths)
    spikes = np.bincount(labels, trees.spikes, len(firsts)).astype(np.float64)
    return Trees(trees.sources[firsts], starts, trees.targets[kept], spikes)


def _grown(sources: Int, spikes: Float, groups: Int, reached: Int) -> Trees:
    """Return the trees of groups of neurons, without those that stay on their core or carry no spikes.

    Parameters
    ----------
    sources, spikes : (groups,)
    groups, reached : (pairs,)
        A group and a core that it reaches, in any order and any number of times.
    """
    outside = (sources[groups] != reached) & (spikes[groups] > 0)
    cores = int(reached.max(initial=0)) + 1
    pairs = np.unique(groups[outside] * cores + reached[outside])
    owners, counts = np.unique(pairs // cores, return_counts=True)
    return _merged(Trees(sources[owners], np.concatenate([[0], np.cumsum(counts)]), pairs % cores, spikes[owners]))


def spike_trees(on_chip: ChipNetwork, tilings: Mapping[str, Tiling], cores: Sequence[tuple[Shard, ...]], activity: Result | None) -> Trees:
    """Return the trees of all spikes between logical cores, without those from the host.

    A spike reaches the cores of all its neuron's targets, of whatever populations, each once; its own core does not count. Neurons of a
    shard that reach different cores have trees of their own.

    Parameters
    ----------
    on_chip : ChipNetwork
    tilings : population -> its tiling
    cores : shards of every core
    activity : Result or None
        Spikes per sample at each shard's mean firing rate; without it, per step with every neuron firing.
    """
    network = on_chip.network
    homes = homes_of(tilings, cores)
    sources, spikes, groups, reached = [np.zeros(0, np.int64)], [np.zeros(0)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    known = 0
    for name, tiling in tilings.items():
        population, out = network.by_name[name], [p for p in network.projections if p.source == name]
        links = [projection_axons(p, population, tiling.cuts, tilings[p.target].cuts, on_chip.chip) for p in out]
        going = [Outgoing(p.geometry, tilings[p.target].cuts, link.population) for p, link in zip(out, links, strict=True)]
        found = reach_classes(population.shape, tiling.cuts, going)
        sources.append(homes[name][found.shards])
        spikes.append(found.neurons * rates_of(on_chip, tiling, activity)[found.shards])
        for p, (classes, shards) in zip(out, found.reached, strict=True):
            groups.append(known + classes)
            reached.append(homes[p.target][shards])
        known += len(found.shards)
    return _grown(np.concatenate(sources), np.concatenate(spikes), np.concatenate(groups), np.concatenate(reached))
