"""Names and wiring in descriptions of Keras 2: names with "/", and the numbers of the calls of inner models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

__all__ = ["count_calls_from_0", "objects_of", "without_slashes"]

_MODELS: Final = ("Functional", "Model", "Sequential")


def objects_of(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object with a class in a description, outer ones first."""
    stack = [value]
    while stack:
        found = stack.pop()
        if isinstance(found, dict):
            if isinstance(found.get("class_name"), str):
                yield found
            stack.extend(reversed(found.values()))
        elif isinstance(found, list):
            stack.extend(reversed(found))


def _references(value: Any) -> Iterator[list[Any]]:
    """Yield every reference to a tensor, [layer, call, tensor, ...]."""
    stack = [value]
    while stack:
        found = stack.pop()
        if isinstance(found, list):
            if len(found) >= 3 and isinstance(found[0], str) and all(type(number) is int for number in found[1:3]):
                yield found
            stack.extend(found)
        elif isinstance(found, dict):
            stack.extend(found.values())


def count_calls_from_0(inner: dict[str, Any], said: Counter[str]) -> None:
    """Count the calls of the models inside a model from 0, in place; Keras 2 counts the making of an inner model as its call 0.

    Keras 3 does so too for a Functional that is an output, and for nothing else.
    """
    layers = inner.get("layers")
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        return
    models = {layer.get("name"): layer["class_name"] for layer in layers if layer.get("class_name") in _MODELS}
    calls = [layer.get("inbound_nodes") for layer in layers]
    if not models or any(isinstance(call, dict) for nodes in calls if isinstance(nodes, list) for call in nodes):
        return  # none inside, or Keras 3's own way of writing calls
    within, ends = list(_references(calls)), list(_references(inner.get("output_layers")))
    shifted = [found for found in within if found[0] in models] + [found for found in ends if models.get(found[0]) == "Sequential"]
    from_0 = {found[0] for found in shifted if found[1] == 0}
    for found in shifted:
        if found[0] not in from_0:
            found[1] -= 1
            said["calls of inner models count from 0"] += 1


def without_slashes(description: dict[str, Any], said: Counter[str]) -> None:
    """Replace "/" in the names of layers, wherever a name stands; weights are found by their order."""
    named = [place for found in objects_of(description) for place in (found, found.get("config")) if isinstance(place, dict)]
    names = [place["name"] for place in named if isinstance(place.get("name"), str)]
    taken, new = set(names), {}
    for name in dict.fromkeys(names):
        if "/" in name:
            plain = free = name.replace("/", "_")
            count = 1
            while free in taken:
                count += 1
                free = f"{plain}_{count}"
            taken.add(free)
            new[name] = free
    for place in named:
        if place.get("name") in new:
            place["name"] = new[place["name"]]
    if new:
        said['"/" becomes "_" in names'] += len(new)
        for found in _references(description):
            found[0] = new.get(found[0], found[0])
