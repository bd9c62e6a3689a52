"""The float CNN as an HDF5 group: nodes in JSON, arrays beside them."""

from __future__ import annotations

from math import inf
from typing import Any

from ecc_lava.common import EDGE_MAX
from ecc_lava.errors import InvalidNetwork
from ecc_lava.graph import Add, Graph, Input, Linear, Maximum, MaxPool, Node, Relu, Reshape, Scale, Sigmoid, Softmax, Statistics, Step
from ecc_lava.storage.arrays import Reader, Writer, has_member, read_group, read_texts, whole, write_json
from ecc_lava.storage.network_groups import BITS_MAX, as_shape, read_geometry, read_grid, write_geometry, write_grid

__all__ = ["read_graph", "write_graph"]

_FLOATS = ("float32", "float64")


def write_graph(group: Any, graph: Graph, writer: Writer) -> None:
    """Store a graph."""
    nodes: list[dict[str, Any]] = []
    for index, node in enumerate(graph.nodes):
        entry: dict[str, Any] = {"type": type(node).__name__, "name": node.name, "sources": node.sources}
        stored = group.create_group(f"arrays/{index}")
        match node:
            case Input(shape=shape, channels_first=channels_first):
                entry |= {"shape": shape, "channels_first": channels_first}
            case Reshape(shape=shape):
                entry["shape"] = shape
            case Linear(geometry=geometry, bias=bias, grid=grid):
                write_geometry(stored, geometry, writer)
                writer.array(stored, "bias", bias)
                entry |= write_grid(stored, grid, writer)
            case Scale(scale=scale, shift=shift, seen=seen):
                writer.array(stored, "scale", scale)
                writer.array(stored, "shift", shift)
                if seen is not None:
                    writer.array(stored, "mean", seen.mean)
                    writer.array(stored, "variance", seen.variance)
            case Relu(ceiling=ceiling, bits=bits, halves_up=halves_up):
                entry["ceiling"] = None if ceiling == inf else ceiling
                entry |= {} if bits is None else {"bits": bits, "halves_up": halves_up}
            case MaxPool(size=size, strides=strides, padding=padding):
                entry |= {"size": size, "strides": strides, "padding": padding}
            case Softmax() | Sigmoid() | Add() | Maximum() | Step():
                pass
        nodes.append(entry)
    write_json(group, "nodes", {"nodes": nodes, "uint8_scale": graph.uint8_scale, "outputs": graph.outputs})


def read_graph(group: Any, reader: Reader) -> Graph:
    """Return a graph."""
    header = reader.json(group, "nodes")
    arrays = read_group(group, "arrays")
    nodes = tuple(_node(entry, read_group(arrays, str(index)), reader) for index, entry in enumerate(header["nodes"]))
    return Graph(nodes, float(header["uint8_scale"]), read_texts(header["outputs"], "outputs of the graph"))


def _node(entry: dict[str, Any], stored: Any, reader: Reader) -> Node:
    name, sources = str(entry["name"]), read_texts(entry["sources"], "sources of a node")
    if entry["type"] == "Input":
        return Input(name, as_shape(entry["shape"]), bool(entry["channels_first"]))
    if not sources or (len(sources) > 1 and entry["type"] not in ("Add", "Maximum")):
        raise InvalidNetwork(f"the node {name!r} reads {len(sources)} tensors")
    match entry["type"]:
        case "Reshape":
            return Reshape(name, sources[0], as_shape(entry["shape"]))
        case "Linear":
            geometry, bias = read_geometry(stored, reader, *_FLOATS), reader.array(stored, "bias", *_FLOATS)
            return Linear(name, sources[0], geometry, bias, read_grid(stored, entry, reader))
        case "Scale":
            seen = Statistics(*(reader.array(stored, k, "float64") for k in ("mean", "variance"))) if has_member(stored, "mean") else None
            return Scale(name, sources[0], reader.array(stored, "scale", *_FLOATS), reader.array(stored, "shift", *_FLOATS), seen)
        case "Relu":
            ceiling = inf if entry["ceiling"] is None else float(entry["ceiling"])
            return Relu(
                name,
                sources[0],
                ceiling,
                whole(entry["bits"], "width of an activation", 1, BITS_MAX) if "bits" in entry else None,
                bool(entry.get("halves_up")),
            )
        case "Step":
            return Step(name, sources[0])
        case "MaxPool":
            return MaxPool(name, sources[0], *(_integers(entry[field], n) for field, n in (("size", 2), ("strides", 2), ("padding", 4))))
        case "Maximum":
            return Maximum(name, sources)
        case "Softmax":
            return Softmax(name, sources[0])
        case "Sigmoid":
            return Sigmoid(name, sources[0])
        case "Add":
            return Add(name, sources)
        case other:
            raise InvalidNetwork(f"unknown graph node {other!r}")


def _integers(value: Any, number: int) -> Any:
    """Return a list of `number` integers as a tuple."""
    if not isinstance(value, list) or len(value) != number:
        raise InvalidNetwork(f"{value!r:.80} is not {number} integers")
    return tuple(whole(v, "size of a window", 0, EDGE_MAX) for v in value)
