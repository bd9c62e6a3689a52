"""Random functional Keras models over every layer and operation that `from_keras` knows: one line of a table for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from tests.helpers.keras_layers import (
    LAYERS,
    SHARED,
    Drawn,
)
from tests.helpers.keras_operations import OPERATIONS

__all__ = ["NOT_GENERATED", "RECIPES", "Generated", "Recipe", "generated", "randomise"]

SIZE_MAX = 400
"""Most numbers of a tensor that layers are added to."""

NOT_GENERATED = {
    "Abs": "older Keras's name of Absolute",
    "Divide": "keras.ops.divide; `/` makes a TrueDivide, with the same handler",
    "Masking": "layers that read its mask are refused; test_keras_wrappers has it",
    "Sigmoid": "at the output only, where Softmax is drawn",
    "Softmax": "at the output only: drawn there",
}
"""Handlers that no line draws, and why."""


class Generated(NamedTuple):
    """A random model, the same without the softmax at its outputs, and the classes of what is in it."""

    model: Any
    plain: Any
    lines: tuple[str, ...]


def _read_by(tensor: Any) -> set[int]:
    """Return the ids of all tensors that a tensor depends on, itself included."""
    found: set[int] = set()
    waiting = [tensor]
    while waiting:
        x = waiting.pop()
        if id(x) not in found:
            found.add(id(x))
            history = x._keras_history
            waiting += history.operation._inbound_nodes[history.node_index].input_tensors
    return found


def _callable_again(keras: Any, tensors: Sequence[Any], x: Any) -> list[Any]:
    """Return the layers with weights that were called on one tensor of x's shape."""
    made_by = [(t._keras_history.operation, t._keras_history.node_index) for t in tensors]
    sources = [
        (layer, layer._inbound_nodes[index].input_tensors) for layer, index in made_by if isinstance(layer, keras.Layer) and layer.weights
    ]
    return [layer for layer, read in sources if len(read) == 1 and read[0].shape == x.shape]


class Recipe(NamedTuple):
    """What a model is built from; fewer layers of one seed are the first ones of the same model."""

    seed: int
    layers: int


RECIPES = st.builds(Recipe, seed=st.integers(0, 2**32 - 1), layers=st.integers(3, 12))


def generated(recipe: Recipe) -> Generated:
    """Build a model of some layers with one or two inputs and up to three outputs; tensors are read by any number of layers."""
    import keras

    rng = np.random.default_rng(recipe.seed)

    def pick(*options: Any) -> Any:
        return options[rng.integers(len(options))]

    shapes = [(4,), (5, 2), (6, 3), (4, 5, 2), (5, 3, 3)]
    shape = pick(*shapes)
    inputs = [keras.Input(shape) for _ in range(pick(1, 1, 2))]
    tensors, lines = list(inputs), []
    if len(inputs) > 1:
        lines.append(pick("Subtract", "Maximum", "Concatenate"))
        tensors.append(getattr(keras.layers, lines[0])()(inputs))
    table = [*LAYERS.items(), *OPERATIONS.items()]
    while len(lines) < recipe.layers:
        x = tensors[-1] if pick(True, True, False) else pick(*tensors)
        again = _callable_again(keras, tensors, x)
        if again and pick(True, False):
            y, name = pick(*again)(x), SHARED
        else:
            alike, beside = [t for t in tensors if t.shape == x.shape], [t for t in tensors if len(t.shape) == len(x.shape)]
            name, line = pick(*[(name, line) for name, line in table if len(x.shape) - 1 in line.axes])
            try:
                y = line.build(Drawn(pick, keras.layers, keras.ops, x, pick(*alike), pick(*beside)))
            except (ValueError, IndexError, TypeError):  # Keras's own refusal of sizes and types
                continue
        if 1 < len(y.shape) <= 4 and 0 < np.prod(y.shape[1:]) <= SIZE_MAX:
            tensors.append(y)
            lines.append(name)
    inner = tensors[len(inputs) :]
    outputs = [inner[-1], *(pick(*inner) for _ in range(pick(0, 0, 1, 2)))]
    ends = [keras.layers.Softmax()(y) if pick(True, False, False) else y for y in outputs]
    needed = set().union(*map(_read_by, outputs))
    used = [x for x in inputs if id(x) in needed]
    return Generated(keras.Model(used, ends), keras.Model(used, outputs), tuple(lines))


def randomise(model: Any) -> None:
    """Give every weight a random value that float32 holds; variances stay positive."""
    rng = np.random.default_rng(0)
    for variable in model.variables:
        if "seed" not in variable.path:
            positive = variable.name in ("moving_variance", "variance")
            values = rng.uniform(0.2, 2.0, variable.shape) if positive else rng.normal(0, 0.5, variable.shape)
            variable.assign(values.astype(np.float32))
