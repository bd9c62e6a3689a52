"""How Keras holds a functional model: its calls in order, models that are layers, and the axis of channels."""

from __future__ import annotations

from typing import Any

from ecc_lava.importers.keras.framework import keras_package

__all__ = ["inner_model", "mask_of", "ordered", "reads_channels_first", "sources_of"]

_CHANGES_AXES = frozenset({"Flatten", "Moveaxis", "Permute", "Reshape", "Swapaxes", "Transpose"})
"""Layers and operations that change which axes a tensor has."""


def mask_of(node: Any) -> Any:
    """Return the tensor that a call takes as a mask, which Keras passes behind a Masking layer; None if there is none."""
    mask = node.arguments.kwargs.get("mask")
    return mask if any(mask is tensor for tensor in node.input_tensors) else None


def sources_of(node: Any) -> list[Any]:
    """Return the tensors that a call reads, without its mask."""
    mask = mask_of(node)
    return [tensor for tensor in node.input_tensors if tensor is not mask]


def ordered(model: Any) -> list[Any]:
    """Return the nodes that a model's outputs need, sources first; operations that only make masks are left out."""
    nodes = [node for depth in sorted(model._nodes_by_depth, reverse=True) for node in model._nodes_by_depth[depth]]
    needed, kept = {id(tensor) for tensor in model.outputs}, []
    for node in reversed(nodes):
        if any(id(tensor) in needed for tensor in node.output_tensors):
            needed.update(map(id, sources_of(node)))
            kept.append(node)
    return kept[::-1]


def inner_model(layer: Any) -> Any:
    """Return a layer's functional model if the layer is a model, else None."""
    keras = keras_package()

    if isinstance(layer, keras.Sequential):
        return layer._functional
    return layer if isinstance(layer, keras.Model) and hasattr(layer, "_nodes_by_depth") else None


def reads_channels_first(model: Any, tensor: Any) -> bool:
    """Whether a tensor reaches a layer with `data_format` first that takes channels first.

    The answer only decides how the graph holds the tensor: a layer that needs another order moves the numbers.
    """
    reached = {id(tensor)}
    for node in ordered(model):
        read = [index for index, source in enumerate(node.input_tensors) if id(source) in reached]
        if not read or not node.input_tensors or type(node.operation).__name__ in _CHANGES_AXES:
            continue
        inner = inner_model(node.operation)
        if inner is not None:
            return any(reads_channels_first(inner, inner.inputs[index]) for index in read)
        data_format = getattr(node.operation, "data_format", None)
        if data_format is not None:
            return bool(data_format == "channels_first")
        reached.update(id(made) for made in node.output_tensors)
    return False
