"""From a Keras model to a graph: the wiring comes from the model's own tensors, never from layer names."""

from __future__ import annotations

from typing import Any

from ecc_lava.common import Array
from ecc_lava.errors import EccLavaError, InvalidInput, InvalidNetwork, UnsupportedModel
from ecc_lava.graph import Graph, Input, nodes_for_outputs
from ecc_lava.importers.keras.call import Call, Refused, wrong_axes
from ecc_lava.importers.keras.choosing import handler, handler_of, tensors_only
from ecc_lava.importers.keras.draft import Draft, ExaminedLayer
from ecc_lava.importers.keras.framework import keras_package
from ecc_lava.importers.keras.models import inner_model, ordered, reads_channels_first, sources_of
from ecc_lava.importers.keras.nodes import rescales_itself
from ecc_lava.importers.keras.outputs import refuse_inner_finals, write_outputs
from ecc_lava.importers.keras.tensors import Tensor, natural

__all__ = ["examined", "from_keras"]


def from_keras(model: Any) -> Graph:
    """Return a Keras model as a graph of affine and piecewise-linear nodes.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional, and built. Its inputs and outputs keep their order and names.

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
    _, result = examined(model)
    if isinstance(result, UnsupportedModel):
        raise result
    return result


def examined(model: Any) -> tuple[tuple[ExaminedLayer, ...], Graph | UnsupportedModel]:
    """Return every call of a model's layers in order, and the graph or the error that names every layer without a conversion.

    Raises
    ------
    InvalidInput, InvalidNetwork
        As `from_keras`.
    """
    keras = keras_package()

    if any(kind.__module__.startswith("tf_keras.") for kind in type(model).__mro__):
        raise InvalidInput("the model is of Keras 2 (tf_keras); save it with model.save('name.h5'), and give ecc_lava.load_model that file")
    if not isinstance(model, keras.Model):
        raise InvalidInput(f"from_keras takes a Keras model, not a {type(model).__name__}")
    if isinstance(model, keras.Sequential):
        if not model.built:
            raise InvalidInput(f"the model {model.name!r} has no shapes yet; give it an Input layer or call model.build(...)")
        model = model._functional
    if not hasattr(model, "operations") or not hasattr(model, "_nodes"):
        raise InvalidInput(f"the model {model.name!r} is a subclass of keras.Model; build it with the functional API or Sequential")
    imported = _Import()
    try:
        result: Graph | UnsupportedModel = imported.graph(model)
    except UnsupportedModel as refusal:
        result = refusal
    return tuple(imported.layers), result


def _input_tensor(tensor: Any, name: str, channels_first: bool) -> Tensor:
    """Return the graph's tensor of a model's input."""
    sizes = tuple(tensor.shape)[1:]
    if any(size is None for size in sizes):
        raise InvalidInput(f"the input {name!r} has the unknown size {tensor.shape}; give the model a fixed input shape")
    if not 1 <= len(sizes) <= 3:
        raise wrong_axes(len(sizes))
    return natural(name, sizes, channels_first and len(sizes) > 1)


class _Import:
    """One walk over a functional model's operations in topological order, and over the models inside it."""

    def __init__(self) -> None:
        self._draft = Draft()
        self._weights: dict[int, tuple[Any, Array]] = {}

    @property
    def layers(self) -> list[ExaminedLayer]:
        """Every call seen so far."""
        return self._draft.layers

    def graph(self, model: Any) -> Graph:
        """Return a model's graph.

        Raises
        ------
        UnsupportedModel
            Naming every layer that cannot be converted.
        """
        draft = self._draft
        tensors = self._walk(model, [self._input(model, tensor) for tensor in model.inputs], "")
        made = [tensor for tensor in tensors if tensor is not None]
        if draft.offences or len(made) < len(tensors):
            outputs = [tensor.name for tensor in made]
        else:
            outputs = write_outputs(draft, made, model.output_names)
            draft.nodes = nodes_for_outputs(draft.nodes, outputs)
        refuse_inner_finals(draft, outputs)
        if draft.offences:
            raise UnsupportedModel(tuple(draft.offences))
        return Graph(tuple(draft.nodes), 1.0 if rescales_itself(draft.nodes) else 1.0 / 255.0, tuple(outputs))

    def _input(self, model: Any, tensor: Any) -> Tensor | None:
        """Write the node of an input; return None if the input cannot be converted."""
        name, draft = tensor._keras_history.operation.name, self._draft
        x = None
        try:
            x = _input_tensor(tensor, name, reads_channels_first(model, tensor))
            draft.nodes.append(Input(name, x.shape, x != natural(name, x.sizes)))
            draft.layers.append(ExaminedLayer(name, "InputLayer", (name,)))
        except Refused as refusal:
            draft.refuse(name, name, "InputLayer", refusal)
        draft.names.add(name)
        return x

    def _walk(self, model: Any, inputs: list[Tensor | None], prefix: str) -> list[Tensor | None]:
        """Write the nodes of a model called on tensors and return its outputs; None stands for an output that cannot be converted."""
        made: dict[int, Tensor | None] = {id(tensor): given for tensor, given in zip(model.inputs, inputs, strict=True)}
        nodes = ordered(model)
        for node in nodes:
            if all(id(tensor) in made for tensor in node.output_tensors):
                continue
            layer = node.operation
            calls = [call for call in layer._inbound_nodes if any(call is other for other in nodes)]
            name = prefix + (layer.name if len(calls) < 2 else f"{layer.name}.{calls.index(node)}")
            sources = [made[id(tensor)] for tensor in sources_of(node)]
            inner = inner_model(layer)
            if inner is not None:
                results = self._nested(inner, node, name, sources)
            else:
                results = self._convert(node, name, f"{prefix}{layer.name}", sources, made)
            made.update(zip(map(id, node.output_tensors), results, strict=True))
        return [made[id(tensor)] for tensor in model.outputs]

    def _nested(self, inner: Any, node: Any, name: str, sources: list[Tensor | None]) -> list[Tensor | None]:
        """Write the nodes of a model that is used as a layer."""
        try:
            tensors_only(node)
        except Refused as refusal:
            self._draft.refuse(name, name, type(node.operation).__name__, refusal)
        return self._walk(inner, sources, f"{name}.")

    def _convert(
        self, node: Any, name: str, path: str, sources: list[Tensor | None], made: dict[int, Tensor | None]
    ) -> list[Tensor | None]:
        """Write the nodes of one call of a layer or operation, or note why the call cannot be converted."""
        layer, kind = node.operation, type(node.operation).__name__
        targets = [tuple(tensor.shape)[1:] for tensor in node.output_tensors]
        try:
            convert = handler(node)
            inputs = tuple(source for source in sources if source is not None)
            if len(inputs) < len(sources):
                self.layers.append(ExaminedLayer(name, kind))
                return [None] * len(targets)  # the error names the layers before this one
            name = self._draft.free(name)
            call = Call(
                layer, name, inputs, _arguments(node, made), str(node.input_tensors[0].dtype), self._draft.names, self._weights, handler_of
            )
            results = convert(call)
            if isinstance(results, Tensor):
                finished: list[Tensor] = [call.finish(results, name)]
            else:
                finished = [call.finish(result, self._draft.free(f"{name}.{index}")) for index, result in enumerate(results)]
            if len(finished) != len(targets):
                raise Refused(f"it makes {len(targets)} tensors of a list; call the layer once for each tensor")
        except Refused as refusal:
            self._draft.refuse(name, path, kind, refusal)
            return [_stand_in(name, target) for target in targets]
        except EccLavaError as error:
            raise type(error)(f"layer {path} ({kind}): {error}") from error
        for target, result in zip(targets, finished, strict=True):
            if len(target) != len(result.sizes) or any(n not in (None, size) for n, size in zip(target, result.sizes, strict=True)):
                raise InvalidNetwork(
                    f"layer {path} ({kind}): Keras makes a tensor of {target}, but the conversion makes a tensor of {result.sizes}"
                )
        self.layers.append(ExaminedLayer(name, kind, self._draft.write(call)))
        return [*finished]


def _arguments(node: Any, made: dict[int, Tensor | None]) -> tuple[Any, ...]:
    """Return a call's arguments with the graph's tensors in place of Keras's."""

    def replaced(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [replaced(item) for item in value]
        return made.get(id(value), value)

    return tuple(replaced(value) for value in (*node.arguments.args, *node.arguments.kwargs.values()))


def _stand_in(name: str, sizes: tuple[int | None, ...]) -> Tensor | None:
    """Return a tensor in place of a refused layer's output, so that the layers after it are examined too; None if its size is unknown."""
    known = [size for size in sizes if size is not None]
    return natural(name, known) if len(known) == len(sizes) else None
