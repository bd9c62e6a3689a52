"""A graph while the importer writes it: its nodes, the layers that made them, and the layers that cannot be converted."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ecc_lava.graph import Node
from ecc_lava.importers.keras.call import Call, Refused
from ecc_lava.importers.keras.nodes import with_name

__all__ = ["Draft", "ExaminedLayer"]


@dataclass(frozen=True)
class ExaminedLayer:
    """One call of a layer or operation of a Keras model.

    Attributes
    ----------
    name : str
        With the path of the models that hold the layer, and the number of the call if the layer has several.
    kind : str
        Its class.
    nodes : tuple of str
        The graph's nodes that were written for it.
    reason : str
        Why it cannot be converted, and the remedy; empty if it can.
    """

    name: str
    kind: str
    nodes: tuple[str, ...] = ()
    reason: str = ""


class Draft:
    """Nodes in order, with names that are all different.

    Attributes
    ----------
    nodes : list of Node
    names : set of str
    layers : list of ExaminedLayer
        In the order of the calls.
    offences : dict
        (Layer, reason) of everything that cannot be converted, in order; a layer called twice counts once.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.names: set[str] = set()
        self.layers: list[ExaminedLayer] = []
        self.offences: dict[tuple[str, str], None] = {}

    def write(self, call: Call) -> tuple[str, ...]:
        """Append a call's nodes and return their names."""
        self.nodes.extend(call.nodes)
        written = tuple(node.name for node in call.nodes)
        self.names.update(written)
        return written

    def refuse(self, name: str, path: str, kind: str, refusal: Refused) -> None:
        """Note a call that cannot be converted, and the layer at `path` as an offence."""
        self.layers.append(ExaminedLayer(name, kind, reason=str(refusal)))
        self.offences[f"{path} ({kind})", str(refusal)] = None

    def refuse_written(self, name: str, reason: str) -> None:
        """Note the layer that wrote a node as one that cannot be converted."""
        index = self.layer_of(name)
        layer = self.layers[index] = replace(self.layers[index], reason=reason)
        self.offences[f"{layer.name} ({layer.kind})", reason] = None

    def layer_of(self, name: str) -> int:
        """Return the index of the layer that wrote a node."""
        return next(index for index, layer in enumerate(self.layers) if name in layer.nodes)

    def free(self, name: str) -> str:
        """Return a name that no node has: the given one, or the given one with a number."""
        number, free = 0, name
        while free in self.names:
            number += 1
            free = f"{name}_{number}"
        return free

    def rename(self, old: str, new: str) -> None:
        """Give a node another name wherever it stands; do nothing if no node has the old name."""
        if old in self.names:
            self.nodes = [with_name(node, old, new) for node in self.nodes]
            self.names = self.names - {old} | {new}
            self.layers = [replace(layer, nodes=tuple(new if node == old else node for node in layer.nodes)) for layer in self.layers]
