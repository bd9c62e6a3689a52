"""The network file: neurons, synapses one by one, and the core of each neuron."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from ecc_lava.common import Array, Int
from ecc_lava.networks import Kind, QuantisedNetwork
from hw_mappings.sanafe.neurons import DOWN, HALF, Neurons, neurons_of
from hw_mappings.sanafe.places import chip_places, host_place, numbered, units_of
from hw_mappings.sanafe.synapses import Synapses, synapses_of

__all__ = ["SanaFeNetwork", "draft_of"]

_LINK = "    - {} -> {}: [w: {}]\n"


@dataclass(eq=False)
class _Host:
    """The host's neurons beside one core: at which steps each fires, and which it reaches."""

    spikes: list[Int] = field(default_factory=list)
    numbers: dict[tuple[object, ...], int] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)

    def neuron(self, key: tuple[object, ...], steps: Int) -> int:
        """Return the number of a neuron, which is made if it is new."""
        if key not in self.numbers:
            self.numbers[key] = len(self.spikes)
            self.spikes.append(steps)
        return self.numbers[key]


@dataclass(eq=False)
class SanaFeNetwork:
    """A network file to be written.

    Attributes
    ----------
    groups : population -> name of its group
    neurons : population -> its neurons
    cores, units : population -> core of each neuron, and its unit there, (neurons,)
    hosts : core -> the host's neurons there
    events : int
        Spikes through synapses that a run counts, those of the host's lifts and pushes left out.
    messages : int
        From cores to cores.
    pushes : int
        Spikes of the host through synapses that lift neurons or push them down.
    """

    network: QuantisedNetwork
    timesteps: int
    tiles: list[int]
    groups: dict[str, str]
    neurons: dict[str, Neurons]
    cores: dict[str, Int]
    units: dict[str, Int]
    hosts: dict[int, _Host]
    links: list[Iterator[str]] = field(default_factory=list)
    events: int = 0
    messages: int = 0
    pushes: int = 0

    def core_units(self) -> int:
        """Return how many units the fullest core fills."""
        return 1 + max(int(units.max()) for units in self.units.values())

    def host_neurons(self) -> dict[int, int]:
        """Return tile -> number of the host's neurons there."""
        return {self.tiles[core]: len(host.spikes) for core, host in self.hosts.items()}

    def host_spikes(self) -> int:
        """Return how often the host's neurons fire."""
        return sum(len(steps) for host in self.hosts.values() for steps in host.spikes)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the file."""
        yield "network:\n  name: network\n  groups:\n"
        for population in self.network.populations:
            if population.kind is not Kind.INPUT:
                log = "log_potential" if population.kind is Kind.READOUT else "log_spikes"
                yield f"    - name: {self.groups[population.name]}\n"
                yield f"      attributes: {{{_model(self.network.format.potential_max)}, {log}: true}}\n"
                yield "      neurons:\n"
                yield from _neuron_lines(self.neurons[population.name])
        for core, host in self.hosts.items():
            yield f"    - name: host_{core}\n      attributes: {{}}\n      neurons:\n"
            for number, steps in enumerate(host.spikes):
                train = np.zeros(int(steps.max()) + 1, np.int64)
                train[steps] = 1
                yield f"        - {number}: {{spikes: [{', '.join(map(str, train.tolist()))}]}}\n"
        yield "  edges:\n"
        for links in self.links:
            yield from links
        for host in self.hosts.values():
            yield from host.links
        yield "mappings:\n"
        for name, units in self.units.items():
            yield from chip_places(self.groups[name], self.cores[name], units, self.tiles)
        for core, host in self.hosts.items():
            yield from (f"  - host_{core}.{n}: {{{host_place(self.tiles[core], n)}}}\n" for n in range(len(host.spikes)))


def draft_of(
    network: QuantisedNetwork, rasters: Mapping[str, Array], timesteps: int, cores: dict[str, Int], tiles: list[int]
) -> SanaFeNetwork:
    """Return the network file of one image.

    Parameters
    ----------
    network : QuantisedNetwork
        With the repeaters of its chip.
    rasters : population -> array (T, H, W, C), what it sends; of graded inputs (H, W, C)
    timesteps : int
        T.
    cores : population on cores -> core of each neuron, (neurons,)
    tiles : list of int
        The tile of every core.
    """
    currents = {name: np.zeros(len(on), np.int64) for name, on in cores.items()}
    draft = SanaFeNetwork(network, timesteps, tiles, _group_names(cores), {}, cores, units_of(cores), {})
    reached: dict[str, list[Int]] = {}
    for q in network.projections:
        source, sent = network.by_name[q.source], rasters[q.source]
        synapses = synapses_of(q, source.shape, network.format.shift(q.exponent))
        if sent.ndim == 3:
            np.add.at(currents[q.target], synapses.targets, synapses.weights * sent.ravel()[synapses.sources].astype(np.int64))
            continue
        spikes = sent.reshape(len(sent), -1)
        draft.events += int(spikes.sum(0, dtype=np.int64)[synapses.sources].sum())
        if source.kind is Kind.INPUT:
            _from_host(draft, q.source, q.target, synapses, spikes)
        else:
            reached.setdefault(q.source, []).append(synapses.sources * len(tiles) + cores[q.target][synapses.targets])
            draft.links.append(_link_lines(draft.groups[q.source], draft.groups[q.target], synapses))
    for name, pairs in reached.items():
        per_neuron = rasters[name].reshape(len(rasters[name]), -1).sum(0, dtype=np.int64)
        draft.messages += int(per_neuron[np.unique(np.concatenate(pairs)) // len(tiles)].sum())
    for name, current in currents.items():
        draft.neurons[name] = neurons_of(network.by_name[name], current, network.depth, network.format.potential_max)
        _pushed(draft, name)
    return draft


def _from_host(draft: SanaFeNetwork, name: str, target: str, synapses: Synapses, spikes: Array) -> None:
    """Add the host's neurons that fire, one for each core that hears them; the host itself delays."""
    fires = spikes.any(axis=0)[synapses.sources]
    columns = (synapses.sources[fires], synapses.targets[fires], synapses.weights[fires])
    for source, onto, weight in zip(*(column.tolist() for column in columns), strict=True):
        core = int(draft.cores[target][onto])
        host = draft.hosts.setdefault(core, _Host())
        key = (name, source, synapses.delay)
        number = host.numbers.get(key)
        if number is None:
            number = host.neuron(key, np.flatnonzero(spikes[:, source]) + synapses.delay)
        host.links.append(_LINK.format(f"host_{core}.{number}", f"{draft.groups[target]}.{onto}", weight))


