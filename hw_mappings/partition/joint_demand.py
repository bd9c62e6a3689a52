"""What a population takes at least, by the numbers of parts that its channels and its map are cut into.

A *label* is a range of numbers of channel parts and a range of numbers of map parts (row parts times column parts). Each tiling has one.
The least cost of a label is found axis by axis, as a tiling is a grid: the sum over its boxes is a sum over row spans of sums over column
spans of sums over channel spans, and the least of each inner sum is a lower bound on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from ecc_lava.common import Array, Float, Int, Shape
from ecc_lava.geometry import Conv, Dense
from ecc_lava.networks import Kind, QuantisedPopulation, QuantisedProjection
from hw_mappings.partition.box_demand import SLACK, BoxDemand, Boxes
from hw_mappings.partition.least_axons import readers
from hw_mappings.partition.least_lists import SpanKinds, span_kinds, windows_of

__all__ = ["MOST", "JointDemand", "Ranges", "is_full", "reads_all"]

MOST: Final = 1e7
"""Cores that what is impossible counts as: far more than any board has."""

_CHANNEL_STEP: Final = 1.06
_MAP_STEP: Final = 1.5
_LEVEL_STEP: Final = 1.6
"""Ratio of the ends of ranges of channel parts and map parts, and of numbers of shards that a position reaches."""
_SINGLE: Final = 8
"""Levels up to here are powers of two."""


@dataclass(frozen=True, eq=False)
class Ranges:
    """Ranges of whole numbers, from each of `first` to each of `last`, that cover 1..most."""

    first: Int
    last: Int

    @staticmethod
    def up_to(most: int, step: float) -> Ranges:
        """Return ranges whose ends grow by at most a ratio where they hold more than one number."""
        first = [1]
        while first[-1] < most:
            first.append(min(max(first[-1] + 1, int(first[-1] * step)), most))
        return Ranges(np.array(first), np.append(np.array(first[1:], np.int64) - 1, most))


def is_full(projection: QuantisedProjection, source: QuantisedPopulation, channels: int) -> bool:
    """Whether every channel part of the source that is read at a position meets every channel part of the target there."""
    match projection.geometry:
        case Conv(groups=1, kernel=kernel, reads=reads):
            return kernel.shape[3] == channels and reads in (None, (0, source.shape[2]))
        case Dense():
            return True
        case _:
            return False


def reads_all(projection: QuantisedProjection, source: Shape, target: Shape) -> bool:
    """Whether the target reads every position of the source."""
    conv = projection.geometry
    return not isinstance(conv, Conv) or all(readers(window).min() > 0 for window in windows_of(conv, source, target))


class JointDemand:
    """The least costs of one population's labels.

    Parameters
    ----------
    demand : BoxDemand
    prices : float64 (resources,)
        Price of a core's whole amount of each resource of `BOUNDED`, in cores.
    widest : int
        Most channels of a population that this one sends to.
    """

    def __init__(self, demand: BoxDemand, prices: Float, widest: int) -> None:
        self._demand, self._prices, self._widest = demand, prices, widest
        self.shape = demand.population.shape
        height, width, self.channels = self.shape
        self.channel_parts, self.map_parts = Ranges.up_to(self.channels, _CHANNEL_STEP), Ranges.up_to(height * width, _MAP_STEP)
        convs = [(p.geometry, source.shape) for p, source in demand.into if isinstance(p.geometry, Conv)]
        windows = [windows_of(conv, source, demand.population.shape) for conv, source in convs]
        self._rows = span_kinds(tuple(rows for rows, _ in windows), height)
        self._columns = span_kinds(tuple(columns for _, columns in windows), width)
        self.arriving, self.leaving = (float(each @ prices) for each in (demand.arriving(), demand.leaving()))

    @cached_property
    def levels(self) -> Int:
        """Numbers of shards that every position reaches, for which the costs are known."""
        found = [0]
        limited = any(self._demand.leaving() > 0)
        while limited and (after := max(1, 2 * found[-1] if found[-1] < _SINGLE else int(found[-1] * _LEVEL_STEP))) <= self._widest:
            found.append(after)
        return np.array(found)

    def _boxes(self) -> tuple[Boxes, tuple[Int, Int, Int]]:
        """Return boxes of all kinds of rows and columns, as deep as may fit, and their places in an array (rows, columns, depths)."""
        along = tuple(zip(self._rows.along, self._columns.along, strict=True))
        most = self._deepest()
        rows, columns = (axis.ravel() for axis in np.indices(most.shape))
        rows, columns = (np.repeat(axis, most.ravel()) for axis in (rows, columns))
        depths = np.arange(len(rows)) - np.repeat(np.cumsum(most.ravel()) - most.ravel(), most.ravel())
        sizes = np.stack([self._rows.lengths[rows], self._columns.lengths[columns], depths + 1], axis=1)
        return Boxes(sizes, rows, columns, along), (rows, columns, depths)

    def _deepest(self) -> Int:
        """Return the largest depth of boxes of each kind of rows and columns for which their neurons and weights alone may fit."""
        demand, kinds = self._demand, self._rows.lengths[:, None] * self._columns.lengths
        bits = np.zeros(kinds.shape)
        along = iter(zip(self._rows.along, self._columns.along, strict=True))
        for projection, _ in demand.into:
            if isinstance(projection.geometry, Conv):
                y, x = (each.entries.sum(axis=1) if demand.is_strict else each.weights for each in next(along))
                if projection.geometry.kernel.shape[3] == self.channels:
                    bits += np.outer(y, x) * float(projection.geometry.kernel.shape[2] * projection.bits)
        most = min(demand.chip.limit(name) or np.inf for name in ("synapse_bits", "memory_bits"))
        deepest = np.minimum(demand.neurons_max // kinds, self.channels)
        return np.minimum(deepest, np.where(bits > 0, most / np.maximum(bits, 1), np.inf)).astype(np.int64)

    @cached_property
    def least(self) -> Float:
        """Least cost of each level and label, (levels, channel parts, map parts); infinity where nothing fits."""
        demand = self._demand
        boxes, places = self._boxes()
        own, reached = demand.own(boxes), demand.reached(boxes)
        cost = own @ self._prices
        for (projection, source), read in zip(demand.into, reached, strict=True):
            if source.kind is Kind.INPUT:
                cost += self.arriving * read
            elif not is_full(projection, source, self.channels):
                cost += (self.arriving + self.leaving) * read
        taken = own + demand.arriving(np.sum([*reached, np.zeros(len(cost))], axis=0))
        slots = demand.chip.amount("population_slots") if demand.chip.limit("population_atoms") is not None else self.channels
        sent = np.minimum(boxes.sizes[:, 2], slots) * boxes.sizes[:, 0] * boxes.sizes[:, 1]
        found: list[Float] = []
        before: Array | None = None
        for level in self.levels:
            fits = (taken + demand.leaving(sent * level) <= 1 + SLACK).all(axis=1)
            if before is None or (fits != before).any():
                dense = np.full((len(self._rows.lengths), len(self._columns.lengths), self.channels), np.inf)
                dense[tuple(place[fits] for place in places)] = cost[fits]
                found.append(self._by_label(dense))
            else:
                found.append(found[-1])
            before = fits
        return np.stack(found)

    def _by_label(self, dense: Float) -> Float:
        """Return the least cost of each label from the cost of each box, (kinds of rows, kinds of columns, depths)."""
        from hw_mappings.partition.joint_kernel import by_length

        rows, columns, channels = dense.shape
        parts = by_length(dense.reshape(-1, channels), channels)
        parts = np.minimum.reduceat(parts, self.channel_parts.first - 1, axis=1).reshape(rows, columns, -1)
        across = _cut(parts.transpose(0, 2, 1), self._columns)  # rows, channel parts, column parts
        down = _cut(across.transpose(1, 2, 0), self._rows)  # channel parts, column parts, row parts
        return self._by_map_parts(down)

    def _by_map_parts(self, costs: Float) -> Float:
        """Return the least of costs, (..., column parts, row parts), for each range of map parts."""
        parts = np.outer(np.arange(1, costs.shape[-2] + 1), np.arange(1, costs.shape[-1] + 1)).ravel()
        result = np.full((*costs.shape[:-2], len(self.map_parts.first)), np.inf)
        flat = costs.reshape(*costs.shape[:-2], -1)
        for number, (first, last) in enumerate(zip(self.map_parts.first, self.map_parts.last, strict=True)):
            held = (first <= parts) & (parts <= last)
            if held.any():
                result[..., number] = flat[..., held].min(axis=-1)
        return result

    def positions(self, number: int) -> Float:
        """Return the fewest pairs of a position of a source and a part of the map that reads it, (map parts,); of the n-th projection."""
        projection, source = self._demand.into[number]
        if not isinstance(projection.geometry, Conv):
            return np.full(len(self.map_parts.first), float(source.shape[0] * source.shape[1]))
        place = sum(isinstance(p.geometry, Conv) for p, _ in self._demand.into[:number])
        y, x = (_cut(kinds.along[place].reached[None].astype(float), kinds)[0] for kinds in (self._rows, self._columns))
        return self._by_map_parts(np.outer(x, y))


def _cut(values: Float, kinds: SpanKinds) -> Float:
    """Return the least cost of cutting an axis in 1, 2, ... spans, (..., spans), from the costs of kinds of spans, (..., kinds)."""
    from hw_mappings.partition.joint_kernel import by_length, by_span

    flat = np.ascontiguousarray(values.reshape(-1, values.shape[-1]))
    found = by_span(flat, kinds.of_span) if kinds.exact else by_length(flat, len(kinds.of_span) - 1)
    return found.reshape(*values.shape[:-1], -1)
