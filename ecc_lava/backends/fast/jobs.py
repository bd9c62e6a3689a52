"""What the fast back end's kernels take while images run: what populations sent, and the arrays for results.

Several images run together, row after row: row r is row r % H of image r // H.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from ecc_lava.backends.fast.plan import FastPlan, LayerPlan
from ecc_lava.common import Array, Shape

__all__ = ["PAIRS", "SPARE", "STEPS", "TILE", "Beyond", "Job", "Kernels", "Lists", "Outcome", "Part", "Scratch", "SpikeSource"]

SPARE = 64
"""Entries behind the end of a list that kernels may read, or may overwrite before the list grows."""

STEPS = 32
"""Steps of one pass over a position, as in `kernels.c`."""

PAIRS = 48
"""Pairs of a position and a step that `run_valued` sums together, as in `payloads.c`."""

TILE = 12
"""Pairs whose dense sums stay in registers, as in `payloads.c`."""

AHEAD = 8
"""Steps whose events kernels list together, as in `kernels.c`."""


@dataclass(frozen=True, eq=False)
class SpikeSource:
    """What one population sent, as one piece reads it; arrays that its kind of piece does not read are None.

    Attributes
    ----------
    shape : (H, W, C)
    events : uint16 array
        ``x * channels + c`` of every graded event, mod 2**16, one (row, step) after the other, in ascending order.
    starts : int32 array (rows, T, W + 1)
        First event of every position; the last entry of a row ends it.
    values : uint8 array or None
        The values of graded events.
    plane : uint8 array (rows, T, W * C) or None
        Values of every neuron, with `SPARE` bytes before and behind; T is 1 if they are the same at every step.
    first : int
        First channel of the range that the piece reads from the plane or the bits.
    is_silent : bool
        Whether nothing was sent; there is no other array then.
    bits : uint64 array (rows, T, words) or None
        Spikes, with a spare word before and behind.
    kept : int
        Channels that the piece reads of the bits, from `first` on.
    most : int
        The most spikes of a row of bits.
    trains : uint8 array (images, neurons, T) or None
    """

    shape: Shape
    events: Array | None = None
    starts: Array | None = None
    values: Array | None = None
    plane: Array | None = None
    first: int = 0
    is_silent: bool = False
    bits: Array | None = None
    kept: int = 0
    most: int = 0
    trains: Array | None = None


class Lists:
    """Memory of one thread for the lists of the rows under a window; it grows."""

    def __init__(self) -> None:
        self.events, self.starts, self.rows = np.zeros(0, np.uint16), np.zeros(0, np.int32), np.zeros(0, np.int64)

    def hold(self, events: int, starts: int, rows: int) -> None:
        """Make room for so many events, starts and rows; no row is listed then."""
        if len(self.events) < events:
            self.events = np.empty(events, np.uint16)
        if len(self.starts) < starts:
            self.starts = np.empty(starts, np.int32)
        self.rows = np.full(rows, -1, np.int64)


@dataclass(frozen=True, eq=False)
class Scratch:
    """Memory of one thread: sums of a block (steps, lanes), events of a window, their values, and the bounds of runs of events.

    For dense windows there are the addresses of what pairs of a position and a step read, and a row of zeros.
    """

    current: Array
    events: Array
    values: Array
    runs: Array
    addresses: Array
    zeros: Array
    lists: Lists

    @staticmethod
    def of(plan: FastPlan) -> Scratch:
        """Return scratch for a network."""
        events = AHEAD * plan.longest_list + SPARE
        current, runs = np.zeros(max(STEPS, PAIRS) * plan.widest_block, np.int32), np.zeros((plan.most_runs, 3), np.int64)
        addresses = np.zeros(PAIRS // TILE * (TILE + 1) * plan.most_taps, np.int64)  # and of weights, one a tile
        zeros = np.zeros(plan.widest_source + SPARE, np.uint8)
        return Scratch(current, np.zeros(events, np.uint16), np.zeros(events, np.uint8), runs, addresses, zeros, Lists())


@dataclass(frozen=True, eq=False)
class Job:
    """One population of some images to run.

    Attributes
    ----------
    steps : int
    sources : tuple of SpikeSource
        In the order of the layer's `sources`.
    constant : int32 array (images * positions or 1, lanes)
        What every step adds.
    bits : uint64 array (rows, T, words) or None
        All zero before the run unless the layer `fills_words`; kernels set spikes.
    planes : tuple of uint8 arrays (rows, T, W * C)
        Written instead of bits: payloads, and of signed ones the positive and the magnitude of the negative ones, each with `SPARE` bytes
        before and behind.
    counts : array (images, H, W, C)
        Written, in the narrowest of uint8, uint16 and int32 that holds every sum of what a neuron sends.
    potential : int32 array (images, H, W, C), or (images, 0, 0, 0)
        Written, unless it is empty.
    sent : array (images, H, W, C) or None
        Written: the number of spikes with payloads, in a type as narrow.
    over_time : int32 array (images, T, H, W, C) or None
        Written.
    """

    steps: int
    sources: tuple[SpikeSource, ...]
    constant: Array
    bits: Array | None
    planes: tuple[Array, ...]
    counts: Array
    potential: Array
    sent: Array | None
    over_time: Array | None


class Beyond(NamedTuple):
    """A sum of one step that the potential cannot hold; the least one is the first."""

    image: int
    step: int
    neuron: int
    value: int


class Outcome(NamedTuple):
    """How often the low and the high rail were reached, the nonzero values of both planes, and the first sum beyond the rails."""

    low: int
    high: int
    positive: int
    negative: int
    beyond: Beyond | None


@dataclass(frozen=True)
class Part:
    """The rows, over all images, and the blocks of a population that one call runs."""

    rows: tuple[int, int]
    blocks: tuple[int, int]


class Kernels(Protocol):
    """A set of kernels; all sets compute the same integers."""

    dense_from: float
    """Share of nonzero values from which pieces of rows of weights read planes in place of lists of values; above 1 never."""

    def prepare(self, layer: LayerPlan) -> Any:
        """Return a layer as `run` and `run_graded` take it."""

    def starting(self, prepared: Any, v_init: Array, sent_init: Array) -> Any:
        """Return a prepared layer with other potentials and sums of what was sent before the first step, laid out like the layer's."""

    def run(self, prepared: Any, job: Job, part: Part, scratch: Scratch) -> tuple[int, int]:
        """Run all steps of a part of a population; return how often the low and the high rail were reached."""

    def run_valued(self, prepared: Any, job: Job, part: Part, scratch: Scratch) -> Outcome:
        """Run all steps of a part of a population that reads or sends payloads; with one step, graded values are read here, too."""

    def run_graded(self, prepared: Any, job: Job, part: Part, scratch: Scratch) -> None:
        """Add the input from graded values to the job's `constant`, which must have a row for every position."""

    def most_spikes(self, bits: Array) -> int:
        """Return the most spikes that a row has."""

    def list_values(self, values: Array, view: tuple[int, int], events: Array, carried: Array, starts: Array) -> None:
        """List the nonzero values of graded maps (images, H, W, C) as events of one step."""

    def spread(self, bits: Array, shape: Shape, by_neuron: bool, out: Array) -> None:
        """Write bits as bytes: spike trains (images, neurons, T), or a raster (images, T, neurons)."""
