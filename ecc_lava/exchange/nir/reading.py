"""`from_nir`: a graph of NIR as a spiking network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ecc_lava.common import BINARY, Array, Payload, Shape, check_memory, memory_limit
from ecc_lava.errors import EccLavaError, FileError, InvalidInput
from ecc_lava.exchange.nir.given import Given
from ecc_lava.exchange.nir.hdf5 import read_tree
from ecc_lava.exchange.nir.levels import HALF, raised
from ecc_lava.exchange.nir.linear import operator
from ecc_lava.exchange.nir.nodes import NirGraph, NirNode, checked_graph
from ecc_lava.exchange.nir.signals import Signal, compact, from_nir_order, map_shape, summed
from ecc_lava.geometry import diagonal, with_kernel
from ecc_lava.inputs import InputCoding
from ecc_lava.networks import Kind, Population, Projection, SpikingNetwork, network_bytes

__all__ = ["from_nir"]

_ONE, _ZERO = np.ones((1, 1, 1)), np.zeros((1, 1, 1))


def from_nir(
    source: Any,
    *,
    timesteps: int | None = None,
    reset: str | None = None,
    coding: InputCoding | None = None,
    dt: float = 1.0,
    max_memory: int | None = None,
) -> SpikingNetwork:
    """Return a graph of NIR as a spiking network, to be quantised, mapped and deployed.

    Every `IF` becomes a population, and all linear nodes between two of them one projection. An `Output` becomes a readout, which sums what
    arrives over time. Each parameter is read from the file's metadata where `to_nir` wrote it; of other files it must be given.

    Parameters
    ----------
    source : path or nir.NIRGraph
        A file is read without the package `nir`, and nothing of it is executed.
    timesteps : int, optional
        T.
    reset : {"subtract"}, optional
        What a spike does to the potential. NIR says that it becomes `v_reset`; sinabs and SpikingJelly, with its soft reset, subtract the
        threshold, which is what the neurons of this tool do.
    coding : InputCoding, optional
        How images become what the inputs send. By default, of files of other tools, data are binary spikes of every step.
    dt : float
        Seconds of a step: an `IF` adds ``r * dt`` times its input. 1 where a tool writes r = 1; SpikingJelly's is 1e-4.
    max_memory : int, optional
        As for `ecc_lava.load`.

    Raises
    ------
    FileError
        If the file is damaged, or what it holds is none of this.
    InvalidInput
        For a graph in memory with such faults; if T or the reset is not known.
    """
    limit = memory_limit(max_memory)
    given = Given(timesteps, reset, coding, dt)
    if not isinstance(source, str | Path):
        if not hasattr(source, "to_dict"):
            raise InvalidInput(f"from_nir takes a path or a nir.NIRGraph, not {type(source).__name__}")
        return _network(checked_graph(_plain(source.to_dict())), given, limit)
    tree = read_tree(source, max_memory)
    try:
        return _network(checked_graph(tree), given, limit)
    except EccLavaError as error:
        raise FileError(f"{source}: {error}") from error
    except (LookupError, AttributeError, TypeError, ValueError, ArithmeticError) as error:  # fields of kinds that nothing foresees
        raise FileError(f"{source}: not a NIR graph ({type(error).__name__}: {str(error)[:200]})") from error


def _plain(value: Any) -> Any:
    """Return a tree of a graph in memory: tensors of other packages become arrays."""
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, str | bytes | type(None)):
        return value.decode() if isinstance(value, bytes) else value
    if isinstance(value, list) and all(isinstance(item, tuple) for item in value):
        return np.array(value, object) if value else None
    return np.asarray(value)


def _network(graph: NirGraph, given: Given, limit: int) -> SpikingNetwork:
    builder = _Builder(graph, given, limit)
    for node in graph.nodes:
        builder.add(node)
    rail = graph.facts.get("potential_limit")
    if rail is not None and not (isinstance(rail, int | float) and 0 < rail < np.inf):
        raise InvalidInput(f"the metadata's potential_limit is {rail!r:.40}; it must be positive")
    network = SpikingNetwork(
        (*builder.inputs, *builder.populations),
        tuple(builder.projections),
        builder.codings,
        given.steps(graph.facts),
        float("inf") if rail is None else float(rail),
        ("from_nir",),
    )
    check_memory("its network", network_bytes(network), limit)
    return network


class _Builder:
    """Populations and projections so far, and what flows out of every node."""

    def __init__(self, graph: NirGraph, given: Given, limit: int) -> None:
        given.check_reset(graph.facts)
        self.inputs: list[Population] = []
        self.populations: list[Population] = []
        self.projections: list[Projection] = []
        self._given, self._limit = given, limit
        self._is_own, self._is_integer = "codings" in graph.facts, graph.facts.get("numbers") == "integers"
        self.codings = given.codings(graph.facts, sum(node.type == "Input" for node in graph.nodes))
        self._out: dict[str, Signal] = {}
        self._shapes: dict[str, Shape] = {}
        self._factors: dict[str, float] = {}

    def add(self, node: NirNode) -> None:
        """Add a node whose sources are known."""
        where = f"{node.type} {node.name!r:.60}"
        if node.type == "Input":
            shape, is_flat = map_shape(node.numbers("shape", 1), where)
            name = _name(node)
            self._factors[name] = 1.0 if self._is_own else self.codings[len(self.inputs)].unit
            self.inputs.append(Population(name, shape, Kind.INPUT, _ZERO, _ONE, _ZERO, _ONE))
            self._out[node.name] = self._spikes(name, shape, is_flat)
            return
        arriving = summed([self._out[source] for source in node.sources], where)
        match node.type:
            case "IF" | "Threshold" | "Output":
                self._out[node.name] = self._population(node, arriving, where)
            case "Flatten":
                self._out[node.name] = _flattened(node, arriving, where)
            case _:
                geometry, bias = operator(node, arriving, where)
                self._out[node.name] = arriving.under(geometry, bias, self._shapes, where, self._limit)

    def _spikes(self, name: str, shape: Shape, is_flat: bool) -> Signal:
        self._shapes[name] = shape
        return Signal(shape, is_flat, ((name, None),), _ZERO)

    def _population(self, node: NirNode, arriving: Signal, where: str) -> Signal:
        """Add the neurons of an `IF` or a `Threshold`, or a readout, and the projections into them."""
        name, facts, vth, factor = _name(node), node.facts, _ONE, 1.0
        kind = {"IF": Kind.IF, "Threshold": Kind.STEP, "Output": Kind.READOUT}[node.type]
        if kind.spikes:
            of_neurons = node.numbers("v_threshold") if kind is Kind.IF else self._step_thresholds(node)
            vth = compact(np.broadcast_to(from_nir_order(of_neurons, arriving, where), arriving.shape))
        if kind is Kind.IF:
            factor = self._input_factor(node, where)
        v_init = from_nir_order(_array(facts, "v_init"), arriving, where) - float(facts.get("v_init_raised", 0.0))
        lambda_ = facts.get("lambda", _ONE)
        bits = facts.get("payload_bits", 1)
        self.populations.append(
            Population(
                name,
                arriving.shape,
                kind,
                arriving.constant * factor,
                vth,
                compact(np.broadcast_to(v_init, arriving.shape)),
                lambda_,
                payload=Payload(bits) if kind is Kind.IF else BINARY,
            )
        )
        self._project(name, arriving, factor)
        return self._spikes(name, arriving.shape, arriving.is_flat)

    def _step_thresholds(self, node: NirNode) -> Array:
        """Return the least inputs at which a `Threshold` fires."""
        level, stored = node.numbers("threshold"), node.fields["threshold"].dtype
        return raised(level.astype(stored) if stored.kind == "f" else level, HALF if self._is_integer else 0.0)

    def _input_factor(self, node: NirNode, where: str) -> float:
        """Return what an `IF` counts its input by."""
        r = np.unique(node.numbers("r"))
        reset = np.unique(node.numbers("v_reset")) if "v_reset" in node.fields else np.zeros(1)
        if len(r) != 1 or r[0] <= 0 or (reset != 0).any():
            raise InvalidInput(f"{where} has v_reset or several r; neurons of this tool have v_reset = 0 and one positive r")
        return float(r[0] * self._given.dt)

    def _project(self, target: str, arriving: Signal, factor: float) -> None:
        """Add projections for all terms; those without weights are left out unless there is no other."""
        terms = [term for term in arriving.terms if term[1] is None or term[1].kernel.any()] or arriving.terms[:1]
        for source, found in terms:
            geometry = found or diagonal(np.ones(arriving.shape[2]))
            times = factor * self._factors.get(source, 1.0)
            if times != 1.0:
                geometry = with_kernel(geometry, geometry.kernel * times)
            self.projections.append(Projection(source, target, geometry))


def _name(node: NirNode) -> str:
    name = node.facts.get("population", node.name)
    return name if isinstance(name, str) else node.name


def _array(facts: Mapping[str, Any], name: str) -> Array:
    value = facts.get(name, _ZERO)
    if not isinstance(value, np.ndarray):
        raise InvalidInput(f"{name} of the metadata is no array")
    return value


def _flattened(node: NirNode, arriving: Signal, where: str) -> Signal:
    """Return the same numbers as a vector; some tools count the batch as a dimension before them, as PyTorch's Flatten does."""
    (start,), (end,) = (tuple(int(v) for v in node.numbers(field, 0, 1).ravel()) for field in ("start_dim", "end_dim"))
    last = 0 if arriving.is_flat else 2
    if start not in (0, 1) or end not in (-1, last, last + start):
        raise InvalidInput(f"{where} flattens dimensions {start} to {end}; all must be flattened, so that a vector remains")
    return Signal(arriving.shape, True, arriving.terms, arriving.constant)
