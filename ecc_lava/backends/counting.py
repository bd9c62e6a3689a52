"""Counts the events of an image from the spikes of every neuron: the one place where a simulation's events are counted."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np

from ecc_lava.backends.table import Network
from ecc_lava.common import BINARY, Array, Int, usable_cores
from ecc_lava.geometry import fan_out

__all__ = ["EVENTS", "EventTally"]

EVENTS: Final = ("synops", "input_macs", "graded_synops", "payload_bits")
"""The events of every sample that a result counts."""

SAMPLES: Final = 8
"""Samples whose counts stay in a cache while they are multiplied."""

WORTH_A_THREAD: Final = 2**18
"""Counts. To start a thread takes about as long as to multiply so many."""

COLUMNS: Final = 4096
"""Neurons from which on several products in float32 are faster than one in float64."""


class EventTally:
    """Counts the events that a network's spikes make.

    ``synops = sum over neurons of spikes * synapses out of the neuron``, exactly; multiplications are counted apart.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        synapses = {name: np.zeros(p.shape) for name, p in network.by_name.items()}
        for p in network.projections:
            synapses[p.source] += fan_out(p.geometry, network.by_name[p.source].shape)
        self._neurons = sum(p.neurons for p in network.populations)
        self._per_spike = {name: np.stack([np.ones(fan.size), fan.ravel()]).T for name, fan in synapses.items()}

    def count(self, messages: Mapping[str, Array]) -> tuple[dict[str, Int], dict[str, Int]]:
        """Return the spikes of every population, and the events by the names of `EVENTS`; each is int64 (N,).

        Parameters
        ----------
        messages : population -> array (N, H, W, C)
            Number of spikes of each neuron, of whatever payload.
        """
        samples = len(next(iter(messages.values())))
        graded_inputs = {p.name for p, c in zip(self._network.inputs, self._network.codings, strict=True) if c.largest > 1}
        events, spikes = {what: np.zeros(samples, np.int64) for what in EVENTS}, {}
        for name, passed in self._passed(messages, samples).items():
            spikes[name] = passed[:, 0]
            population = self._network.by_name[name]
            graded = population.payload != BINARY
            is_input = name in graded_inputs
            events["input_macs" if is_input else "graded_synops" if graded else "synops"] += passed[:, 1]
            if not is_input:
                events["payload_bits"] += passed[:, 0] * (population.payload.bits + population.payload.signed)
        return spikes, events

    def _passed(self, messages: Mapping[str, Array], samples: int) -> dict[str, Int]:
        """Return the messages of every population, and the synapses that they reach, (N, 2)."""
        parts = max(1, min(usable_cores(), samples, samples * self._neurons // WORTH_A_THREAD))
        edges = [samples * i // parts for i in range(parts + 1)]

        def of(first: int, end: int) -> dict[str, Int]:
            return {name: _products(sent.reshape(samples, -1)[first:end], self._per_spike[name]) for name, sent in messages.items()}

        with ThreadPoolExecutor(parts) as pool:
            found = list(pool.map(of, edges[:-1], edges[1:]))
        return {name: np.concatenate([part[name] for part in found]) for name in messages}


def _products(sent: Array, per_spike: Array) -> Int:
    """Return sent @ per_spike, computed in floats, whose products are fast, and exact below 2**24 or 2**53."""
    most = int(sent.max(initial=0)) * int(per_spike.max())
    exact = 2**24 // max(most, 1)  # neurons whose sum a float32 holds
    kind, columns = (np.float32, exact) if exact >= COLUMNS else (np.float64, sent.shape[1])
    factors: Array = per_spike.astype(kind, copy=False)
    total = np.zeros((len(sent), per_spike.shape[1]), np.int64)
    for i in range(0, len(sent), SAMPLES):
        for j in range(0, sent.shape[1], columns):
            few: Array = sent[i : i + SAMPLES, j : j + columns].astype(kind)
            total[i : i + SAMPLES] += (few @ factors[j : j + columns]).astype(np.int64)
    return total
