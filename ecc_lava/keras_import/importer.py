"""From a Keras model to a Graph: wiring from the model's own tensors, never from layer names."""

from __future__ import annotations

from typing import Any

from ecc_lava.arrays import Shape
from ecc_lava.errors import EccLavaError, InvalidInput, UnsupportedModel
from ecc_lava.graph import Graph, Input, Node, Scale, Softmax
from ecc_lava.keras_import.handlers import HANDLERS, Refused
from ecc_lava.keras_import.remedies import unsupported

__all__ = ["from_keras"]


def from_keras(model: Any) -> Graph:
    """Return a Keras model as a graph of affine and piecewise-linear nodes.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional, built, with one input and one output.

    Returns
    -------
    Graph
        Equal to the model within float32 rounding.

    Raises
    ------
    InvalidInput
        If `model` is not such a model.
    UnsupportedModel
        Naming every layer that cannot be converted, with reason and remedy.
    InvalidNetwork
        If a weight is NaN or infinite.
    """
    import keras

    if not isinstance(model, keras.Model):
        raise InvalidInput(f"from_keras takes a Keras model, not a {type(model).__name__}")
    if isinstance(model, keras.Sequential):
        if not model.built:
            raise InvalidInput(f"the model {model.name!r} has no shapes yet; give it an Input layer or call model.build(...)")
        model = model._functional
    if not hasattr(model, "operations") or not hasattr(model, "_nodes"):
        raise InvalidInput(f"the model {model.name!r} is a subclass of keras.Model; build it with the functional API or Sequential")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise InvalidInput(
            f"the model {model.name!r} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; one of each is supported"
        )
    return _Import(model).graph()


def _map_shape(tensor: Any, where: str) -> Shape:
    """Return a Keras tensor's shape as (H, W, C)."""
    sizes = tuple(tensor.shape)[1:]
    if any(size is None for size in sizes):
        raise InvalidInput(f"{where} has the unknown size {tensor.shape}; give the model a fixed input shape")
    if len(sizes) == 1:
        return 1, 1, int(sizes[0])
    if len(sizes) == 3:
        return int(sizes[0]), int(sizes[1]), int(sizes[2])
    raise Refused(f"it makes a tensor of shape {tensor.shape}; images (N, H, W, C) and vectors (N, C) are supported")


def _tensors_only(node: Any) -> None:
    """Refuse a call with anything but tensors of the model: ``x + 3.0``, or a layer called with ``training=True``."""
    tensors = {id(tensor) for tensor in node.input_tensors}
    others = [value for value in node.arguments._flat_arguments if id(value) not in tensors and value is not None and value is not False]
    if others:
        given = " ".join(str(others[0]).split())[:40]
        raise Refused(f"it is called with the constant {given}; use a Rescaling layer for a constant, and training=True nowhere")


class _Import:
    """One walk over a functional model's operations in topological order."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._names: dict[int, str] = {}
        self._offences: list[tuple[str, str]] = []

    def graph(self) -> Graph:
        tensor = self._model.inputs[0]
        operation = tensor._keras_history.operation
        self._names[id(tensor)] = operation.name
        nodes: list[Node] = []
        try:
            nodes.append(Input(operation.name, _map_shape(tensor, f"the input {operation.name!r}")))
        except Refused as refusal:
            self._offences.append((f"{operation.name} (InputLayer)", str(refusal)))
        for node in self._ordered():
            if node.operation is not operation:
                nodes.extend(self._convert(node))
        nodes = self._checked_softmax(nodes)
        if self._offences:
            raise UnsupportedModel(tuple(self._offences), tuple(sorted(HANDLERS)))
        output = self._names[id(self._model.outputs[0])]
        kept = nodes[: 1 + next(i for i, n in enumerate(nodes) if n.name == output)]
        return Graph(tuple(kept), 1.0 if _rescales_itself(kept) else 1.0 / 255.0)

    def _ordered(self) -> list[Any]:
        """Return the model's nodes, sources first."""
        by_depth = self._model._nodes_by_depth
        return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]

    def _convert(self, node: Any) -> list[Node]:
        layer = node.operation
        kind = type(layer).__name__
        where = f"{layer.name} ({kind})"
        calls = [other for other in self._ordered() if other.operation is layer]
        name = layer.name if len(calls) < 2 else f"{layer.name}.{calls.index(node)}"
        for tensor in node.output_tensors:
            self._names[id(tensor)] = name
        handler = HANDLERS.get(kind)
        if handler is None or not type(layer).__module__.startswith("keras."):
            self._offences.append((where, unsupported(kind)))
            return []
        try:
            shapes = tuple(_map_shape(tensor, where) for tensor in node.input_tensors)
            sources = tuple(self._names[id(tensor)] for tensor in node.input_tensors)
            _map_shape(node.output_tensors[0], where)
            _tensors_only(node)
            return handler(layer, name, sources, shapes)
        except Refused as refusal:
            self._offences.append((where, str(refusal)))
            return []
        except EccLavaError as error:
            raise type(error)(f"layer {where}: {error}") from error

    def _checked_softmax(self, nodes: list[Node]) -> list[Node]:
        """Report every softmax or sigmoid that is not the output."""
        output = self._names[id(self._model.outputs[0])]
        for node in nodes:
            if isinstance(node, Softmax) and node.name != output:
                self._offences.append((node.name, "softmax and sigmoid are supported at the output only; replace it by relu"))
        return nodes


def _rescales_itself(nodes: list[Node]) -> bool:
    """Whether the first layer brings pixels of 0..255 to a small range, so that uint8 images are fed as they are."""
    first = nodes[1] if len(nodes) > 1 else nodes[0]
    return (
        isinstance(first, Scale) and isinstance(nodes[0], Input) and first.source == nodes[0].name and float(abs(first.scale).max()) < 0.2
    )
