"""The nodes of a NIR graph, checked: known types, finite numbers, edges between them that go forwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

import numpy as np

from ecc_lava.common import POPULATIONS_MAX, Array, check_name
from ecc_lava.errors import InvalidInput
from ecc_lava.exchange.nir.facts import KEY, parsed

__all__ = ["NirGraph", "NirNode", "checked_graph"]

FIELDS: Final = {
    "Input": ("shape",),
    "Output": (),
    "Affine": ("weight", "bias"),
    "Linear": ("weight",),
    "Conv1d": ("weight", "bias", "stride", "padding", "dilation", "groups"),
    "Conv2d": ("weight", "bias", "stride", "padding", "dilation", "groups"),
    "SumPool2d": ("kernel_size", "stride", "padding"),
    "AvgPool2d": ("kernel_size", "stride", "padding"),
    "Flatten": ("start_dim", "end_dim"),
    "Scale": ("scale",),
    "IF": ("r", "v_threshold"),
    "Threshold": ("threshold",),
}
"""A type that is read -> its fields."""

REASONS: Final = {
    "LIF": "its potential leaks, which the integrate-and-fire neurons of this tool do not; train with an infinite time constant",
    "CubaLIF": "its current and potential leak; use IF",
    "CubaLI": "its current and potential leak; use IF",
    "LI": "its potential leaks; end the graph with the layer before it, whose output is summed over time",
    "I": "it integrates and sends its potential; end the graph with the layer before it, whose output is summed over time",
    "Delay": "delays follow from the depths of layers here; leave it out",
    "NIRGraph": "it is a graph within the graph; write a flat graph",
}


@dataclass(frozen=True, eq=False)
class NirNode:
    """A node.

    Attributes
    ----------
    name, type : str
    fields : mapping
        Arrays, or a text where the padding is one.
    facts : mapping
        What its metadata say under our key; empty if nothing.
    sources : tuple of str
        The nodes whose outputs it reads, summed.
    """

    name: str
    type: str
    fields: Mapping[str, Any]
    facts: Mapping[str, Any]
    sources: tuple[str, ...]

    def numbers(self, field: str, *dimensions: int) -> Array:
        """Return a field of one of so many dimensions in float64.

        Raises
        ------
        InvalidInput
            If it is something else.
        """
        value = self.fields[field]
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub" or (dimensions and value.ndim not in dimensions):
            shown = f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else f"{value!r:.40}"
            wanted = f"numbers of {' or '.join(map(str, dimensions))} dimensions" if dimensions else "numbers"
            raise InvalidInput(f"{self.type} {self.name!r}: its {field} is {shown}; it must be {wanted}")
        numbers: Array = value.astype(np.float64)
        if not np.isfinite(numbers).all():
            raise InvalidInput(f"{self.type} {self.name!r}: its {field} is not finite everywhere")
        return numbers

    def integers(self, field: str, number: int, least: int) -> tuple[int, ...]:
        """Return a field as so many integers; one stands for all.

        Raises
        ------
        InvalidInput
            If it is something else.
        """
        value = self.numbers(field, 0, 1).ravel()
        if value.size not in (1, number) or (value != np.rint(value)).any() or value.min() < least or value.max() > 2**31:
            raise InvalidInput(
                f"{self.type} {self.name!r}: its {field} is {value.tolist()!r:.60}; it must be {number} whole numbers >= {least}"
            )
        whole = tuple(int(v) for v in value)
        return whole * number if len(whole) == 1 else whole


@dataclass(frozen=True, eq=False)
class NirGraph:
    """A graph: its nodes, each after those that it reads, and what its metadata say under our key."""

    nodes: tuple[NirNode, ...]
    facts: Mapping[str, Any]


def checked_graph(tree: Any) -> NirGraph:
    """Return the graph that a tree of groups and arrays describes.

    Raises
    ------
    InvalidInput
        Naming all nodes of types that are not read, or what is wrong with the graph.
    """
    if not isinstance(tree, Mapping) or tree.get("type") != "NIRGraph" or not isinstance(tree.get("nodes"), Mapping):
        raise InvalidInput("it holds no NIRGraph with nodes")
    nodes: Mapping[str, Any] = tree["nodes"]
    if not 2 <= len(nodes) <= POPULATIONS_MAX:
        raise InvalidInput(f"the graph has {len(nodes)} nodes; 2 to {POPULATIONS_MAX} are read")
    for name, node in nodes.items():
        check_name("a node", name)
        if not isinstance(node, Mapping) or not isinstance(node.get("type"), str):
            raise InvalidInput(f"the node {name!r:.60} has no type")
    types = {name: "IF" if _never_leaks(node) else node["type"] for name, node in nodes.items()}
    _refuse_types(types)
    sources = _sources(types, tree.get("edges"))
    try:
        order = list(TopologicalSorter({name: sources[name] for name in nodes}).static_order())
    except CycleError as error:
        ring = " -> ".join(str(name)[:40] for name in error.args[1][:8])
        raise InvalidInput(f"the graph has a cycle ({ring}); networks of this tool have no recurrence") from error
    ends = _told(tree).get("nodes")
    told = {name: _told(nodes[name]) or (ends.get(name) if isinstance(ends, Mapping) else None) for name in nodes}
    made = (_node(name, types[name], nodes[name], told[name], tuple(sources[name])) for name in order)
    return NirGraph(tuple(made), _facts(_told(tree), "the graph"))


def _never_leaks(node: Mapping[str, Any]) -> bool:
    """Whether a LIF node has an infinite time constant and, as snnTorch writes it, a resistance to match: an input counts once."""
    tau, r, leak = (np.asarray(node.get(field, np.nan)) for field in ("tau", "r", "v_leak"))
    if node["type"] != "LIF" or any(values.dtype.kind != "f" for values in (tau, r, leak)):
        return False
    return bool(np.isposinf(tau).all() and np.isposinf(r).all() and (leak == 0).all())


def _refuse_types(types: Mapping[str, str]) -> None:
    refused = [
        f"  {name!r:.80} ({kind:.40}): {REASONS.get(kind, 'this type is not known here')}"
        for name, kind in types.items()
        if kind not in FIELDS
    ]
    if refused:
        raise InvalidInput(
            f"{len(refused)} node(s) cannot be read (those of the types {', '.join(FIELDS)} can):\n" + "\n".join(refused[:20])
        )


def _sources(types: Mapping[str, str], edges: Any) -> dict[str, list[str]]:
    """Return the sources of every node, each with at least one but inputs, and each read but outputs."""
    pairs: Any = [] if edges is None or np.size(edges) == 0 else np.asarray(edges, object)
    if len(pairs) and np.shape(pairs)[1:] != (2,):
        raise InvalidInput(f"the edges have shape {np.shape(pairs)}; they must be pairs of names")
    sources: dict[str, list[str]] = {name: [] for name in types}
    read = set()
    for one, other in pairs:
        source, target = (name.decode() if isinstance(name, bytes) else name for name in (one, other))
        for name in (source, target):
            if not isinstance(name, str) or name not in types:
                raise InvalidInput(f"an edge names {name!r:.60}, which is no node")
        if source in sources[target]:
            raise InvalidInput(f"the edge {source!r:.60} -> {target!r:.60} stands twice")
        sources[target].append(source)
        read.add(source)
    for name, kind in types.items():
        if bool(sources[name]) == (kind == "Input"):
            raise InvalidInput(f"{kind} {name!r:.60} has {len(sources[name])} edges into it; inputs have none, and all others at least one")
        if (name in read) == (kind == "Output"):
            raise InvalidInput(f"{kind} {name!r:.60} is {'' if name in read else 'not '}read; outputs are not, and all others are")
    for kind in ("Input", "Output"):
        if kind not in types.values():
            raise InvalidInput(f"the graph has no {kind}")
    return sources


def _node(name: str, kind: str, node: Mapping[str, Any], told: Any, sources: tuple[str, ...]) -> NirNode:
    fields = dict(node) | ({"r": np.ones(())} if node["type"] == "LIF" else {})
    missing = [field for field in FIELDS[kind] if field not in fields]
    if missing:
        raise InvalidInput(f"{kind} {name!r} lacks {', '.join(missing)}")
    return NirNode(name, kind, fields, _facts(told, f"{name!r:.60}"), sources)


def _told(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what stands under our key in the metadata of a node or of the graph; nothing if there is no such key."""
    metadata = node.get("metadata")
    found = metadata.get(KEY, {}) if isinstance(metadata, Mapping) else {}
    if not isinstance(found, Mapping):
        raise InvalidInput(f"the metadata {KEY!r} are no group")
    return found


def _facts(told: Any, where: str) -> dict[str, Any]:
    """Return the JSON values under our key, and arrays beside them."""
    if not told:
        return {}
    if not isinstance(told, Mapping):
        raise InvalidInput(f"the metadata {KEY!r} of {where} are no group")
    facts = parsed(told.get("json"), where)
    return facts | {name: np.asarray(value, np.float64) for name, value in told.items() if isinstance(value, np.ndarray)}
