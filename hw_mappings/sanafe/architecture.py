"""The architecture file: the part of the board's mesh that a mapping uses, every place a tile.

Core 0 of a tile is the chip's core. The others are the host's end of it: their neurons send the input to the chip's core beside them,
across no link and at no price, as `costs` counts the host. SANA-FE numbers tiles down the columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, groupby

import numpy as np

from hw_mappings.chips import Address, ChipSpec, board_positions
from hw_mappings.sanafe.prices import EventPrices

__all__ = ["COMPARTMENTS", "DELAY_MAX", "HOST", "architecture", "host_place", "tiles_of"]

COMPARTMENTS = 1024
"""Neurons that SANA-FE's models hold on a core."""

DELAY_MAX = 5
"""Extra steps by which its dendrites delay a spike at most."""

HOST = "host"
"""How the host's cores and their input units are called; an input unit holds one neuron."""

_BUFFER = 16
"""Messages that wait on a link in SANA-FE's own Loihi; only its timing depends on it."""


def tiles_of(addresses: Sequence[Address], chip: ChipSpec) -> tuple[tuple[int, int], list[int]]:
    """Return (columns, rows) of the part of the mesh that holds the cores, and every core's tile."""
    places = board_positions(addresses, chip)
    places = places - places.min(axis=0)
    columns, rows = (int(n) + 1 for n in places.max(axis=0))
    return (columns, rows), (places[:, 0] * rows + places[:, 1]).tolist()


def architecture(name: str, size: tuple[int, int], hosts: dict[int, int], prices: EventPrices) -> str:
    """Return the architecture file.

    Parameters
    ----------
    name : str
    size : (columns, rows) of the mesh
    hosts : tile -> number of the host's neurons there
    prices : EventPrices
    """
    tiles = [hosts.get(tile, 0) for tile in range(int(np.prod(size)))]
    lines = [
        "architecture:",
        f"  name: {name}",
        "  attributes:",
        "    topology: mesh",
        f"    width: {size[0]}",
        f"    height: {size[1]}",
        f"    link_buffer_size: {_BUFFER}",
        "    sync_model: fixed",
        f"    latency_sync: {prices.latency_sync:e}",
        "  tile:",
    ]
    first = 0
    for number, alike in groupby(tiles):
        last = first + len(list(alike)) - 1
        lines += _tile(first, last, number, prices)
        first = last + 1
    return "\n".join(lines) + "\n"


def _tile(first: int, last: int, host_neurons: int, prices: EventPrices) -> list[str]:
    hops: dict[str, object] = {}
    for direction, along in (("north", "vertical"), ("east", "horizontal"), ("south", "vertical"), ("west", "horizontal")):
        hops |= {f"{what}_{direction}_hop": getattr(prices, f"{what}_{along}_hop") for what in ("energy", "latency")}
    return [
        f"    - name: tile[{first}..{last}]",
        f"      attributes: {_flow(hops)}",
        "      core:",
        *_core("core", COMPARTMENTS, _unit("neuron", {"model": "leaky_integrate_fire", **_somatic(prices)}), prices),
        *chain.from_iterable(_core(HOST, units, _inputs(units), EventPrices()) for units in _host_cores(host_neurons)),
    ]


def _host_cores(neurons: int) -> list[int]:
    """Return the number of neurons on each of a tile's cores of the host."""
    return [min(COMPARTMENTS, neurons - first) for first in range(0, neurons, COMPARTMENTS)]


def host_place(tile: int, neuron: int) -> str:
    """Return where the mapping puts a host's neuron: its core and its input unit."""
    core, unit = divmod(neuron, COMPARTMENTS)
    return f'core: {tile}.{1 + core}, soma: "{HOST}[{unit}]"'


def _inputs(number: int) -> str:
    return _unit(f"{HOST}[0..{number - 1}]", {"model": "input", **_somatic(EventPrices())})


def _somatic(prices: EventPrices) -> dict[str, object]:
    return {f"{what}_{event}": getattr(prices, f"{what}_{event}") for what in ("energy", "latency") for event in _SOMATIC}


_SOMATIC = ("access_neuron", "update_neuron", "spike_out")


def _core(name: str, neurons: int, soma: str, prices: EventPrices) -> list[str]:
    message_in, message_out, synapse = (
        {f"{what}_{event}": getattr(prices, f"{what}_{event}") for what in ("energy", "latency")}
        for event in ("message_in", "message_out", "process_spike")
    )
    free = {"energy_update": 0.0, "latency_update": 0.0}
    return [
        f"        - name: {name}",
        f"          attributes: {{buffer_position: dendrite, buffer_inside_unit: true, max_neurons_supported: {neurons}}}",
        f"          axon_in: [{_unit('axon_in', message_in)}]",
        f"          synapse: [{_unit('synapse', {'model': 'current_based', **synapse})}]",
        f"          dendrite: [{_unit('dendrite', {'model': 'accumulator_with_delay', **free})}]",
        f"          soma: [{soma}]",
        f"          axon_out: [{_unit('axon_out', message_out)}]",
    ]


def _unit(name: str, attributes: dict[str, object]) -> str:
    return f'{{name: "{name}", attributes: {_flow(attributes)}}}'


def _flow(attributes: dict[str, object]) -> str:
    return (
        "{"
        + ", ".join(f"{name}: {value:e}" if isinstance(value, float) else f"{name}: {value}" for name, value in attributes.items())
        + "}"
    )
