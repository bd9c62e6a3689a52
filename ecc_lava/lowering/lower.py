"""From a float CNN to populations and projections: every tensor is an affine expression over populations.

    tensor = sum of (linear operator on a population's rates) + constant

Affine nodes extend the expression, ReLUs end it in a new population. ECC's consistency maintenance for batch normalisation (CMB) is one
case of this: a batch normalisation is a scale and a shift with the layer's own epsilon, folded wherever it stands. `folding` chooses if an
operator is folded or read over a relay. Maxima are trees of populations (see `maxima`); those of steps are steps themselves (`signs`).

A Reshape changes nothing: an expression keeps the shape in which it was made until something reads it as another map. A Sparse operator
then puts its numbers in place. The same rule folds this operator, so a relay of a reshaped tensor takes a synapse per neuron.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from math import inf

import numpy as np

from ecc_lava.common import Array, Shape
from ecc_lava.geometry import Dense, Geometry, WeightGrid, diagonal, is_placement, reshaping
from ecc_lava.graph import (
    Add,
    Graph,
    Input,
    Linear,
    Maximum,
    MaxPool,
    Node,
    Relu,
    Reshape,
    Scale,
    Sigmoid,
    Softmax,
    Step,
    nodes_for_outputs,
)
from ecc_lava.inputs import InputCoding
from ecc_lava.lowering.decisions import Decision, Lowering
from ecc_lava.lowering.expressions import Expression, Term, added, extended, negated, scaling, silent, united
from ecc_lava.lowering.folding import FOLD_LIMIT, Folding, OperatorCost, cost_of, linear_costs, pool_costs, sharing_costs
from ecc_lava.lowering.maxima import MaxTerm, inside_of, largest
from ecc_lava.lowering.order import passes_on, pooled_first, read_as, readers_of, rectified_once
from ecc_lava.lowering.signs import origins_of, pooled_signs, signs_first
from ecc_lava.networks import READOUT_SUFFIX, Kind, Population, Projection, SpikingNetwork

__all__ = ["lower"]


def lower(graph: Graph, fold_limit: float = FOLD_LIMIT) -> Lowering:
    """Return the network of ideal ReLU populations that computes the same function as `graph`.

    Parameters
    ----------
    graph : Graph
    fold_limit : float
        How many times the weights or synapses of the pair a folded operator may have (see `folding`).
    """
    graph = signs_first(graph)
    nodes = rectified_once(pooled_first(nodes_for_outputs(graph.nodes, graph.logits.values())), graph)
    builder = _Builder(graph, nodes, fold_limit)
    for node in nodes:
        builder.visit(node)
        builder.share(node)
    return builder.finish()


class _Builder:
    def __init__(self, graph: Graph, nodes: list[Node], fold_limit: float) -> None:
        self._graph = graph
        self._readers = readers_of(nodes, graph.logits.values())
        self._reshapes = {node.name: node for node in nodes if isinstance(node, Reshape)}
        self._read_as = read_as(nodes, graph.logits.values())
        self._origins = origins_of(nodes)
        linear = [cost_of(node.geometry, graph.shapes[node.source]) for node in nodes if isinstance(node, Linear)]
        self._folding = Folding(fold_limit, sum(linear, OperatorCost(0, 0)))
        self._populations: list[Population] = []
        self._projections: list[Projection] = []
        self._shapes: dict[str, Shape] = {}
        self._expressions: dict[str, Expression] = {}
        self._relays: dict[str, Expression] = {}
        self._decisions: dict[str, Decision] = {}

    def visit(self, node: Node) -> None:
        """Give the node's tensor its expression."""
        sources = [self._expressions[source] for source in node.sources]
        match node:
            case Input(name=name, shape=shape):
                self._expressions[name] = self._new_population(name, Kind.INPUT, Expression((), np.zeros((1, 1, 1)), shape))
                self._decide(Decision(name, "input"))
            case Relu(name=name):
                self._expressions[name] = self._new_population(name, Kind.IF, self._as_read(node, sources[0]), node)
                self._decide(Decision(name, "population"))
            case Step(name=name):
                self._expressions[name] = self._new_population(name, Kind.STEP, self._as_read(node, sources[0]))
                self._decide(Decision(name, "population"))
            case Add(name=name):
                self._expressions[name] = added(*self._alike(node))
                self._decide(Decision(name, "folded"))
            case Reshape(name=name):  # numbers stay in place until something reads them as a map
                self._expressions[name] = sources[0]
                self._decide(Decision(name, "folded"))
            case Scale(name=name, source=source, scale=scale, shift=shift):
                operator, summands = scaling(scale, shift, self._graph.shapes[source], sources[0].shape)
                self._expressions[name] = self._linear(node, sources[0], operator, summands)
            case Linear(name=name, geometry=geometry, bias=bias, grid=grid):
                expression = sources[0] if isinstance(geometry, Dense) else self._as_map(node, node.source)
                self._expressions[name] = self._linear(node, expression, geometry, bias, grid)
            case MaxPool(name=name):
                self._expressions[name] = self._max_pool(node, self._as_map(node, node.source))
            case Maximum(name=name):
                self._expressions[name] = largest([MaxTerm(e) for e in self._alike(node)], self._numbered(f"{name}.maximum"), self._shapes)
                self._decide(Decision(name, "maxima"))
            case Softmax() | Sigmoid():
                raise AssertionError("outputs are taken before a softmax or sigmoid, so none is needed")

    def _decide(self, decision: Decision) -> None:
        """Record what became of a node; a relay that a Reshape made necessary stays on record."""
        reshaped = self._decisions.get(decision.node)
        if reshaped is not None and "relay" not in decision.kind:
            decision = replace(reshaped, kind="relay" if decision.kind == "folded" else f"{decision.kind} over a relay")
        self._decisions[decision.node] = decision

    def share(self, node: Node) -> None:
        """Make the node's tensor a relay if too many populations would fold the operator before it."""
        readers = self._readers[node.name]
        if readers < 2 or passes_on(node) or isinstance(node, Input | Relu | Step) or self._decisions[node.name].kind == "signs":
            return
        expression = self._expressions[node.name]
        costs = sharing_costs(expression, self._shapes, readers, self._relays_of(expression))
        if not self._folding.folds(costs):
            self._expressions[node.name] = self._relay(node.name, expression)
            made = self._decisions[node.name]
            self._decisions[node.name] = Decision(node.name, f"{made.kind}, shared over a relay", *costs)

    def finish(self) -> Lowering:
        """Add the readouts and return the network."""
        for name, tensor in self._graph.logits.items():
            spiking, taken = tensor in self._shapes, name in self._shapes
            self._new_population(f"{name}{READOUT_SUFFIX}" if taken else name, Kind.READOUT, self._expressions[tensor])
            if not spiking:
                made = self._decisions[tensor]
                self._decisions[tensor] = replace(made, kind="readout over a relay" if "relay" in made.kind else "readout")
        codings = tuple(InputCoding(uint8_scale=i.uint8_scale, channels_first=i.channels_first) for i in self._graph.input_specs)
        network = SpikingNetwork(tuple(self._populations), tuple(self._projections), codings)
        relays = frozenset(term.population for made in self._relays.values() for term in made.terms)
        return Lowering(network, tuple(self._decisions.values()), relays)

    def _new_population(self, name: str, kind: Kind, expression: Expression, relu: Relu | None = None) -> Expression:
        ceiling = inf if relu is None else relu.ceiling
        population = Population.ideal(name, expression.shape, kind, expression.constant, ceiling)
        if relu is not None:
            population = replace(population, own_bits=relu.bits, halves_up=relu.halves_up)
        self._populations.append(population)
        self._shapes[name] = population.shape
        terms = united(expression.terms, self._shapes)
        if not terms and kind is not Kind.INPUT:
            terms = (silent(self._populations[0].name, self._populations[0].shape, population.shape),)
        self._projections.extend(Projection(term.population, name, term.geometry, term.grid) for term in terms)
        return Expression((Term(name, diagonal(np.ones(expression.shape[2]))),), np.zeros((1, 1, 1)), expression.shape)

    def _linear(
        self, node: Linear | Scale, expression: Expression, operator: Geometry, bias: Array, grid: WeightGrid | None = None
    ) -> Expression:
        """Extend an expression by a linear operator, over a relay if folding is inexact or too dear."""
        free = is_placement(operator)
        costs = linear_costs(operator, expression, self._shapes)
        if self._folding.folds_linear(costs, free):
            self._decide(Decision(node.name, "folded", *((None, None) if free else costs)))
        else:
            self._decide(Decision(node.name, "relay", *costs))
            expression = self._relay(node.source, expression)
        return extended(expression, operator, bias, self._shapes, grid)

    def _relay(self, tensor: str, expression: Expression) -> Expression:
        """Return the tensor as a difference of populations relu(x) - relu(-x), made once per tensor and shape."""
        while tensor in self._reshapes and expression.shape != self._graph.shapes[tensor]:  # a Reshape keeps the expression before it
            tensor = self._reshapes[tensor].source
        if expression.shape != self._graph.shapes[tensor]:
            tensor = f"{tensor}.{'x'.join(map(str, expression.shape))}"
        if tensor not in self._relays:
            relay = self._new_population(f"{tensor}.relay", Kind.IF, expression)
            if not self._never_negative(expression):
                negative = self._new_population(f"{tensor}.relay_negative", Kind.IF, negated(expression, self._shapes))
                relay = added(relay, negated(negative, self._shapes))
            self._relays[tensor] = relay
        return self._relays[tensor]

    def _never_negative(self, expression: Expression) -> bool:
        positive = {p.name for p in self._populations if p.kind.spikes}
        return bool((expression.constant >= 0).all()) and all(
            term.population in positive and bool((term.geometry.kernel >= 0).all()) for term in expression.terms
        )

    def _relays_of(self, expression: Expression) -> int:
        """Return how many populations a relay of the expression has."""
        return 1 if self._never_negative(expression) else 2

    def _max_pool(self, node: MaxPool, expression: Expression) -> Expression:
        """Return the largest of every window; zeros outside the map are no candidates where values can be negative."""
        signs = pooled_signs(node, expression, self._origins, self._numbered(f"{node.name}.signs", Kind.STEP), self._shapes)
        if signs is not None:
            self._decide(Decision(node.name, "signs"))
            return signs
        taps = [node.tap(row, column, expression.shape) for row, column in np.ndindex(node.size)]
        costs = pool_costs(taps, expression, self._shapes, self._relays_of(expression))
        folds = self._folding.folds_pool(costs, apart=all(np.less_equal(node.size, node.strides)))
        if not folds:
            expression = self._relay(node.source, expression)
        self._decide(Decision(node.name, "maxima" if folds else "maxima over a relay", *costs))
        masked, zeros = not self._never_negative(expression), np.zeros(expression.shape[2])
        inside = [inside_of(tap, expression.shape) if masked else None for tap in taps]
        candidates = [MaxTerm(extended(expression, tap, zeros, self._shapes), where) for tap, where in zip(taps, inside, strict=True)]
        return largest(candidates, self._numbered(f"{node.name}.maximum"), self._shapes)

    def _numbered(self, stem: str, kind: Kind = Kind.IF) -> Callable[[Expression], Expression]:
        """Return what makes populations of a kind, numbered from 1."""
        numbers = count(1)
        return lambda expression: self._new_population(f"{stem}{next(numbers)}", kind, expression)

    def _alike(self, node: Add | Maximum) -> list[Expression]:
        """Return the sources' expressions in one shape."""
        sources = [self._expressions[source] for source in node.sources]
        if len({expression.shape for expression in sources}) == 1:
            return sources
        return [self._as_map(node, source) for source in node.sources]

    def _as_map(self, node: Node, source: str) -> Expression:
        """Return the expression of `source` in its tensor's shape; over a relay if a Reshape lies between and folding it costs too much."""
        expression, shape = self._expressions[source], self._graph.shapes[source]
        if expression.shape == shape:
            return expression
        operator = reshaping(expression.shape, shape)
        costs = linear_costs(operator, expression, self._shapes)
        if not self._folding.folds(costs):
            self._decide(Decision(node.name, "relay", *costs))
            expression = self._relay(source, expression)
        return extended(expression, operator, np.zeros(1), self._shapes)

    def _as_read(self, node: Relu | Step, expression: Expression) -> Expression:
        """Return the expression in the one shape in which the node is read, where folding the reshape is within the limit."""
        shape = self._read_as.get(node.name, expression.shape)
        if expression.shape == shape:
            return expression
        operator = reshaping(expression.shape, shape)
        if not self._folding.folds(linear_costs(operator, expression, self._shapes)):
            return expression
        return extended(expression, operator, np.zeros(1), self._shapes)
