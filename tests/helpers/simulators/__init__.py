"""Other people's simulators on exported graphs: one a file, one line in the table.

Each reads a NIR file by its own reader, and returns what every population sent at every step. `as_read` changes nothing of what the reader
made; `as_set` sets what the file's metadata say and NIR has no field for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ecc_lava.common import Array

__all__ = ["SIMULATORS", "Simulator", "Spikes", "load"]

Spikes = dict[str, Array]
"""Node of neurons -> what they sent, (N, T, neurons)."""


@dataclass(frozen=True)
class Simulator:
    """A simulator.

    Attributes
    ----------
    as_read, as_set : function (file, input (N, T, C, H, W)) -> Spikes
    settings : str
        What `as_set` sets.
    has_payloads : bool
        Whether its neurons can send more than one spike at a step.
    """

    as_read: Callable[[Path, Array], Spikes]
    as_set: Callable[[Path, Array], Spikes]
    settings: str
    has_payloads: bool = False


SIMULATORS = ("sinabs", "spikingjelly", "snntorch", "norse")


def load(name: str) -> Simulator:
    """Return a simulator; its packages are imported here."""
    import importlib

    simulator: Simulator = importlib.import_module(f"tests.helpers.simulators.with_{name}").SIMULATOR
    return simulator
