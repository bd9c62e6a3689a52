"""Where the mapping puts each neuron: its core, and the units of that core.

A unit of somas and one of dendrites hold 1024 neurons each. A core has as many of both as its neurons fill; SANA-FE works through all
neurons of a core one after another, in whichever units they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

import numpy as np

from ecc_lava.common import Int

__all__ = ["COMPARTMENTS", "DENDRITE", "HOST", "SOMA", "chip_places", "host_place", "numbered", "units_of"]

COMPARTMENTS = 1024
"""Neurons that SANA-FE's models hold in a unit."""

SOMA, DENDRITE = "neuron", "dendrite"
"""How the units of the chip's cores are called."""

HOST = "host"
"""How the host's cores and their input units are called; an input unit holds one neuron."""


def units_of(cores: Mapping[str, Int]) -> dict[str, Int]:
    """Return the unit of every neuron within its core, population -> (neurons,); units are filled in the order of the neurons."""
    held = np.zeros(1 + max((int(of.max()) for of in cores.values()), default=0), np.int64)
    units = {}
    for name, of in cores.items():
        place = np.zeros(len(of), np.int64)
        for core in np.unique(of):
            here = np.flatnonzero(of == core)
            place[here] = held[core] + np.arange(len(here))
            held[core] += len(here)
        units[name] = place // COMPARTMENTS
    return units


def chip_places(group: str, cores: Int, units: Int, tiles: list[int]) -> Iterator[str]:
    """Yield a line for each run of a group's neurons that are in the same units."""
    first = 0
    for (core, unit), alike in groupby(zip(cores.tolist(), units.tolist(), strict=True)):
        last = first + sum(1 for _ in alike) - 1
        where = f'core: {tiles[core]}.0, soma: "{SOMA}[{unit}]", dendrite: "{DENDRITE}[{unit}]"'
        yield f"  - {group}.{numbered(first, last)}: {{{where}}}\n"
        first = last + 1


def host_place(tile: int, neuron: int) -> str:
    """Return where the mapping puts a host's neuron: its core and its input unit."""
    core, unit = divmod(neuron, COMPARTMENTS)
    return f'core: {tile}.{1 + core}, soma: "{HOST}[{unit}]"'


def numbered(first: int, last: int) -> str:
    """Return how the file names neurons one after another."""
    return str(first) if first == last else f"{first}..{last}"
