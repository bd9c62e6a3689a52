"""Routes of spikes as trees of links: along the source's row first, then along the columns of its targets.

A spike leaves its core along its row, to the leftmost and to the rightmost column of a target. In each column of a target it goes up and
down, to the topmost and to the lowest target. Routers copy it where ways part, so it passes every link once::

    hops = (rightmost - leftmost column) + sum over columns of targets (lowest - topmost row)

where the source counts among the columns, and its row among the rows of every column. For one target that is the usual distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ecc_lava.common import Float, Int

__all__ = ["Branches", "Trees", "branches", "hops_of", "members", "one_by_one"]


@dataclass(frozen=True, eq=False)
class Trees:
    """Spikes between cores by the core that sends them and the set of cores that they reach.

    Attributes
    ----------
    sources : int64 array (trees,)
    starts : int64 array (trees + 1,)
        The targets of tree t are ``targets[starts[t] : starts[t + 1]]``, at least one.
    targets : int64 array (targets of all trees,)
        Distinct within a tree.
    spikes : float64 array (trees,)
        Per sample with activity, else per step with every neuron firing.
    """

    sources: Int
    starts: Int
    targets: Int
    spikes: Float


class Branches(NamedTuple):
    """Where trees lie on the mesh.

    Attributes
    ----------
    left, right : int64 arrays (trees,)
        Columns between which a tree lies.
    trees, columns, top, bottom : int64 arrays (branches,)
        A branch is a column of targets of a tree, and the rows between which the tree lies there.
    """

    left: Int
    right: Int
    trees: Int
    columns: Int
    top: Int
    bottom: Int


def one_by_one(sources: Int, targets: Int, messages: Float) -> Trees:
    """Return messages that go to one core each, (messages,): every one is a tree of its own."""
    return Trees(sources, np.arange(len(sources) + 1), targets, messages)


def members(trees: Trees, cores: int) -> tuple[Int, Int]:
    """Return the trees of every core, core after core, and where those of each core begin, (cores + 1,)."""
    numbers = np.arange(len(trees.sources))
    cores_of = np.concatenate([trees.sources, trees.targets])
    order = np.argsort(cores_of, kind="stable")
    trees_of = np.concatenate([numbers, np.repeat(numbers, np.diff(trees.starts))])[order]
    return trees_of, np.searchsorted(cores_of[order], np.arange(cores + 1))


def branches(trees: Trees, places: Int) -> Branches:
    """Return where trees lie if core c is at (column, row) ``places[c]``, (cores, 2)."""
    owners = np.repeat(np.arange(len(trees.sources)), np.diff(trees.starts))
    columns, rows = places[trees.targets].T
    own_columns, own_rows = places[trees.sources].T
    if not len(owners):
        return Branches(own_columns, own_columns, owners, columns, rows, rows)
    left = np.minimum(np.minimum.reduceat(columns, trees.starts[:-1]), own_columns)
    right = np.maximum(np.maximum.reduceat(columns, trees.starts[:-1]), own_columns)
    order = np.lexsort((columns, owners))
    owners, columns, rows = owners[order], columns[order], rows[order]
    begins = np.concatenate([[True], (np.diff(owners) != 0) | (np.diff(columns) != 0)]).nonzero()[0]
    owners, columns = owners[begins], columns[begins]
    top = np.minimum(np.minimum.reduceat(rows, begins), own_rows[owners])
    bottom = np.maximum(np.maximum.reduceat(rows, begins), own_rows[owners])
    return Branches(left, right, owners, columns, top, bottom)


def hops_of(trees: Trees, places: Int) -> Int:
    """Return the links of every tree along rows and along columns, (trees, 2), if core c is at (column, row) ``places[c]``."""
    found = branches(trees, places)
    along_columns = np.bincount(found.trees, found.bottom - found.top, len(trees.sources))
    return np.stack([found.right - found.left, along_columns.astype(np.int64)], axis=1)
