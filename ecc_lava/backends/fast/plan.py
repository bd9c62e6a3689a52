"""What the fast back end's kernels read: a network's synapses as tables of windows and rows of weights, cut into blocks of lanes.

A population's neurons at one position are its lanes. Nothing here depends on the kernels that run it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np

from ecc_lava.common import Array
from ecc_lava.geometry import Sparse
from ecc_lava.networks import QuantisedPopulation

__all__ = [
    "BLOCK_SIZES",
    "LANES",
    "NO_TABLE",
    "TYPICAL_ACTIVITY",
    "Block",
    "LayerPlan",
    "KernelPiece",
    "PieceKind",
    "FastPlan",
    "SynapseTable",
    "View",
    "rounded",
]

LANES = 64
"""Lanes are counted in this many: 64 weights fill a cache line."""

BLOCK_SIZES = (4 * LANES, 2 * LANES, LANES)
"""Lanes that kernels can run together."""

TYPICAL_ACTIVITY = 0.08
"""Spikes a neuron and step of a deep network at 32 steps; only speed depends on it."""


def rounded(lanes: int) -> int:
    """Return a number of lanes that is a multiple of `LANES`."""
    return -(-lanes // LANES) * LANES


class PieceKind(IntEnum):
    """How a piece's synapses are added up."""

    EVENTS = 0
    """A row of weights, one for each lane, for every event under the window."""
    MASKED = 1
    """Depthwise: a weight where the bit of its own channel is set."""
    SPARSE = 2
    """Synapse by synapse."""


@dataclass(frozen=True)
class View:
    """What a piece reads of a population: a range of its channels."""

    source: str
    first: int
    stop: int


@dataclass(frozen=True, eq=False)
class SynapseTable:
    """Variable numbers of entries for each index: ``entries[starts[i]:starts[i + 1]]``, int32."""

    starts: Array
    entries: Array

    @staticmethod
    def of(lists: Sequence[Sequence[tuple[int, ...]]], columns: int) -> SynapseTable:
        """Return the table of a list of entries for each index."""
        starts = np.cumsum([0, *map(len, lists)]).astype(np.int32)
        return SynapseTable(starts, np.array([entry for part in lists for entry in part], np.int32).reshape(-1, columns))

    @property
    def longest(self) -> int:
        """Most entries of one index."""
        return int(np.diff(self.starts).max(initial=0))


NO_TABLE = SynapseTable(np.zeros(1, np.int32), np.zeros((0, 3), np.int32))
"""Of pieces that need none."""


@dataclass(frozen=True, eq=False)
class KernelPiece:
    """Synapses of one projection onto one block.

    Attributes
    ----------
    kind : PieceKind
    view : View
    offset : int
        First lane in the block, a multiple of `LANES`.
    weights : array (1 + rows, lanes) for events, int8; the first row is zero
        Masked: (taps, lanes), int16; sparse: (synapses,), int8.
    rows : SynapseTable
        For every row of the target (y, weight row of the kernel row).
    columns : SynapseTable
        For every column of the target (first x, end, weight row of x minus x * channels) for runs of neighbouring positions.
    channels : int
        Of the source in one position's bits or events.
    first : int
        Masked: bit of the first lane minus that of the position.
    shift : int
    gain : int32 array (positions,) or None
    sparse : Sparse or None
    """

    kind: PieceKind
    view: View
    offset: int
    weights: Array
    rows: SynapseTable
    columns: SynapseTable
    channels: int
    first: int
    shift: int
    gain: Array | None
    sparse: Sparse | None = None

    @property
    def source(self) -> tuple[View, PieceKind]:
        """What is read, and in which form."""
        return self.view, self.kind


@dataclass(frozen=True)
class Block:
    """Lanes that are run together: the first, their number, and the synapses onto them from spikes and from graded values."""

    lane: int
    lanes: int
    spiking: tuple[KernelPiece, ...]
    graded: tuple[KernelPiece, ...]


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """One population as the kernels read it.

    Attributes
    ----------
    population : QuantisedPopulation
    width, channels : int
        Of the map when neighbouring positions are taken together.
    blocks : tuple of Block
    bias, vth, v_init : int32 array (positions or 1, lanes)
        Lanes beyond the channels never fire.
    limit : int
        Potential rail.
    last_of : tuple of str
        Populations that nothing reads after this one.
    read : bool
        Whether anything reads this one.
    """

    population: QuantisedPopulation
    width: int
    channels: int
    blocks: tuple[Block, ...]
    bias: Array
    vth: Array
    v_init: Array
    limit: int
    last_of: tuple[str, ...]
    read: bool

    @cached_property
    def sources(self) -> tuple[tuple[View, PieceKind], ...]:
        """What the pieces read, each once."""
        return tuple(dict.fromkeys(piece.source for block in self.blocks for piece in (*block.spiking, *block.graded)))

    @property
    def lanes(self) -> int:
        """Channels, rounded up."""
        return rounded(self.channels)

    @property
    def positions(self) -> int:
        """Of the map."""
        return self.population.shape[0] * self.width

    @property
    def graded(self) -> bool:
        """Whether a graded input is read."""
        return any(block.graded for block in self.blocks)


@dataclass(frozen=True, eq=False)
class FastPlan:
    """A network as the kernels read it."""

    layers: tuple[LayerPlan, ...]
    longest_list: int
    """Most events that one window can hold."""
    most_runs: int
    """Most runs of neighbouring positions under one window."""

    @property
    def widest_block(self) -> int:
        """Lanes."""
        return max(block.lanes for layer in self.layers for block in layer.blocks)
