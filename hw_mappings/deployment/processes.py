"""The number of processes of the operating system that a deployment may take, and the cores that share one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import chain
from typing import Final, TypeVar

from ecc_lava.errors import InvalidInput
from hw_mappings.mapping import MappedCore
from hw_mappings.resources import even_cut

__all__ = ["FEWEST", "default_limit", "groups", "layers"]

_T = TypeVar("_T")

FEWEST: Final = 3
"""Fewest processes: source, sink, and one for all cores."""

_PER_CPU: Final = 32
"""Processes per processor. All processes synchronise at every step: 64 of them took 15 to 20 ms a step on two processors."""
_BYTES: Final = 24 * 2**20
"""Memory of one process: 7 to 12 MB were measured, beside its share of weights and state."""
_FILES: Final = 20
"""Open files for each process in the process with the most: 10, and 2 for each channel."""


def default_limit() -> int:
    """Return the number of processes that this machine can hold, by its processors, free memory and limit of open files."""
    limits = [_PER_CPU * (os.cpu_count() or 1)]
    if "SC_AVPHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _BYTES)
    import resource  # Unix only, as Lava's runtime is

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        limits.append(hard // _FILES)
    return max(FEWEST, min(limits))


def layers(cores: Sequence[MappedCore]) -> list[list[int]]:
    """Return the numbers of the cores by the population of their first shard."""
    found: dict[str, list[int]] = {}
    for number, core in enumerate(cores):
        found.setdefault(core.shards[0].population, []).append(number)
    return list(found.values())


def _parts(things: Sequence[_T], number: int) -> list[Sequence[_T]]:
    """Cut a sequence into parts of near-equal length."""
    return [things[start:stop] for start, stop in even_cut(len(things), number)]


def groups(cores: Sequence[MappedCore], processes: int) -> list[tuple[int, ...]]:
    """Return the numbers of the cores that share each process.

    Each core has a process of its own if `processes` allows it; else cores of a layer share processes. With fewer processes than layers,
    consecutive layers share one.

    Parameters
    ----------
    cores : sequence of MappedCore
    processes : int
        Largest number of processes, source and sink included.

    Raises
    ------
    InvalidInput
        For fewer than three processes.
    """
    if processes < FEWEST:
        raise InvalidInput(f"{processes} processes; a deployment takes at least {FEWEST}: source, sink, and one for all cores")
    room = processes - 2
    if len(cores) <= room:
        return [(number,) for number in range(len(cores))]
    held = layers(cores)
    if len(held) > room:
        return [tuple(chain.from_iterable(part)) for part in _parts(held, room)]
    parts = [1] * len(held)
    while sum(parts) < room:
        parts[max(range(len(held)), key=lambda n: len(held[n]) / parts[n])] += 1
    return [tuple(part) for layer, number in zip(held, parts, strict=True) for part in _parts(layer, number)]
