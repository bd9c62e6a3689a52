"""The architecture file: the part of the board's mesh that a mapping uses, every place a tile.

Core 0 of a tile is the chip's core. The others are the host's end of it: their neurons send the input to the chip's core beside them,
across no link and at no price, as `costs` counts the host. SANA-FE numbers tiles down the columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, groupby

import numpy as np

from hw_mappings.chips import Address, ChipSpec, board_positions
from hw_mappings.sanafe.places import COMPARTMENTS, DENDRITE, HOST, SOMA
from hw_mappings.sanafe.prices import EventPrices

__all__ = ["DELAY_MAX", "architecture", "tiles_of"]

DELAY_MAX = 5
"""Extra steps by which its dendrites delay a spike at most."""

_BUFFER = 16
"""Messages that wait on a link in SANA-FE's own Loihi; only its timing depends on it."""


def tiles_of(addresses: Sequence[Address], chip: ChipSpec) -> tuple[tuple[int, int], list[int]]:
    """Return (columns, rows) of the part of the mesh that holds the cores, and every core's tile."""
    places = board_positions(addresses, chip)
    places = places - places.min(axis=0)
    columns, rows = (int(n) + 1 for n in places.max(axis=0))
    return (columns, rows), (places[:, 0] * rows + places[:, 1]).tolist()


def architecture(name: str, size: tuple[int, int], units: int, hosts: dict[int, int], prices: EventPrices) -> str:
    """Return the architecture file.

    Parameters
    ----------
    name : str
    size : (columns, rows) of the mesh
    units : int
        Units of somas, and of dendrites, of a chip's core; all cores are alike.
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
        lines += _tile(first, last, units, number, prices)
        first = last + 1
    return "\n".join(lines) + "\n"


def _tile(first: int, last: int, units: int, host_neurons: int, prices: EventPrices) -> list[str]:
    hops: dict[str, object] = {}
    for direction, along in (("north", "vertical"), ("east", "horizontal"), ("south", "vertical"), ("west", "horizontal")):
        hops |= {f"{what}_{direction}_hop": getattr(prices, f"{what}_{along}_hop") for what in ("energy", "latency")}
    return [
        f"    - name: tile[{first}..{last}]",
        f"      attributes: {_flow(hops)}",
        "      core:",
        *_core("core", units * COMPARTMENTS, _units(SOMA, units, "leaky_integrate_fire", prices), units, prices),
        *chain.from_iterable(
            _core(HOST, number, _units(HOST, number, "input", EventPrices()), 1, EventPrices()) for number in _host_cores(host_neurons)
        ),
    ]


def _host_cores(neurons: int) -> list[int]:
    """Return the number of neurons on each of a tile's cores of the host."""
    return [min(COMPARTMENTS, neurons - first) for first in range(0, neurons, COMPARTMENTS)]


def _units(name: str, number: int, model: str, prices: EventPrices) -> str:
    somatic = {f"{what}_{event}": getattr(prices, f"{what}_{event}") for what in ("energy", "latency") for event in _SOMATIC}
    return _unit(f"{name}[0..{number - 1}]", {"model": model, **somatic})


_SOMATIC = ("access_neuron", "update_neuron", "spike_out")


def _core(name: str, neurons: int, soma: str, dendrites: int, prices: EventPrices) -> list[str]:
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
        f"          dendrite: [{_unit(f'{DENDRITE}[0..{dendrites - 1}]', {'model': 'accumulator_with_delay', **free})}]",
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
