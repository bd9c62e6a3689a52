"""From a Keras model to a Graph: wiring from the model's own tensors, never from layer names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ecc_lava.common import Array
from ecc_lava.errors import EccLavaError, InvalidInput, InvalidNetwork, UnsupportedModel
from ecc_lava.graph import Final, Graph, Input, Node, nodes_for_outputs
from ecc_lava.importers.keras.call import Call, Refused, Tensor, natural
from ecc_lava.importers.keras.handlers.shapes import augmentation
from ecc_lava.importers.keras.models import inner_model, ordered, reads_channels_first
from ecc_lava.importers.keras.nodes import rescales_itself, with_name
from ecc_lava.importers.keras.remedies import unsupported
from ecc_lava.importers.keras.table import HANDLERS, OPERATORS

__all__ = ["ExaminedLayer", "examined", "from_keras"]


@dataclass(frozen=True)
class ExaminedLayer:
    """One call of a layer or operation of a Keras model.

    Attributes
    ----------
    name : str
        With the path of the models it lies in, and the number of the call if there are several.
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


def from_keras(model: Any) -> Graph:
    """Return a Keras model as a graph of affine and piecewise-linear nodes.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional, built; its inputs and outputs keep their order and names.

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
    """Return every call of a model's layers in order, and the graph, or the error that names those that cannot be converted.

    Raises
    ------
    InvalidInput, InvalidNetwork
        As `from_keras`.
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
    imported = _Import()
    try:
        result: Graph | UnsupportedModel = imported.graph(model)
    except UnsupportedModel as refusal:
        result = refusal
    return tuple(imported.layers), result


def _input(tensor: Any, name: str, channels_first: bool) -> Tensor:
    sizes = tuple(tensor.shape)[1:]
    if any(size is None for size in sizes):
        raise InvalidInput(f"the input {name!r} has the unknown size {tensor.shape}; give the model a fixed input shape")
    if not 1 <= len(sizes) <= 3:
        raise Refused(f"its tensor has {len(sizes) + 1} axes; images (N, H, W, C), signals (N, L, C) and vectors (N, C) are supported")
    return natural(name, sizes, channels_first and len(sizes) > 1)


def _tensors_only(node: Any) -> None:
    """Refuse a layer called with anything but tensors of the model, such as ``training=True``."""
    tensors = {id(tensor) for tensor in node.input_tensors}
    others = [value for value in node.arguments._flat_arguments if id(value) not in tensors and value is not None and value is not False]
    if others:
        given = " ".join(str(others[0]).split())[:40]
        raise Refused(f"it is called with the constant {given}; use a Rescaling layer for a constant, and training=True nowhere")


