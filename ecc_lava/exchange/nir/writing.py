"""`to_nir`: a network as a graph of NIR."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np

from ecc_lava.common import Array, Shape, by_reason, write_bytes
from ecc_lava.errors import InvalidInput, MissingDependency
from ecc_lava.exchange.nir.borders import border_kernel
from ecc_lava.exchange.nir.facts import KEY, graph_facts, population_facts
from ecc_lava.exchange.nir.hdf5 import without_zero_resets
from ecc_lava.exchange.nir.levels import HALF, lowered
from ecc_lava.exchange.operators import as_map_conv, as_table, channels_first, narrowest
from ecc_lava.geometry import Conv
from ecc_lava.networks import Kind, Population, Projection, QuantisedNetwork, SpikingNetwork, depths
from ecc_lava.quantisation import as_float

__all__ = ["to_nir"]


def to_nir(network: QuantisedNetwork | SpikingNetwork, path: str | Path | None = None) -> Any:
    """Return a network as a graph of NIR, and write it to a file if a path is given.

    Populations of integrate-and-fire neurons become `IF`, step populations `Threshold`, projections `Conv2d` or `Affine`, factors of single
    positions `Scale`.
    The output of the graph is the current into the readout: summed over T steps it is the readout's potential. The metadata has what NIR
    has no field for: T, reset by subtraction, the potential at the start of a sample, payloads, codings, scales and the digest.

    Parameters
    ----------
    network : QuantisedNetwork or SpikingNetwork
        Integers are written as floats, which hold them exactly.
    path : path, optional
        Replaced if it exists.

    Returns
    -------
    nir.NIRGraph

    Raises
    ------
    InvalidInput
        For a network that NIR cannot say, naming every population and what to do.
    FileError
        If the file cannot be written.
    MissingDependency
        If the package `nir` is not installed.
    """
    try:
        import nir
    except ImportError as error:
        raise MissingDependency("NIR graphs need the package nir: pip install 'ecc-lava[nir]'") from error
    _refuse(network)
    is_integer = isinstance(network, QuantisedNetwork)
    floats = as_float(network) if isinstance(network, QuantisedNetwork) else network
    draft = _Draft(nir, floats, HALF if is_integer else 0.0)
    for population in floats.populations:
        draft.add(population)
    graph = nir.NIRGraph(draft.nodes, draft.edges, metadata=graph_facts(network, draft.ends_facts), type_check=draft.is_square)
    if path is not None:
        file = io.BytesIO()
        nir.write(file, graph)
        without_zero_resets(file)
        write_bytes(path, file.getvalue())
    return graph


def _refuse(network: QuantisedNetwork | SpikingNetwork) -> None:
    """Raise an error that names every population whose neurons NIR has not."""
    found = []
    for p in network.populations:
        if p.kind is Kind.DELTA or p.theta:
            found.append((p.name, "sends changes (sigma-delta); export the network that the stream was made of"))
        elif p.payload.signed:
            found.append((p.name, "takes spikes back (signed payloads); convert with unsigned payloads"))
    if found:
        lines = "\n".join(f"  {line}" for line in by_reason(found))
        raise InvalidInput(f"NIR cannot say {len(found)} population(s) of this network:\n{lines}")
    if network.timesteps is None:
        raise InvalidInput("the network has not been converted, and has no timesteps; export what `convert` or `quantise` returns")


class _Draft:
    """Nodes and edges so far, in the order of the populations."""

    def __init__(self, nir: Any, network: SpikingNetwork, raised: float) -> None:
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        self.is_square = True
        """Whether the types that the package `nir` infers are right: it takes kernels for square."""
        self.ends_facts: dict[str, Any] = {}
        """What is known of inputs and outputs, by node."""
        self._nir, self._network, self._raised = nir, network, raised
        self._depth = depths(list(network.by_name), [(p.source, p.target) for p in network.projections])
        self._ends: dict[str, str] = {}
        self._flat: set[str] = set()
        self._flattened: dict[str, str] = {}

    def add(self, population: Population) -> None:
        """Add a population and the projections into it."""
        nir, shape, name = self._nir, population.shape, population.name
        into = self._network.into(name)
        if self._is_flat(population, into):
            self._flat.add(name)
        size = np.array([population.neurons] if name in self._flat else [shape[2], *shape[:2]])
        own = self._raised if population.kind is Kind.IF else 0.0
        v_init = self._of_neurons(population, population.v_init) + own
        facts = population_facts(population, narrowest(v_init), self._depth[name], own)
        match population.kind:
            case Kind.INPUT:
                self._ends[name] = self._node(name, nir.Input(size))
                self.ends_facts[self._ends[name]] = facts
            case Kind.READOUT:
                self.ends_facts[self._joined(population, self._currents(population, into), nir.Output(size))] = facts
            case _:
                neurons = self._neurons(population, facts)
                self._ends[name] = self._node(name, neurons, *self._currents(population, into))

    def _neurons(self, population: Population, facts: dict[str, Any]) -> Any:
        """Return the node of a population that spikes."""
        vth = self._of_neurons(population, population.vth)
        if population.kind is Kind.STEP:
            return self._nir.Threshold(threshold=lowered(vth, self._raised), metadata={KEY: facts})
        vth = narrowest(vth)
        return self._nir.IF(r=np.ones_like(vth), v_threshold=vth, v_reset=np.zeros_like(vth), metadata={KEY: facts})

    def _is_flat(self, population: Population, into: tuple[Projection, ...]) -> bool:
        """Whether the population's numbers are written as a vector, as something into it is no convolution of maps."""
        if population.kind is Kind.INPUT:
            return population.shape[:2] == (1, 1)
        return any(not isinstance(p.geometry, Conv) or p.geometry.input_dilation != (1, 1) or p.source in self._flat for p in into)

    def _node(self, name: str, node: Any, *sources: str) -> str:
        """Add a node under a name that every reader takes, and the edges into it; return the name."""
        plain = re.sub(r"\W", "_", name, flags=re.ASCII)
        unique = plain if plain.isidentifier() else f"n_{plain}"
        while unique in self.nodes:
            unique += "_"
        self.nodes[unique] = node
        self.edges.extend((source, unique) for source in sources)
        return unique

    def _of_neurons(self, population: Population, values: Array) -> Array:
        every = channels_first(values, population.shape)
        return every.ravel() if population.name in self._flat else every

    def _currents(self, population: Population, into: tuple[Projection, ...]) -> list[str]:
        """Add the projections into a population; the first that can has its bias."""
        bias: Array | None = self._of_neurons(population, population.bias)
        by_channel = population.name in self._flat or np.size(population.bias) in (1, population.shape[2])
        ends = []
        for p in into:
            is_plain = not isinstance(p.geometry, Conv) or p.geometry.gain is None or population.name in self._flat
            own = bias if is_plain and by_channel else None
            ends.append(self._projection(population, p, own))
            bias = None if own is not None else bias
        if bias is not None and bias.any():
            ends.append(self._bias_map(population, into[0], bias))
        return ends

    def _projection(self, population: Population, p: Projection, bias: Array | None) -> str:
        """Add one projection with its bias; return the node whose output is the current."""
        nir, source = self._nir, self._network.by_name[p.source]
        name = f"{p.target}_from_{p.source}"
        if population.name in self._flat:
            table = narrowest(as_table(p.geometry, source.shape, f"{p.source!r} -> {p.target!r}"))
            zero = np.zeros(len(table), np.float32)
            return self._node(name, nir.Affine(weight=table, bias=zero if bias is None else narrowest(bias)), self._vector(source))
        assert isinstance(p.geometry, Conv)
        conv = as_map_conv(p.geometry, source.shape)
        assert conv is not None
        flat_bias = np.zeros(population.shape[2], np.float32) if bias is None else narrowest(bias[:, 0, 0])
        end = self._node(name, self._conv2d(conv.weight, conv.strides, conv.padding, source.shape, flat_bias), self._ends[p.source])
        if conv.gain is None:
            return end
        gain = channels_first(conv.gain[:, :, None], population.shape)
        return self._node(f"{name}_gain", nir.Scale(narrowest(gain)), end)

    def _conv2d(self, weight: Array, strides: tuple[int, int], padding: tuple[int, int], source: Shape, bias: Array) -> Any:
        self.is_square = self.is_square and weight.shape[2] == weight.shape[3]
        return self._nir.Conv2d(
            input_shape=source[:2], weight=narrowest(weight), stride=strides, padding=padding, dilation=(1, 1), groups=1, bias=bias
        )

    def _bias_map(self, population: Population, p: Projection, bias: Array) -> str:
        """Add a bias that differs between positions: a convolution without weights makes ones, and another one, or `Scale`, the bias."""
        source, channels = self._network.by_name[p.source], population.shape[2]
        assert isinstance(p.geometry, Conv)
        conv = as_map_conv(p.geometry, source.shape)
        assert conv is not None
        kernel = border_kernel(bias)
        made = channels if kernel is None else 1
        none, ones = np.zeros((made, *conv.weight.shape[1:])), np.ones(made, np.float32)
        end = self._node(
            f"{population.name}_ones", self._conv2d(none, conv.strides, conv.padding, source.shape, ones), self._ends[p.source]
        )
        if kernel is None:
            return self._node(f"{population.name}_bias", self._nir.Scale(narrowest(bias)), end)
        margin = kernel.shape[2] // 2
        zero = np.zeros(channels, np.float32)
        over = self._conv2d(kernel, (1, 1), (margin, margin), population.shape, zero)
        return self._node(f"{population.name}_bias", over, end)

    def _vector(self, source: Population) -> str:
        """Return the node whose output is a source's spikes as a vector."""
        if source.name in self._flat:
            return self._ends[source.name]
        if source.name not in self._flattened:
            shape = np.array([source.shape[2], *source.shape[:2]])
            node = self._nir.Flatten(input_type={"input": shape}, start_dim=0, end_dim=-1)
            self._flattened[source.name] = self._node(f"{source.name}_flat", node, self._ends[source.name])
        return self._flattened[source.name]

    def _joined(self, population: Population, currents: list[str], output: Any) -> str:
        """Add an output, whose readers take one edge into it: several currents are summed by an identity before it."""
        if len(currents) > 1:
            channels = population.shape[2]
            if population.name in self._flat:
                eye: Any = self._nir.Affine(np.eye(population.neurons, dtype=np.float32), np.zeros(population.neurons, np.float32))
            else:
                one = np.eye(channels, dtype=np.float32)[:, :, None, None]
                eye = self._conv2d(one, (1, 1), (0, 0), population.shape, np.zeros(channels, np.float32))
            currents = [self._node(f"{population.name}_sum", eye, *currents)]
        return self._node(population.name, output, *currents)
