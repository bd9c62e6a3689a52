"""Max-pools beside step activations: the largest of several signs is their OR, the least their AND, and each is one step population.

    H(a * max x + b) = OR of H(a * x + b) where a >= 0, AND where a < 0
    max(c * H) = c * OR of H where c >= 0, c * AND of H where c < 0

Both are steps of sums, ``OR = H(sum - 1/2)`` and ``AND = H(sum - n + 1/2)`` of n candidates, exact at one timestep; trees of ReLUs
would send rates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ecc_lava.common import Array, Shape
from ecc_lava.geometry import Conv, apply, diagonal, is_diagonal
from ecc_lava.graph import Graph, MaxPool, Node, Scale, Step
from ecc_lava.lowering.expressions import Expression, added, extended

__all__ = ["Origin", "origins_of", "pooled_signs", "signs_first"]


class Origin(NamedTuple):
    """The tensor x of a step ``H(a * x + b)``, and a, (C,) or a number."""

    tensor: str
    factor: Array


def signs_first(graph: Graph) -> Graph:
    """Return the graph with every step that reads a max-pool, directly or over scales, before this pool."""
    nodes = {node.name: node for node in graph.nodes}

    def placed(node: Node) -> Iterator[Node]:
        scales = list(_scales_before(node, nodes)) if isinstance(node, Step) else []
        pool = nodes[scales[0].source if scales else node.sources[0]] if isinstance(node, Step) else node
        if isinstance(node, Step) and isinstance(pool, MaxPool):
            for moved in _moved(node, pool, scales, graph.shapes[pool.name][2]):
                nodes[moved.name] = moved
                yield from placed(moved)
        else:
            yield node

    made = tuple(after for node in graph.nodes for after in placed(node))
    return graph if len(made) == len(graph.nodes) else replace(graph, nodes=made)


def _scales_before(step: Step, nodes: Mapping[str, Node]) -> Iterable[Scale]:
    """Return the scales that a step reads its source over, the one nearest to the source first."""
    found: list[Scale] = []
    node = nodes[step.source]
    while isinstance(node, Scale):
        found.insert(0, node)
        node = nodes[node.source]
    return found


def _moved(step: Step, pool: MaxPool, scales: Sequence[Scale], channels: int) -> Iterator[Node]:
    """Return the nodes that make the step's tensor with the pool after it."""
    source, turn = pool.source, np.ones(channels)
    for number, scale in enumerate(scales):
        made = replace(scale, name=f"{step.name}.scale{number}", source=source)
        source, turn = made.name, turn * np.where(scale.scale < 0, -1.0, 1.0)
        yield made
    yield Step(f"{step.name}.each", source)
    if (turn > 0).all():
        yield replace(pool, name=step.name, source=f"{step.name}.each")
        return
    yield Scale(f"{step.name}.turned", f"{step.name}.each", turn, np.zeros(channels))
    yield replace(pool, name=f"{step.name}.pooled", source=f"{step.name}.turned")
    yield Scale(step.name, f"{step.name}.pooled", turn, np.zeros(channels))


def origins_of(nodes: Iterable[Node]) -> dict[str, Origin]:
    """Return what every step is a step of."""
    known = {node.name: node for node in nodes}
    origins = {}
    for node in known.values():
        if isinstance(node, Step):
            scales = list(_scales_before(node, known))
            factor = np.prod([np.sign(scale.scale) for scale in scales], axis=0) if scales else np.ones(1)
            origins[node.name] = Origin(scales[0].source if scales else node.source, factor)
    return origins


def pooled_signs(
    node: MaxPool,
    expression: Expression,
    origins: dict[str, Origin],
    stepped: Callable[[Expression], Expression],
    shapes: Mapping[str, Shape],
) -> Expression | None:
    """Return the largest of every window of steps' sums, or None if the expression is not of steps that rise and fall together.

    Parameters
    ----------
    node : MaxPool
    expression : Expression
    origins : what every step population is a step of; new ones are added
    stepped : makes a population H(expression) and returns it
    shapes : shape of every population
    """
    factors = {term.population: _factors(expression, term.geometry) for term in expression.terms if term.population in origins}
    if len(factors) < len(expression.terms) or not factors or expression.constant.shape[:2] != (1, 1):
        return None
    rises = np.array([np.sign(f) * origins[name].factor for name, f in factors.items() if f is not None])
    together = len({origins[name].tensor for name in factors}) == 1 and bool(((rises >= 0).all(axis=0) | (rises <= 0).all(axis=0)).all())
    if len(rises) < len(factors) or not (together or len(factors) == 1):
        return None
    window = Conv(np.ones((*node.size, 1, expression.shape[2])), node.strides, node.padding, groups=expression.shape[2])
    candidates = apply(window, np.ones((1, *expression.shape)))[0]
    pooled = []
    for term in expression.terms:
        own = factors[term.population]
        assert own is not None
        one = Expression((replace(term, geometry=diagonal(np.ones(len(own))), grid=None),), np.zeros((1, 1, 1)), expression.shape)
        either = stepped(extended(one, window, np.where(own < 0, 0.5 - candidates, -0.5), shapes))
        origins[either.terms[0].population] = Origin(node.name, origins[term.population].factor)
        pooled.append(extended(either, diagonal(own), np.zeros(len(own)), shapes))
    total = added(*pooled)
    return replace(total, constant=total.constant + expression.constant)


def _factors(expression: Expression, geometry: object) -> Array | None:
    """Return by what an operator multiplies every channel of a population, if that is all it does."""
    if not isinstance(geometry, Conv) or not is_diagonal(geometry) or geometry.gain is not None:
        return None
    alone = geometry.kernel.shape == (1, 1, 1, expression.shape[2]) and geometry.strides == geometry.input_dilation == (1, 1)
    factors: Array | None = geometry.kernel[0, 0, 0] if alone and not any(geometry.padding) else None
    return factors
