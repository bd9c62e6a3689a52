"""The float CNN: affine and piecewise-linear nodes on feature maps, free of Keras.

Every tensor is named after the node that makes it. Nodes are in topological order. This module holds data and its invariants;
`ecc_lava.graph.evaluate` computes the tensors.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import cached_property
from math import inf, prod
from typing import Any

import numpy as np

from ecc_lava.common import NEURON_BYTES, Array, Shape, check_sizes, only
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry import Conv, Dense, Sparse, WeightGrid, arrays, built_bytes, describe, synapses
from ecc_lava.graph.nodes import Final, Input, Linear, Node, Relu, Scale, Softmax, shape_of
from ecc_lava.graph.training import Statistics
from ecc_lava.inputs import InputSpec

__all__ = ["Graph"]


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """A float CNN.

    Attributes
    ----------
    nodes : tuple of Node
        In topological order, the inputs first.
    uint8_scale : float
        Factor that brings a stored uint8 pixel into the units that the model takes (1 if the model rescales itself).
    outputs : tuple of str
        Names of the nodes that make the outputs; by default the last one.
    """

    nodes: tuple[Node, ...]
    uint8_scale: float = 1.0 / 255.0
    outputs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.nodes or not 0 < self.uint8_scale < inf:
            raise InvalidNetwork(f"a graph needs nodes and a positive, finite uint8_scale; it has {len(self.nodes)} and {self.uint8_scale}")
        object.__setattr__(self, "outputs", self.outputs or (self.nodes[-1].name,))
        known: dict[str, Node] = {}
        for index, node in enumerate(self.nodes):
            if isinstance(node, Input) != (index < len(self.inputs)) or not self.inputs:
                raise InvalidNetwork("the first nodes, and no others, must be the inputs")
            missing = [source for source in node.sources if source not in known or isinstance(known[source], Final)]
            if missing or node.name in known:
                raise InvalidNetwork(f"node {node.name!r} is named twice or reads {missing}, which are not made before it")
            if isinstance(node, Final) and node.name not in self.outputs:
                raise InvalidNetwork(f"the {type(node).__name__.lower()} {node.name!r} is not an output")
            known[node.name] = node
        if len(set(self.outputs)) != len(self.outputs) or not known.keys() >= set(self.outputs):
            raise InvalidNetwork(f"the outputs {', '.join(self.outputs)} must be nodes of the graph, each named once")
        _ = self.shapes

    def __repr__(self) -> str:
        """Return one line; the arrays of all nodes would fill pages."""
        ends = ((", ".join(f"{name} {self.shapes[name]}" for name in names)) for names in ([n.name for n in self.inputs], self.outputs))
        return f"<Graph {' -> '.join(ends)}: {len(self.nodes)} nodes, {self.macs} MACs>"

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shape of every tensor."""
        shapes: dict[str, Shape] = {}
        for node in self.nodes:
            shapes[node.name] = shape_of(node, [shapes[source] for source in node.sources])
            check_sizes([(node.name, shapes[node.name])])
        return shapes

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """The input nodes, in the model's order."""
        return tuple(node for node in self.nodes if isinstance(node, Input))

    @property
    def input(self) -> Input:
        """The input node of a model that has one input."""
        return only(self.inputs, "input")

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """What the model takes."""
        return tuple(InputSpec(node.name, node.shape, self.uint8_scale, node.channels_first) for node in self.inputs)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all fields of the nodes, numbers and arrays."""
        sha = hashlib.sha256(json.dumps([self.uint8_scale, self.outputs]).encode())
        for node in self.nodes:
            described: list[Any] = [type(node).__name__]
            stored: list[Array] = []
            for value in (getattr(node, field.name) for field in fields(node)):
                match value:
                    case np.ndarray():
                        stored.append(value)
                    case Conv() | Dense() | Sparse():
                        described.append(describe(value))
                        stored += [value.kernel, *arrays(value).values()]
                    case WeightGrid(peaks=peaks, bits=bits):
                        described.append(bits)
                        stored.append(peaks)
                    case None | False if isinstance(node, Linear | Relu):
                        pass  # what a model has not quantised
                    case None | Statistics() if isinstance(node, Scale):
                        pass  # a record of training
                    case _:
                        described.append(value)
            sha.update(json.dumps([described, [[str(array.dtype), array.shape] for array in stored]]).encode() + b"\n")
            for array in stored:
                sha.update(np.ascontiguousarray(array).tobytes())
        return sha.hexdigest()

    @cached_property
    def logits(self) -> dict[str, str]:
        """Output name -> the tensor that is this output before a final softmax or sigmoid."""
        made = {node.name: node for node in self.nodes}
        tensors = {}
        for name in self.outputs:
            node = made[name]
            tensors[name] = node.source if isinstance(node, Final) else name
        return tensors

    @cached_property
    def classifiers(self) -> tuple[str, ...]:
        """Names of the outputs that are one distribution over classes: a vector under a softmax."""
        made = {node.name: node for node in self.nodes}
        return tuple(name for name in self.outputs if isinstance(made[name], Softmax) and self.shapes[name][:2] == (1, 1))

    @property
    def scales(self) -> tuple[Scale, ...]:
        """The nodes that scale and shift."""
        return tuple(node for node in self.nodes if isinstance(node, Scale))

    @property
    def built_bytes(self) -> int:
        """Bytes of memory that its tensors and operators would take as a network."""
        operators = sum(built_bytes(n.geometry, self.shapes[n.source]) for n in self.nodes if isinstance(n, Linear))
        return NEURON_BYTES * sum(map(prod, self.shapes.values())) + operators

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of one forward pass, at existing synapses."""
        return sum(synapses(n.geometry, self.shapes[n.source]) for n in self.nodes if isinstance(n, Linear))
