"""The compiled loops of packing: find the types of shards, and fill core after core with shards of the types that are left."""

from __future__ import annotations

import numba
import numpy as np

from ecc_lava.common import Array, compiled_by

__all__ = ["distinct", "pack", "rows_within"]


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
        shard[:] = shards[n]
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
        while table[slot] >= 0 and not (rows[firsts[table[slot]]] == rows[n]).all():
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


def _pack(
    usage: Array, counts: Array, kept: Array, first_exponent: int, limits: Array, most: Array, weights: Array
) -> tuple[int, Array, Array]:
    """Return the number of cores, and their fillings.

    A core begins with the type that is hardest to place. The next shard is always the one that uses most, where a resource weighs by its
    scarcity and by what the core has left of it: a nearly exhausted resource weighs less than a plentiful one. The same filling is repeated
    while shards for it remain.

    Parameters
    ----------
    usage : int64 (types, resources), of resources that add up
    counts : int64 (types,), shards of each type
    kept : uint64 (types, words), the thresholds and exponents of a type as bits
    first_exponent : number of the first word that holds exponents
    limits, weights : int64 and float64 (resources,)
    most : int64 (2,), largest number of distinct thresholds and exponents

    Returns
    -------
    cores : int
    entries : int64 (entries, 3): number of a filling, type, shards of the type on each of its cores
    repeats : int64 (fillings,): number of cores with a filling
    """
    firsts, group_of, sizes = distinct(usage)  # types of equal usage differ by thresholds alone, and score alike
    members, ends = np.argsort(group_of, kind="mergesort"), np.cumsum(sizes)
    starts = ends - sizes
    hardest = np.array([(usage[t] / limits).max() for t in range(usage.shape[0])])
    left = counts.copy()
    entries, repeats = np.zeros((usage.shape[0] + 16, 3), np.int64), np.zeros(usage.shape[0] + 16, np.int64)
    number, fillings, cores = 0, 0, 0
    chosen, room, held = np.zeros(len(left), np.int64), limits.copy(), np.zeros(kept.shape[1], np.uint64)
    for first in np.argsort(-hardest, kind="mergesort"):
        while left[first] > 0:
            chosen[:], room[:], held[:] = 0, limits, 0
            option = first
            while option >= 0:
                chosen[option] += 1
                room -= usage[option]
                held |= kept[option]
                factors = weights * (room / limits) / limits
                option, best = -1, -1.0
                for g in range(len(firsts)):
                    while starts[g] < ends[g] and left[members[starts[g]]] == 0:
                        starts[g] += 1
                    score = scored(usage[firsts[g]], room, factors) if starts[g] < ends[g] else -1.0
                    if score > best:
                        for t in members[starts[g] : ends[g]]:
                            if left[t] > chosen[t] and within(held, kept[t], first_exponent, most):
                                option, best = t, score
                                break
            held_types = np.flatnonzero(chosen)
            times = (left[held_types] // chosen[held_types]).min()
            if number + len(held_types) > len(entries):
                entries = np.concatenate((entries, np.zeros_like(entries)))
            if fillings == len(repeats):
                repeats = np.concatenate((repeats, np.zeros_like(repeats)))
            for t in held_types:
                entries[number, 0], entries[number, 1], entries[number, 2] = fillings, t, chosen[t]
                number += 1
                left[t] -= times * chosen[t]
            repeats[fillings] = times
            fillings += 1
            cores += times
    return cores, entries[:number], repeats[:fillings]


pack = compiled_by(numba.njit, _pack)
