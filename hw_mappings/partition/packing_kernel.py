"""The compiled loops of packing: find the types of shards, and fill core after core with shards of the types that are left."""

from __future__ import annotations

from typing import TypeAlias

import numba
import numpy as np

from ecc_lava.common import Array, compiled_by

__all__ = ["distinct", "pack", "rows_within"]

Bounds: TypeAlias = tuple[Array, Array, Array]


def _rows_within(shards: Array, axons: tuple[Array, Array], table: Array, limits: Array, additive: Array) -> tuple[bool, Array]:
    """Return whether shards with more axons fit, and what they use of resources that add up, (shards, resources + 1), a 0 last.

    Parameters
    ----------
    shards, limits : int64 (shards, resources) and (resources,)
    axons, table : as of `hw_mappings.partition.prices_kernel.cost_with`
    additive : int64 (additive resources,), their indices
    """
    arriving, leaving = axons
    rows, shard = np.zeros((shards.shape[0], additive.shape[0] + 1), np.int64), np.empty(shards.shape[1], np.int64)
    for n in range(shards.shape[0]):
        for r in range(shard.shape[0]):
            shard[r] = shards[n, r]
        shard[table[0]] += arriving[n]
        shard[table[1]] += leaving[n]
        shard[table[2]] += arriving[n] * table[3] + leaving[n] * table[4]
        for r in range(shard.shape[0]):
            if shard[r] > limits[r]:
                return False, rows
        for r in range(additive.shape[0]):
            rows[n, r] = shard[additive[r]]
    return True, rows


rows_within = compiled_by(numba.njit, _rows_within)


def _equal(rows: Array, one: int, other: int) -> bool:
    """Whether two rows are equal."""
    differing = 0
    for column in range(rows.shape[1]):
        differing += rows[one, column] != rows[other, column]
    return differing == 0


equal = compiled_by(numba.njit, _equal)


def _distinct(rows: Array) -> tuple[Array, Array, Array]:
    """Return the number of the first row of each kind, the kind of every row, and the rows of each kind; kinds in order of their first row.

    Parameters
    ----------
    rows : int64 (rows, columns)
    """
    slots = 16
    while slots < 2 * rows.shape[0]:
        slots *= 2
    table = np.full(slots, -1)
    firsts, kinds, counts = np.zeros(rows.shape[0], np.int64), np.zeros(rows.shape[0], np.int64), np.zeros(rows.shape[0], np.int64)
    found = 0
    for n in range(rows.shape[0]):
        mixed = np.uint64(14695981039346656037)
        for value in rows[n]:  # Fowler, Noll and Vo's hash (FNV-1a), a word at a time
            mixed = (mixed ^ np.uint64(value)) * np.uint64(1099511628211)
        slot = np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(slots - 1))
        while table[slot] >= 0 and not equal(rows, firsts[table[slot]], n):
            slot = (slot + 1) & (slots - 1)
        if table[slot] < 0:
            table[slot], firsts[found] = found, n
            found += 1
        kinds[n] = table[slot]
        counts[table[slot]] += 1
    return firsts[:found], kinds, counts[:found]


distinct = compiled_by(numba.njit, _distinct)


def _scored(usage: Array, room: Array, factors: Array) -> float:
    """Return the weighted usage of a shard, -1 if the core has no room for it."""
    score = 0.0
    for r in range(usage.shape[0]):
        if usage[r] > room[r]:
            return -1.0
        score += usage[r] * factors[r]
    return score


scored = compiled_by(numba.njit, _scored)


def _within(held: Array, added: Array, first_exponent: int, most: Array) -> bool:
    """Whether the thresholds and exponents of a core and of one more shard are together at most so many."""
    for group in range(2):
        start, stop = (0, first_exponent) if group == 0 else (first_exponent, held.shape[0])
        bits = 0
        for w in range(start, stop):
            word = held[w] | added[w]
            while word:
                word &= word - np.uint64(1)
                bits += 1
        if bits > most[group]:
            return False
    return True


within = compiled_by(numba.njit, _within)


def _grown(rows: Array) -> Array:
    """Return rows with as many rows of zeros behind them."""
    result = np.zeros((2 * rows.shape[0], rows.shape[1]), np.int64)
    for n in range(rows.shape[0]):
        for column in range(rows.shape[1]):
            result[n, column] = rows[n, column]
    return result


