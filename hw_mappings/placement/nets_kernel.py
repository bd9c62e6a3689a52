"""Sets of cores that hear the same spikes, for compiled code."""

from __future__ import annotations

from typing import NamedTuple

from ecc_lava.common import Array
from hw_mappings.placement.compiled import borrowing

__all__ = ["Nets", "count", "list_members", "within"]


class Nets(NamedTuple):
    """Sets of cores that hear the same spikes, each with its source; net n has the pins ``pins[starts[n] : starts[n + 1]]``.

    Attributes
    ----------
    starts : int64 (nets + 1,)
    pins : int64 (pins,), cores
    spikes : float64 (nets,)
    firsts, members : int64, the nets of core c are ``members[firsts[c] : firsts[c + 1]]``
    fixed : int64 (nets, 2), pins on either side that stay there
    """

    starts: Array
    pins: Array
    spikes: Array
    firsts: Array
    members: Array
    fixed: Array


@borrowing
def within(nets: Nets, cores: Array, local: Array, side: Array, seen: Array, found: Nets) -> int:
    """Fill `found` with the nets of some cores that may or may not be cut, and return their number.

    Pins become numbers of `cores`. Cores elsewhere, of which `local` is -1, are pins that stay on their `side`. A net that has fixed pins
    on both sides is cut whatever moves, and one of a single pin never: they are left out.

    Parameters
    ----------
    nets : Nets
        Of all cores.
    cores : int64 (n,)
    local : int64 (all cores,)
        Number within `cores`, -1 for others.
    side : int64 (all cores,)
        0 or 1.
    seen : bool (nets,)
        Room, all False before and after.
    found : Nets
        Room for as many nets and pins as `nets` has; `list_members` fills the rest.
    """
    number, pins = 0, 0
    for n in range(cores.shape[0]):
        for k in range(nets.firsts[cores[n]], nets.firsts[cores[n] + 1]):
            net = nets.members[k]
            if seen[net]:
                continue
            seen[net] = True
            found.fixed[number, 0], found.fixed[number, 1], stop = 0, 0, pins
            for m in range(nets.starts[net], nets.starts[net + 1]):
                pin = nets.pins[m]
                if local[pin] < 0:
                    found.fixed[number, side[pin]] = 1
                else:
                    found.pins[stop] = local[pin]
                    stop += 1
            fixed = found.fixed[number, 0] + found.fixed[number, 1]
            if fixed < 2 and stop - pins + fixed > 1:
                found.starts[number], found.spikes[number] = pins, nets.spikes[net]
                number, pins = number + 1, stop
    found.starts[number] = pins
    for n in range(cores.shape[0]):
        for k in range(nets.firsts[cores[n]], nets.firsts[cores[n] + 1]):
            seen[nets.members[k]] = False
    return number


@borrowing
def list_members(nets: Nets, number: int, cores: int) -> None:
    """Fill `firsts` and `members` of nets."""
    nets.firsts[:] = 0
    stop = nets.starts[number]
    for n in range(stop):
        nets.firsts[nets.pins[n] + 1] += 1
    for core in range(cores):
        nets.firsts[core + 1] += nets.firsts[core]
    for net in range(number):
        for n in range(nets.starts[net], nets.starts[net + 1]):
            core = nets.pins[n]
            nets.members[nets.firsts[core]] = net
            nets.firsts[core] += 1
    for core in range(cores, 0, -1):
        nets.firsts[core] = nets.firsts[core - 1]
    nets.firsts[0] = 0


@borrowing
def count(nets: Nets, number: int, side: Array, counts: Array) -> float:
    """Fill `counts`, (nets, 2), with the pins on either side, and return the spikes that cross."""
    crossing = 0.0
    for net in range(number):
        counts[net, 0], counts[net, 1] = nets.fixed[net, 0], nets.fixed[net, 1]
        for n in range(nets.starts[net], nets.starts[net + 1]):
            counts[net, side[nets.pins[n]]] += 1
        if counts[net, 0] and counts[net, 1]:
            crossing += nets.spikes[net]
    return crossing