def _pushed(draft: SanaFeNetwork, name: str) -> None:
    """Add the host's neurons that lift a population's when its window opens, and push them down when it has closed."""
    depth, neurons = draft.network.by_name[name].depth, draft.neurons[name]
    pushes = [(depth - 1, neurons.lift)]
    if depth < draft.network.depth:
        pushes.append((depth + draft.timesteps - 1, np.full(len(neurons.lift), DOWN)))
    for step, amounts in pushes:
        for onto in np.flatnonzero(amounts).tolist():
            core = int(draft.cores[name][onto])
            number = draft.hosts.setdefault(core, _Host()).neuron(("step", step), np.array([step]))
            draft.hosts[core].links.append(_LINK.format(f"host_{core}.{number}", f"{draft.groups[name]}.{onto}", int(amounts[onto])))
            draft.pushes += 1


def _link_lines(source: str, target: str, synapses: Synapses) -> Iterator[str]:
    more = f", delay: {synapses.delay}]\n" if synapses.delay else "]\n"
    columns = (synapses.sources.tolist(), synapses.targets.tolist(), synapses.weights.tolist())
    return (f"    - {source}.{a} -> {target}.{b}: [w: {w}{more}" for a, b, w in zip(*columns, strict=True))


def _model(limit: int) -> str:
    """Return what all neurons have in common: no leak, reset by subtraction, and a lower end of the potential as the chip's."""
    return f"leak_decay: 1.0, reset_mode: soft, reverse_threshold: {HALF - limit}, reverse_reset_mode: saturate"


def _neuron_lines(neurons: Neurons) -> Iterator[str]:
    """Yield a line for each run of neurons that are alike."""
    columns = (neurons.threshold.tolist(), neurons.bias.tolist(), neurons.start.tolist())
    first = 0
    for (threshold, bias, start), alike in groupby(zip(*columns, strict=True)):
        last = first + sum(1 for _ in alike) - 1
        yield f"        - {numbered(first, last)}: {{threshold: {threshold}, bias: {bias}, potential: {start + HALF}}}\n"
        first = last + 1


def _group_names(populations: Mapping[str, Int]) -> dict[str, str]:
    """Return distinct names of letters, digits and underscores, as `.` and `->` mean something in the file."""
    names: dict[str, str] = {}
    for population in populations:
        name = re.sub(r"\W", "_", population, flags=re.ASCII)
        name = f"p_{name}" if re.match(r"\d|host_", name) or not name else name
        while name in names.values():
            name += "_"
        names[population] = name
    return names