grown = compiled_by(numba.njit, _grown)


def _begin(chosen: Array, room: Array, held: Array, limits: Array) -> None:
    """Make a core empty."""
    for t in range(chosen.shape[0]):
        chosen[t] = 0
    for r in range(room.shape[0]):
        room[r] = limits[r]
    for w in range(held.shape[0]):
        held[w] = 0


begin = compiled_by(numba.njit, _begin)


def _repeated(chosen: Array, left: Array) -> tuple[int, int]:
    """Return how many cores can have the shards of one, and how many types these have."""
    times, different = -1, 0
    for t in range(chosen.shape[0]):
        if chosen[t] > 0:
            here = left[t] // chosen[t]
            times = here if different == 0 else min(times, here)
            different += 1
    return times, different


repeated = compiled_by(numba.njit, _repeated)


def _pack(
    usage: Array, groups: tuple[Array, Array, Array], order: Array, counts: Array, kept: Array, first_exponent: int, bounds: Bounds
) -> tuple[int, Array, Array]:
    """Return the number of cores, and their fillings.

    A core begins with the type that is hardest to place. The next shard is always the one that uses most, where a resource weighs by its
    scarcity and by what the core has left of it: a nearly exhausted resource weighs less than a plentiful one. The same filling is repeated
    while shards for it remain.

    Every statement is on single numbers: those on whole arrays take seconds to compile.

    Parameters
    ----------
    usage : int64 (types, resources), of resources that add up
    groups : the types of equal usage, which differ by thresholds alone and score alike: the first type of each group, all types by their
        groups, and where each group of these begins, one more at the end
    order : int64 (types,), the hardest to place first
    counts : int64 (types,), shards of each type
    kept : uint64 (types, words), the thresholds and exponents of a type as bits
    first_exponent : number of the first word that holds exponents
    bounds : limits, most distinct thresholds and exponents, and weights: int64 (resources,), int64 (2,), float64 (resources,)

    Returns
    -------
    cores : int
    entries : int64 (entries, 3): number of a filling, type, shards of the type on each of its cores
    repeats : int64 (fillings,): number of cores with a filling
    """
    firsts, members, starts = groups
    limits, most, weights = bounds
    types, resources, words = usage.shape[0], usage.shape[1], kept.shape[1]
    left, begins = counts.copy(), starts.copy()
    entries, repeats = np.zeros((types + 16, 3), np.int64), np.zeros(types + 16, np.int64)
    number, fillings, cores = 0, 0, 0
    chosen, room, held, factors = np.zeros(types, np.int64), limits.copy(), np.zeros(words, np.uint64), weights.copy()
    for first in order:
        while left[first] > 0:
            begin(chosen, room, held, limits)
            option = first
            while option >= 0:
                chosen[option] += 1
                for r in range(resources):
                    room[r] -= usage[option, r]
                    factors[r] = weights[r] * (room[r] / limits[r]) / limits[r]
                for w in range(words):
                    held[w] |= kept[option, w]
                option, best = -1, -1.0
                for g in range(firsts.shape[0]):
                    stop = starts[g + 1]
                    while begins[g] < stop and left[members[begins[g]]] == 0:
                        begins[g] += 1
                    score = scored(usage[firsts[g]], room, factors) if begins[g] < stop else -1.0
                    if score > best:
                        for n in range(begins[g], stop):
                            t = members[n]
                            if left[t] > chosen[t] and within(held, kept[t], first_exponent, most):
                                option, best = t, score
                                break
            times, different = repeated(chosen, left)
            if number + different > entries.shape[0]:
                entries = grown(entries)
            if fillings == repeats.shape[0]:
                repeats = grown(repeats.reshape(-1, 1)).ravel()
            for t in range(types):
                if chosen[t] > 0:
                    entries[number, 0], entries[number, 1], entries[number, 2] = fillings, t, chosen[t]
                    number += 1
                    left[t] -= times * chosen[t]
            repeats[fillings] = times
            fillings += 1
            cores += times
    return cores, entries[:number], repeats[:fillings]


pack = compiled_by(numba.njit, _pack)
