"""The plan that the fast back end's kernels read: synapses as tables of windows and rows of weights, cut into blocks of lanes.

A population's neurons at one position are its lanes. The plan is the same for all sets of kernels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from ecc_lava.backends.fast.tables import SynapseTable
from ecc_lava.common import BINARY, Array, Payload
from ecc_lava.geometry import Sparse
from ecc_lava.networks import QuantisedPopulation

__all__ = [
    "BLOCK_SIZES",
    "DENSE_LANES",
    "LANES",
    "STEP_ACTIVITY",
    "TYPICAL_ACTIVITY",
    "Block",
    "FastPlan",
    "KernelPiece",
    "LayerPlan",
    "PieceKind",
    "View",
    "rounded",
]

LANES = 64
"""Blocks have multiples of so many lanes: 64 weights fill a cache line."""

BLOCK_SIZES = (4 * LANES, 2 * LANES, LANES)
"""Numbers of lanes that kernels can run together."""

DENSE_LANES = 32
"""Lanes whose sums of a dense window stay in registers, as in `payloads.c`."""

CYCLES_A_ROW, CYCLES_A_BLOCK = 2.0, 30
"""Measured processor cycles to add 64 weights, and to step 64 neurons."""

STEP_ACTIVITY = 0.5
"""Share of a step population's neurons that is 1: signs are balanced; only speed depends on this number."""

TYPICAL_ACTIVITY = 0.08
"""Spikes per neuron and step of a deep network at 32 steps; only speed depends on this number."""


def rounded(lanes: int) -> int:
    """Return a number of lanes that is a multiple of `LANES`."""
    return -(-lanes // LANES) * LANES


class PieceKind(IntEnum):
    """How kernels add up a piece's synapses."""

    EVENTS = 0
    """Every event under the window adds a row of weights, one for each lane, times its value if it has one."""
    MASKED = 1
    """Depthwise: every lane adds its own weight where the bit of its channel is set, or times the value of its channel."""
    SPARSE = 2
    """Every synapse adds its own weight."""


@dataclass(frozen=True)
class View:
    """The range of a population's channels that a piece reads; `negative` reads what signed payloads take back, by its magnitude."""

    source: str
    first: int
    stop: int
    negative: bool = False


@dataclass(frozen=True, eq=False)
class KernelPiece:
    """Synapses of one projection onto one block.

    Attributes
    ----------
    kind : PieceKind
    view : View
    offset : int
        First lane in the block, a multiple of `LANES`.
    weights : array
        Events: int8 (1 + rows, lanes), whose first row is zero. Masked: int16 (taps, lanes). Sparse: int8 (synapses,). Pieces that
        read negative payloads have the weights negated.
    rows : SynapseTable
        For every row of the target: (y, weight row of the kernel row).
    columns : SynapseTable
        For every column of the target, runs of neighbouring positions: (first x, end, weight row of x minus x * channels).
    channels : int
        Channels of the source in one position's bits or events.
    first : int
        Masked: the first lane's bit, counted from the position's first bit.
    shift : int
    gain : int32 array (positions,) or None
    valued : bool
        Whether the source sends values: payloads, or the same graded values at every step.
    activity : float
        About which share of the source's neurons spikes at a step; only speed depends on this number.
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
    valued: bool
    activity: float
    sparse: Sparse | None = None

    @property
    def source(self) -> tuple[View, PieceKind]:
        """What the piece reads, and in which form."""
        return self.view, self.kind


@dataclass(frozen=True)
class Block:
    """Lanes that run together: the first lane, the number of lanes, and the pieces onto them from spikes and from graded values."""

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
        Size of the map after neighbouring positions are merged.
    blocks : tuple of Block
    bias, vth, v_init : int32 array (positions or 1, lanes)
        Lanes beyond the channels never fire.
    vth_bits : int32 array like vth
        The logarithm of vth, where payloads are shifts.
    limit : int
        Potential rail.
    is_checked : bool
        Whether one step's input beyond the rail is an error, because payloads arrive.
    last_of : tuple of str
        Populations whose last reader is this one.
    read : bool
        Whether any population reads this one.
    sent_init : int32 array like v_init or None
        What neurons of a stream have sent before the first step.
    """

    population: QuantisedPopulation
    width: int
    channels: int
    blocks: tuple[Block, ...]
    bias: Array
    vth: Array
    v_init: Array
    vth_bits: Array
    limit: int
    is_checked: bool
    last_of: tuple[str, ...]
    read: bool
    sent_init: Array | None = None

    @cached_property
    def sources(self) -> tuple[tuple[View, PieceKind], ...]:
        """What the pieces read, without repetition."""
        return tuple(dict.fromkeys(piece.source for block in self.blocks for piece in (*block.spiking, *block.graded)))

    @cached_property
    def cycles(self) -> int:
        """About how many processor cycles a step of one image takes; only speed depends on this number."""
        cycles = CYCLES_A_BLOCK * self.positions * self.lanes // LANES
        for piece in (piece for block in self.blocks for piece in (*block.spiking, *block.graded)):
            if piece.kind is PieceKind.SPARSE:
                cycles += len(piece.weights)
            else:
                share = piece.activity if piece.kind is PieceKind.EVENTS and not piece.valued else 1.0
                cycles += int(share * CYCLES_A_ROW * self.positions * len(piece.weights) * piece.weights.shape[1] / LANES)
        return cycles

    @property
    def lanes(self) -> int:
        """Channels, rounded up to a multiple of `LANES`."""
        return rounded(self.channels)

    @property
    def positions(self) -> int:
        """Positions of the map."""
        return self.population.shape[0] * self.width

    @property
    def fills_words(self) -> bool:
        """Whether no two positions have spikes in one word of bits, so that kernels write words and need no zeros there."""
        return self.channels % LANES == 0

    @property
    def graded(self) -> bool:
        """Whether a piece reads a graded input."""
        return any(block.graded for block in self.blocks)

    @property
    def valued(self) -> bool:
        """Whether payloads arrive or are sent, so that `Kernels.run_valued` runs the population."""
        return self.is_checked or self.population.payload != BINARY


@dataclass(frozen=True, eq=False)
class FastPlan:
    """A network as the kernels read it."""

    layers: tuple[LayerPlan, ...]
    longest_list: int
    """The most events that one window can hold."""
    most_runs: int
    """The most runs of neighbouring positions under one window."""
    most_taps: int
    """The most positions of a source under one window."""
    widest_source: int
    """The most channels of a population."""
    inputs: Mapping[str, Payload]
    """The payload of every input."""

    @property
    def widest_block(self) -> int:
        """Lanes of the widest block."""
        return max(block.lanes for layer in self.layers for block in layer.blocks)