class _Import:
    """One walk over a functional model's operations in topological order, and over the models inside it."""

    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._names: set[str] = set()
        self._weights: dict[int, tuple[Any, Array]] = {}
        self._offences: dict[tuple[str, str], None] = {}  # in order, each once
        self.layers: list[ExaminedLayer] = []

    def graph(self, model: Any) -> Graph:
        given: list[Tensor | None] = []
        for tensor in model.inputs:
            name = tensor._keras_history.operation.name
            try:
                x = _input(tensor, name, reads_channels_first(model, tensor))
                given.append(x)
                self._nodes.append(Input(name, x.shape, x != natural(name, x.sizes)))
                self.layers.append(ExaminedLayer(name, "InputLayer", (name,)))
            except Refused as refusal:
                given.append(None)
                self._refuse(name, name, "InputLayer", refusal)
            self._names.add(name)
        tensors = self._walk(model, given, "")
        made = [tensor for tensor in tensors if tensor is not None]
        refused = bool(self._offences) or len(made) < len(tensors)
        outputs = [tensor.name for tensor in made] if refused else self._outputs(model, made)
        self._nodes = self._nodes if refused else nodes_for_outputs(self._nodes, outputs)
        self._check_final(outputs)
        if self._offences:
            raise UnsupportedModel(tuple(self._offences), tuple(sorted(HANDLERS)))
        return Graph(tuple(self._nodes), 1.0 if rescales_itself(self._nodes) else 1.0 / 255.0, tuple(outputs))

    def _outputs(self, model: Any, tensors: list[Tensor]) -> list[str]:
        """Give every output a node of its own in Keras's order of its numbers, named as Keras names it; return the names."""
        outputs: list[str] = []
        for tensor in tensors:
            node = next(node for node in self._nodes if node.name == tensor.name)
            in_order = tensor.axes is None or tensor.axes == natural("", tensor.sizes).axes
            outputs.append(tensor.name)
            if not in_order or tensor.name in outputs[:-1] or isinstance(node, Input):
                call = Call(None, tensor.name, (), taken=self._names)
                logits = replace(tensor, name=node.source) if isinstance(node, Final) else tensor
                x = call.moved(logits, lambda places: places)
                outputs[-1] = self._free(f"{tensor.name}.output")
                call.finish(call.final(x, type(node)) if isinstance(node, Final) else x, outputs[-1])
                self._written(call)
                at = next(index for index, layer in enumerate(self.layers) if tensor.name in layer.nodes)
                nodes = (*self.layers[at].nodes, *(written.name for written in call.nodes))
                self.layers[at] = replace(self.layers[at], nodes=nodes)
        for index, wanted in enumerate(model.output_names):
            inputs = {node.name for node in self._nodes if isinstance(node, Input)}
            if wanted not in inputs.union(outputs):
                self._rename(wanted, self._free(f"{wanted}.map"))
                self._rename(outputs[index], wanted)
                outputs[index] = wanted
        return outputs

    def _refuse(self, name: str, path: str, kind: str, refusal: Refused) -> None:
        self.layers.append(ExaminedLayer(name, kind, reason=str(refusal)))
        self._offences[f"{path} ({kind})", str(refusal)] = None

    def _free(self, name: str) -> str:
        """Return a name that no node has."""
        number, free = 0, name
        while free in self._names:
            number += 1
            free = f"{name}_{number}"
        return free

    def _rename(self, old: str, new: str) -> None:
        if old in self._names:
            self._nodes = [with_name(node, old, new) for node in self._nodes]
            self._names = self._names - {old} | {new}
            self.layers = [replace(layer, nodes=tuple(new if node == old else node for node in layer.nodes)) for layer in self.layers]

    def _written(self, call: Call) -> None:
        self._nodes.extend(call.nodes)
        self._names.update(node.name for node in call.nodes)

    def _walk(self, model: Any, inputs: list[Tensor | None], prefix: str) -> list[Tensor | None]:
        """Write the nodes of a model called on tensors and return what it makes; None stands for what cannot be converted."""
        made: dict[int, Tensor | None] = {id(tensor): given for tensor, given in zip(model.inputs, inputs, strict=True)}
        nodes = ordered(model)
        for node in nodes:
            if all(id(tensor) in made for tensor in node.output_tensors):
                continue
            layer = node.operation
            calls = [call for call in layer._inbound_nodes if any(call is other for other in nodes)]
            name = prefix + (layer.name if len(calls) < 2 else f"{layer.name}.{calls.index(node)}")
            sources = [made[id(tensor)] for tensor in node.input_tensors]
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
            _tensors_only(node)
        except Refused as refusal:
            self._refuse(name, name, type(node.operation).__name__, refusal)
        return self._walk(inner, sources, f"{name}.")

    def _convert(
        self, node: Any, name: str, path: str, sources: list[Tensor | None], made: dict[int, Tensor | None]
    ) -> list[Tensor | None]:
        """Write the nodes of one call of a layer or operation, or note why that cannot be."""
        layer, kind = node.operation, type(node.operation).__name__
        operator = type(layer).__module__.startswith("keras.src.ops.")
        handler = (OPERATORS if operator else HANDLERS).get(kind)
        targets = [tuple(tensor.shape)[1:] for tensor in node.output_tensors]
        try:
            if handler is None or not type(layer).__module__.startswith("keras."):
                raise Refused(unsupported(kind))
            if getattr(layer, "quantization_mode", None) is not None:
                raise Refused("its weights are quantised by Keras; give the model as it was before that")
            if not operator and handler is not augmentation:
                _tensors_only(node)
            inputs = tuple(source for source in sources if source is not None)
            if len(inputs) < len(sources):
                self.layers.append(ExaminedLayer(name, kind))
                return [None] * len(targets)  # the layers before it are named
            name = self._free(name)
            call = Call(layer, name, inputs, _arguments(node, made), str(node.input_tensors[0].dtype), self._names, self._weights)
            results = handler(call)
            if isinstance(results, Tensor):
                finished: list[Tensor] = [call.finish(results, name)]
            else:
                finished = [call.finish(result, self._free(f"{name}.{index}")) for index, result in enumerate(results)]
        except Refused as refusal:
            self._refuse(name, path, kind, refusal)
            return [_stand_in(name, target) for target in targets]
        except EccLavaError as error:
            raise type(error)(f"layer {path} ({kind}): {error}") from error
        for target, result in zip(targets, finished, strict=True):
            if len(target) != len(result.sizes) or any(n not in (None, size) for n, size in zip(target, result.sizes, strict=True)):
                raise InvalidNetwork(f"layer {path} ({kind}): Keras makes a tensor of {target} here, the conversion one of {result.sizes}")
        self._written(call)
        self.layers.append(ExaminedLayer(name, kind, tuple(written.name for written in call.nodes)))
        return [*finished]

    def _check_final(self, outputs: list[str]) -> None:
        """Report every softmax or sigmoid that is not an output, or that something reads."""
        read = {source for node in self._nodes for source in node.sources}
        for node in self._nodes:
            if isinstance(node, Final) and (node.name not in outputs or node.name in read):
                at = next(index for index, layer in enumerate(self.layers) if node.name in layer.nodes)
                self.layers[at] = replace(
                    self.layers[at], reason="softmax and sigmoid are supported at the output only; replace it by relu"
                )
                self._offences[f"{self.layers[at].name} ({self.layers[at].kind})", self.layers[at].reason] = None


def _arguments(node: Any, made: dict[int, Tensor | None]) -> tuple[Any, ...]:
    """Return a call's arguments with the graph's tensors in place of Keras's."""

    def replaced(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [replaced(item) for item in value]
        return made.get(id(value), value)

    return tuple(replaced(value) for value in (*node.arguments.args, *node.arguments.kwargs.values()))


def _stand_in(name: str, sizes: tuple[int | None, ...]) -> Tensor | None:
    """Return a tensor in place of one that is refused, so that the layers after it are looked at too."""
    known = [size for size in sizes if size is not None]
    return natural(name, known) if len(known) == len(sizes) else None
