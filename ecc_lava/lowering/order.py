"""The order in which lowering walks a graph, and who reads what: pure functions on nodes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ecc_lava.common import Shape
from ecc_lava.geometry import Dense, is_placement
from ecc_lava.graph import Add, Graph, Linear, MaxPool, Node, Relu, Reshape, Scale, Step

__all__ = ["passes_on", "pooled_first", "read_as", "readers_of", "rectified_once"]


def pooled_first(nodes: list[Node]) -> list[Node]:
    """Swap ReLU and the max-pool after it where the pool's windows do not overlap and nothing else reads the ReLU.

    ``max(relu(a), relu(b)) = relu(max(a, b))``: the tree's last population is the ReLU itself, and the populations before the pool are
    saved. The two nodes swap names too.
    """
    readers: dict[str, list[str]] = {}
    for node in nodes:
        for source in node.sources:
            readers.setdefault(source, []).append(node.name)
    swapped: set[str] = set()
    result: list[Node] = []
    relus = {node.name: node for node in nodes if isinstance(node, Relu) and len(readers.get(node.name, ())) == 1}
    for node in nodes:
        if isinstance(node, MaxPool) and node.source in relus and not any(node.padding) and all(np.less_equal(node.size, node.strides)):
            relu = relus[node.source]
            result.append(replace(node, name=relu.name, source=relu.source))
            result.append(replace(relu, name=node.name, source=relu.name))
            swapped.add(relu.name)
        else:
            result.append(node)
    return [node for node in result if not (isinstance(node, Relu) and node.name in swapped)]


def rectified_once(nodes: list[Node], graph: Graph) -> list[Node]:
    """Put a Reshape, which does nothing, in place of every ReLU that one other ReLU alone reads, directly or after reshapes.

    ``relu(relu(x)) = relu(x)`` if the first one has no lower ceiling and does not round: a quantiser after an activation is one population.
    """
    readers: dict[str, list[Node]] = {output: [] for output in graph.logits.values()}
    outputs = set(readers)
    for node in nodes:
        for source in node.sources:
            readers.setdefault(source, []).append(node)

    def reader(node: Node) -> Node | None:
        """Return the one node that reads a tensor behind reshapes, or None."""
        read = readers.get(node.name, [])
        if len(read) != 1 or node.name in outputs:
            return None
        return reader(read[0]) if isinstance(read[0], Reshape) else read[0]

    result: list[Node] = []
    for node in nodes:
        after = reader(node) if isinstance(node, Relu) and node.bits is None else None
        spare = isinstance(node, Relu) and isinstance(after, Relu) and node.ceiling >= after.ceiling
        result.append(Reshape(node.name, node.sources[0], graph.shapes[node.name]) if spare else node)
    return result


def read_as(nodes: list[Node], outputs: Iterable[str]) -> dict[str, Shape]:
    """Return the shape of every ReLU and step that convolutions and pools read after a Reshape, in one shape alone."""
    as_maps = {
        node.source for node in nodes if isinstance(node, MaxPool) or (isinstance(node, Linear) and not isinstance(node.geometry, Dense))
    }
    wanted: dict[str, set[Shape | None]] = {node.name: set() for node in nodes}
    for node in nodes:
        for source in node.sources:
            wanted[source].add(node.shape if isinstance(node, Reshape) and node.name in as_maps else None)
    for output in outputs:
        wanted[output].add(None)
    shapes = {node.name: next(iter(wanted[node.name])) for node in nodes if isinstance(node, Relu | Step) and len(wanted[node.name]) == 1}
    return {name: shape for name, shape in shapes.items() if shape is not None}


def passes_on(node: Node) -> bool:
    """Whether folding the node into what reads it costs nothing."""
    match node:
        case Linear(geometry=geometry):
            return is_placement(geometry)
        case MaxPool(size=size):
            return size == (1, 1)
        case _:
            return isinstance(node, Add | Scale | Reshape)


def readers_of(nodes: list[Node], outputs: Iterable[str]) -> dict[str, int]:
    """Return how many populations would fold the operator that made a tensor, by the tensor's name."""
    readers: dict[str, set[str]] = {node.name: set() for node in nodes}
    for output in outputs:
        readers[output].add(f"{output}.readout")
    for node in reversed(nodes):
        if passes_on(node):
            found = readers[node.name]
        elif isinstance(node, Linear):
            found = {f"{node.name}.relay", f"{node.name}.relay_negative"}
        else:
            found = {node.name}
        for source in node.sources:
            readers[source] |= found
    return {name: len(found) for name, found in readers.items()}
