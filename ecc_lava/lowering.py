"""From a float CNN to populations and projections: every tensor is an affine expression over populations.

    tensor = sum of (linear operator on a population's rates) + constant

Affine nodes extend the expression, ReLUs end it in a new population. ECC's consistency maintenance for batch normalisation (CMB) is one
case of this: a batch normalisation is a scale and a shift with the layer's own epsilon, folded wherever it stands.

Two linear operators in a row are folded into one where that is exact and costs at most `fold_limit` times the weights and the synapses of
the pair. Otherwise the tensor between them becomes a *relay*: populations relu(x) and relu(-x), the second only where x can be negative.
Synapses stand for expected synops at equal rates. Rates stay exact either way; in spikes a relay is lossy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from ecc_lava.arrays import Array, Shape
from ecc_lava.compose import compose
from ecc_lava.errors import UnsupportedModel
from ecc_lava.geometry import Conv, Dense, Geometry, apply, diagonal, is_diagonal, synapses, target_shape
from ecc_lava.graph import Add, Graph, Input, Linear, Node, Relu, Reshape, Scale, Softmax
from ecc_lava.network import InputCoding, Kind, Population, Projection, SpikingNetwork

__all__ = ["Decision", "Lowering", "lower"]

FOLD_LIMIT = 2.0
"""Default of `fold_limit`: how many times the pair's weights or synapses a folded operator may have."""

FLAT_LIMIT = 2**13
"""Most features that a per-feature scale after Flatten is written out for, as a dense matrix."""


@dataclass(frozen=True)
class Cost:
    """Weights stored and synapses of projections."""

    weights: int
    synapses: int

    def __add__(self, other: Cost) -> Cost:
        """Return the sum of both."""
        return Cost(self.weights + other.weights, self.synapses + other.synapses)

    def within(self, limit: float, other: Cost) -> bool:
        """Whether both are at most `limit` times those of `other`."""
        return self.weights <= limit * other.weights and self.synapses <= limit * other.synapses


@dataclass(frozen=True)
class Decision:
    """What became of one node of the graph.

    Attributes
    ----------
    node : str
    kind : {"input", "population", "folded", "relay", "readout", "readout over a relay"}
        "relay": the tensor before this node became a relay.
    folded, pair : Cost or None
        The two costs the choice was made on; `folded` is None where folding is not exact.
    """

    node: str
    kind: str
    folded: Cost | None = None
    pair: Cost | None = None


@dataclass(frozen=True)
class Lowering:
    """The network (lambda 1, no timesteps yet) and what became of every node."""

    network: SpikingNetwork
    decisions: tuple[Decision, ...]


@dataclass(frozen=True)
class _Term:
    population: str
    geometry: Geometry


@dataclass(frozen=True)
class _Expression:
    """A tensor: terms and constant make a map of `shape`; a Reshape after them changes the tensor's shape but not the numbers' order."""

    terms: tuple[_Term, ...]
    constant: Array
    shape: Shape


def lower(graph: Graph, fold_limit: float = FOLD_LIMIT) -> Lowering:
    """Return the network of ideal ReLU populations that computes the same function as `graph`.

    Parameters
    ----------
    graph : Graph
    fold_limit : float

    Raises
    ------
    UnsupportedModel
        If a tensor cannot be written with the known geometries.
    """
    builder = _Builder(graph, fold_limit)
    for node in _needed(graph):
        builder.visit(node)
    return builder.finish()


def _needed(graph: Graph) -> list[Node]:
    """Return the nodes that the output depends on, in order."""
    wanted = {graph.output}
    for node in reversed(graph.nodes):
        if node.name in wanted:
            wanted.update(node.sources)
    return [node for node in graph.nodes if node.name in wanted or isinstance(node, Input)]


def _collapse(constant: Array) -> Array:
    """Return a constant map as (1, 1, C) if all positions are equal."""
    first = constant[:1, :1]
    return first if (constant == first).all() else constant


