"""How many indices of a source axis reach a target axis, span by span."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ecc_lava.common import Int, read_only
from hw_mappings.resources.axes import Axis, BlockAxis, SlidingAxis, blocks, patterns
from hw_mappings.resources.tiling import Cut

__all__ = ["fan_outs", "meeting", "meeting_sums"]


@lru_cache(maxsize=1 << 14)
def _reach_prefix(axis: Axis, start: int, stop: int) -> Int:
    """Return the number of the first n source indices that reach targets `start` to `stop`, for n = 0..size."""
    reached = np.zeros(axis.size + 1, np.int64)
    match axis:
        case SlidingAxis():
            reached[[source + 1 for source in patterns(axis, start, stop)]] = 1
        case BlockAxis():
            first, last, per_source, _ = blocks(axis, start, stop)
            reached[axis.reads[0] + first * per_source + 1 : axis.reads[0] + last * per_source + 1] = 1
    return read_only(np.cumsum(reached))


@lru_cache(maxsize=1 << 11)
def _reach_prefixes(axis: Axis, targets: Cut) -> Int:
    """Return `_reach_prefix` of each target span, (target spans, size + 1)."""
    return read_only(np.stack([_reach_prefix(axis, *span) for span in targets]))


@lru_cache(maxsize=1 << 11)
def _ends(spans: Cut) -> tuple[Int, Int]:
    starts, stops = np.array(spans).T
    return read_only(starts), read_only(stops)


def meeting(axis: Axis, sources: Cut, targets: Cut) -> Int:
    """Return the number of indices of each source span that reach each target span, (source spans, target spans)."""
    prefixes = _reach_prefixes(axis, targets)
    starts, stops = _ends(sources)
    reached: Int = (prefixes[:, stops] - prefixes[:, starts]).T
    return reached


@lru_cache(maxsize=1 << 15)
def meeting_sums(axis: Axis, sources: Cut, targets: Cut, pairs: bool) -> tuple[Int, Int, int]:
    """Return the sums of `meeting` over the source spans, over the target spans and over both; with `pairs`, of spans that meet at all."""
    met = meeting(axis, sources, targets)
    met = (met > 0).astype(np.int64) if pairs else met
    return read_only(met.sum(0)), read_only(met.sum(1)), int(met.sum())


@lru_cache(maxsize=1 << 10)
def fan_outs(axis: Axis, targets: Cut) -> Int:
    """Return the number of indices of each target span that every source index reaches, (source indices, target spans)."""
    reached = np.zeros((axis.size, len(targets)), np.int64)
    for number, span in enumerate(targets):
        match axis:
            case SlidingAxis():
                for source, pattern in patterns(axis, *span).items():
                    reached[source, number] = len(pattern)
            case BlockAxis():
                first, _, per_source, counts = blocks(axis, *span)
                start = axis.reads[0] + first * per_source
                reached[start : start + len(counts) * per_source, number] = np.repeat(counts, per_source)
    return read_only(reached)
