"""From a Keras model to a Graph: wiring from the model's own tensors, never from layer names."""

from __future__ import annotations

from typing import Any

from ecc_lava.arrays import Shape
from ecc_lava.errors import EccLavaError, InvalidInput, InvalidNetwork, UnsupportedModel
from ecc_lava.graph import Graph, Input, Node, Reshape, Scale, Softmax
from ecc_lava.keras_import.call import Call, Refused, Tensor
from ecc_lava.keras_import.remedies import unsupported
from ecc_lava.keras_import.shapes import as_map, augmentation
from ecc_lava.keras_import.table import HANDLERS, OPERATORS

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
    return _Import().graph(model)


def _input_shape(tensor: Any, where: str) -> Shape:
    """Return the shape of a model's input as (H, W, C)."""
    sizes = tuple(tensor.shape)[1:]
    if any(size is None for size in sizes):
        raise InvalidInput(f"{where} has the unknown size {tensor.shape}; give the model a fixed input shape")
    return as_map(sizes)


def _tensors_only(node: Any) -> None:
    """Refuse a layer called with anything but tensors of the model, such as ``training=True``."""
    tensors = {id(tensor) for tensor in node.input_tensors}
    others = [value for value in node.arguments._flat_arguments if id(value) not in tensors and value is not None and value is not False]
    if others:
        given = " ".join(str(others[0]).split())[:40]
        raise Refused(f"it is called with the constant {given}; use a Rescaling layer for a constant, and training=True nowhere")


def _ordered(model: Any) -> list[Any]:
    """Return a model's nodes, sources first."""
    return [node for depth in sorted(model._nodes_by_depth, reverse=True) for node in model._nodes_by_depth[depth]]


def _inner(layer: Any) -> Any:
    """Return the functional model that a layer is, or None."""
    import keras

    if isinstance(layer, keras.Sequential):
        return layer._functional
    return layer if isinstance(layer, keras.Model) and hasattr(layer, "_nodes_by_depth") else None