class _Builder:
    def __init__(self, graph: Graph, fold_limit: float) -> None:
        self._graph = graph
        self._limit = fold_limit
        self._populations: list[Population] = []
        self._projections: list[Projection] = []
        self._expressions: dict[str, _Expression] = {}
        self._origins: dict[str, str] = {}  # tensor -> the tensor it is a reshape of
        self._relays: dict[str, _Expression] = {}
        self._decisions: list[Decision] = []

    def visit(self, node: Node) -> None:
        """Give the node's tensor its expression."""
        sources = [self._expressions[source] for source in node.sources]
        match node:
            case Input(name=name, shape=shape):
                self._expressions[name] = self._new_population(name, Kind.INPUT, _Expression((), np.zeros((1, 1, 1)), shape))
                self._decisions.append(Decision(name, "input"))
            case Relu(name=name):
                self._expressions[name] = self._new_population(name, Kind.IF, sources[0])
                self._decisions.append(Decision(name, "population"))
            case Add(name=name):
                self._expressions[name] = self._sum(node, sources)
                self._decisions.append(Decision(name, "folded"))
            case Reshape(name=name, source=source):
                self._expressions[name] = sources[0]
                self._origins[name] = self._origins.get(source, source)
                self._decisions.append(Decision(name, "folded"))
            case Scale(name=name, source=source, scale=scale, shift=shift):
                operator: Geometry = diagonal(scale)
                if sources[0].shape != self._graph.shapes[source]:
                    operator = self._flat(node, np.diag(scale))
                self._expressions[name] = self._linear(node, sources[0], operator, shift)
            case Linear(name=name, source=source, geometry=geometry, bias=bias):
                expression = sources[0]
                if not isinstance(geometry, Dense) and expression.shape != self._graph.shapes[source]:
                    expression = self._flattened(node, expression)
                self._expressions[name] = self._linear(node, expression, geometry, bias)
            case Softmax():
                raise AssertionError("a softmax is never needed for the output before it")

    def finish(self) -> Lowering:
        """Add the readout and return the network."""
        output = self._graph.output
        spiking = any(population.name == output for population in self._populations)
        self._new_population(f"{output}.readout" if spiking else output, Kind.READOUT, self._expressions[output])
        if not spiking:
            last = self._decisions[-1]
            assert last.node == output, "nodes that nothing reads are not needed"
            self._decisions[-1] = replace(last, kind="readout over a relay" if last.kind == "relay" else "readout")
        coding = InputCoding(uint8_scale=self._graph.uint8_scale)
        return Lowering(SpikingNetwork(tuple(self._populations), tuple(self._projections), coding), tuple(self._decisions))

    def _new_population(self, name: str, kind: Kind, expression: _Expression) -> _Expression:
        self._populations.append(Population.ideal(name, expression.shape, kind, expression.constant))
        self._projections.extend(Projection(term.population, name, term.geometry) for term in _merged(expression.terms))
        return _Expression((_Term(name, diagonal(np.ones(expression.shape[2]))),), np.zeros((1, 1, 1)), expression.shape)

    def _shape(self, population: str) -> Shape:
        return next(p.shape for p in self._populations if p.name == population)

    def _cost(self, terms: tuple[_Term, ...]) -> Cost:
        total = Cost(0, 0)
        for term in terms:
            total += Cost(term.geometry.kernel.size, synapses(term.geometry, self._shape(term.population)))
        return total

    def _linear(self, node: Linear | Scale, expression: _Expression, operator: Geometry, bias: Array) -> _Expression:
        """Extend an expression by a linear operator, over a relay if folding is inexact or too dear."""
        pair = folded = None
        if not is_diagonal(operator):  # a factor per channel costs nothing wherever it is folded
            pair = self._cost(expression.terms) + Cost(operator.kernel.size, synapses(operator, expression.shape))
            folded = self._folded_cost(operator, expression)
            if folded is None or not folded.within(self._limit, pair):
                self._decisions.append(Decision(node.name, "relay", folded, pair))
                relayed = self._relay(self._origins.get(node.source, node.source), expression)
                return self._extend(relayed, operator, bias)
        self._decisions.append(Decision(node.name, "folded", folded, pair))
        return self._extend(expression, operator, bias)

    def _folded_cost(self, operator: Geometry, expression: _Expression) -> Cost | None:
        total = Cost(0, 0)
        for term in expression.terms:
            source = self._shape(term.population)
            if isinstance(operator, Dense):  # known before the kernel is computed, which may be large
                size = prod(source) * operator.kernel.shape[1]
                total += Cost(size, size)
                continue
            composed = compose(operator, term.geometry, source)
            if composed is None:
                return None
            total += Cost(composed.kernel.size, synapses(composed, source))
        return total

    def _extend(self, expression: _Expression, operator: Geometry, bias: Array) -> _Expression:
        terms = []
        for term in expression.terms:
            composed = compose(operator, term.geometry, self._shape(term.population))
            assert composed is not None, "compose promised an exact operator"
            terms.append(_Term(term.population, composed))
        constant: Array = np.asarray(bias, np.float64).reshape(1, 1, -1)
        if expression.constant.any():
            full = np.broadcast_to(expression.constant, expression.shape)[None]
            constant = _collapse(apply(operator, np.ascontiguousarray(full))[0] + constant)
        return _Expression(tuple(terms), constant, target_shape(operator, expression.shape))

    def _relay(self, tensor: str, expression: _Expression) -> _Expression:
        """Return the tensor as a difference of populations relu(x) - relu(-x), made once per tensor."""
        if tensor not in self._relays:
            relay = self._new_population(f"{tensor}.relay", Kind.IF, expression)
            if not self._never_negative(expression):
                minus = self._extend(expression, diagonal(-np.ones(expression.shape[2])), np.zeros(expression.shape[2]))
                negative = self._new_population(f"{tensor}.relay_negative", Kind.IF, minus)
                subtracted = _Term(negative.terms[0].population, diagonal(-np.ones(expression.shape[2])))
                relay = _Expression((*relay.terms, subtracted), relay.constant, relay.shape)
            self._relays[tensor] = relay
        return self._relays[tensor]

    def _never_negative(self, expression: _Expression) -> bool:
        positive = {p.name for p in self._populations if p.kind is Kind.IF}
        return bool((expression.constant >= 0).all()) and all(
            term.population in positive and bool((term.geometry.kernel >= 0).all()) for term in expression.terms
        )

    def _sum(self, node: Add, sources: list[_Expression]) -> _Expression:
        if len({expression.shape for expression in sources}) > 1:
            sources = [self._flattened(node, expression) for expression in sources]
        constant = np.asarray(sum(expression.constant for expression in sources))
        terms = _merged(tuple(term for expression in sources for term in expression.terms))
        return _Expression(terms, constant, sources[0].shape)

    def _flattened(self, node: Node, expression: _Expression) -> _Expression:
        """Return the expression as a vector (1, 1, N)."""
        features = prod(expression.shape)
        if expression.shape == (1, 1, features):
            return expression
        return self._extend(expression, self._flat(node, np.eye(features)), np.zeros(features))

    def _flat(self, node: Node, matrix: Array) -> Dense:
        if len(matrix) > FLAT_LIMIT:
            why = f"needs a weight per feature after Flatten, {len(matrix)} of them; at most {FLAT_LIMIT} are written out"
            raise UnsupportedModel(((node.name, f"{why}. Put it before Flatten"),))
        return Dense(matrix)


def _merged(terms: tuple[_Term, ...]) -> tuple[_Term, ...]:
    """Add up terms of one population whose kernels lie on the same positions."""
    merged: dict[object, _Term] = {}
    for term in terms:
        match term.geometry:
            case Dense():
                layout: tuple[object, ...] = (term.population, "dense")
            case Conv() as conv:
                layout = (
                    term.population,
                    conv.kernel.shape,
                    conv.strides,
                    conv.padding,
                    conv.dilation,
                    conv.groups,
                    None if conv.gain is None else id(conv.gain),
                )
        if layout in merged:
            first = merged[layout].geometry
            total = first.kernel + term.geometry.kernel
            match first:
                case Dense():
                    merged[layout] = _Term(term.population, Dense(total))
                case Conv():
                    merged[layout] = _Term(
                        term.population, Conv(total, first.strides, first.padding, first.dilation, first.groups, first.gain)
                    )
        else:
            merged[layout] = term
    return tuple(merged.values())
