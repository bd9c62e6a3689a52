"""How Keras keeps a functional model: its calls in order, models that are layers, and which axis its layers take for channels."""

from __future__ import annotations

from typing import Any

__all__ = ["inner_model", "ordered", "reads_channels_first"]

_OTHER_ORDER = frozenset({"Flatten", "Moveaxis", "Permute", "Reshape", "Swapaxes", "Transpose"})
"""Layers and operations after which a tensor's axes are others."""


def ordered(model: Any) -> list[Any]:
    """Return a model's nodes, sources first."""
    return [node for depth in sorted(model._nodes_by_depth, reverse=True) for node in model._nodes_by_depth[depth]]


def inner_model(layer: Any) -> Any:
    """Return the functional model that a layer is, or None."""
    import keras

    if isinstance(layer, keras.Sequential):
        return layer._functional
    return layer if isinstance(layer, keras.Model) and hasattr(layer, "_nodes_by_depth") else None


def reads_channels_first(model: Any, tensor: Any) -> bool:
    """Whether the first layer with a data_format that a tensor reaches takes channels first.

    It only decides how the graph holds the tensor: what needs it otherwise moves the numbers.
    """
    reached = {id(tensor)}
    for node in ordered(model):
        read = [index for index, source in enumerate(node.input_tensors) if id(source) in reached]
        if not read or not node.input_tensors or type(node.operation).__name__ in _OTHER_ORDER:
            continue
        inner = inner_model(node.operation)
        if inner is not None:
            return any(reads_channels_first(inner, inner.inputs[index]) for index in read)
        data_format = getattr(node.operation, "data_format", None)
        if data_format is not None:
            return bool(data_format == "channels_first")
        reached.update(id(made) for made in node.output_tensors)
    return False