class _Import:
    """One walk over a functional model's operations in topological order, and over the models inside it."""

    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._names: set[str] = set()
        self._offences: list[tuple[str, str]] = []

    def graph(self, model: Any) -> Graph:
        tensor = model.inputs[0]
        name = tensor._keras_history.operation.name
        given: Tensor | None = None
        try:
            given = Tensor(name, _input_shape(tensor, f"the input {name!r}"), len(tensor.shape))
            self._nodes.append(Input(name, given.shape))
        except Refused as refusal:
            self._offences.append((f"{name} (InputLayer)", str(refusal)))
        self._names.add(name)
        (output,) = self._walk(model, [given], "")
        self._check_softmax(output)
        if self._offences or output is None:
            raise UnsupportedModel(tuple(self._offences), tuple(sorted(HANDLERS)))
        kept = self._nodes[: 1 + next(i for i, n in enumerate(self._nodes) if n.name == output.name)]
        return Graph(tuple(kept), 1.0 if _rescales_itself(kept) else 1.0 / 255.0)

    def _walk(self, model: Any, inputs: list[Tensor | None], prefix: str) -> list[Tensor | None]:
        """Write the nodes of a model called on tensors and return what it makes; None stands for what cannot be converted."""
        made: dict[int, Tensor | None] = {id(tensor): given for tensor, given in zip(model.inputs, inputs, strict=True)}
        nodes = _ordered(model)
        for node in nodes:
            if all(id(tensor) in made for tensor in node.output_tensors):
                continue
            layer = node.operation
            calls = [other for other in nodes if other.operation is layer]
            name = prefix + (layer.name if len(calls) < 2 else f"{layer.name}.{calls.index(node)}")
            sources = [made[id(tensor)] for tensor in node.input_tensors]
            inner = _inner(layer)
            if inner is not None:
                results = self._nested(inner, node, name, sources)
            else:
                results = [self._convert(node, name, f"{prefix}{layer.name} ({type(layer).__name__})", sources, made)]
            made.update(zip(map(id, node.output_tensors), results, strict=False))
            made.update((id(tensor), None) for tensor in node.output_tensors[len(results) :])
        return [made[id(tensor)] for tensor in model.outputs]

    def _nested(self, inner: Any, node: Any, name: str, sources: list[Tensor | None]) -> list[Tensor | None]:
        """Write the nodes of a model that is used as a layer."""
        try:
            _tensors_only(node)
        except Refused as refusal:
            self._offences.append((f"{name} ({type(node.operation).__name__})", str(refusal)))
        return self._walk(inner, sources, f"{name}.")

    def _convert(self, node: Any, name: str, where: str, sources: list[Tensor | None], made: dict[int, Tensor | None]) -> Tensor | None:
        """Write the nodes of one call of a layer or operation, or note why that cannot be."""
        layer = node.operation
        operator = type(layer).__module__.startswith("keras.src.ops.")
        handler = (OPERATORS if operator else HANDLERS).get(type(layer).__name__)
        target = node.output_tensors[0].shape
        try:
            if handler is None or not type(layer).__module__.startswith("keras."):
                raise Refused(unsupported(type(layer).__name__))
            if getattr(layer, "quantization_mode", None) is not None:
                raise Refused("its weights are quantised by Keras; give the model as it was before that")
            if not operator and handler is not augmentation:
                _tensors_only(node)
            shape = as_map(tuple(target)[1:])
            inputs = tuple(source for source in sources if source is not None)
            if len(inputs) < len(sources):
                return None  # the layers before it are named
            while name in self._names:
                name += "_"
            call = Call(layer, name, inputs, _arguments(node, made), len(target))
            result = call.finish(handler(call))
        except Refused as refusal:
            self._offences.append((where, str(refusal)))
            return _stand_in(name, target)
        except EccLavaError as error:
            raise type(error)(f"layer {where}: {error}") from error
        if any(expected not in (None, size) for expected, size in zip(shape, result.shape, strict=True)):
            raise InvalidNetwork(f"layer {where}: Keras makes a map of {shape} here, the conversion one of {result.shape}")
        self._nodes.extend(call.nodes)
        self._names.update(n.name for n in call.nodes)
        return result

    def _check_softmax(self, output: Tensor | None) -> None:
        """Report every softmax or sigmoid that is not the output."""
        for node in self._nodes:
            if isinstance(node, Softmax) and (output is None or node.name != output.name):
                self._offences.append((node.name, "softmax and sigmoid are supported at the output only; replace it by relu"))


def _arguments(node: Any, made: dict[int, Tensor | None]) -> tuple[Any, ...]:
    """Return a call's arguments with the graph's tensors in place of Keras's."""

    def replaced(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [replaced(item) for item in value]
        return made.get(id(value), value)

    return tuple(replaced(value) for value in (*node.arguments.args, *node.arguments.kwargs.values()))


def _stand_in(name: str, target: Any) -> Tensor | None:
    """Return a tensor in place of one that is refused, so that the layers after it are looked at too."""
    try:
        return Tensor(name, as_map(tuple(target)[1:]), len(target)) if None not in tuple(target)[1:] else None
    except Refused:
        return None


RESCALES = 0.2
"""A first layer that multiplies by less than this takes pixels of 0..255; a Normalization of pixels in [0, 1] multiplies by more than 1."""


def _rescales_itself(nodes: list[Node]) -> bool:
    """Whether the first layer brings pixels of 0..255 to a small range, so that uint8 images are fed as they are."""
    source = nodes[0]
    assert isinstance(source, Input), "graphs begin with their input"
    acting = [node for node in nodes[1:] if not (isinstance(node, Reshape) and node.shape == source.shape)]  # augmentation does nothing
    return bool(acting) and isinstance(acting[0], Scale) and float(abs(acting[0].scale).max()) < RESCALES
