"""The activation sign(x) of binarised networks, as nodes of a graph."""

from __future__ import annotations

import numpy as np

from ecc_lava.graph.nodes import Add, Node, Scale, Step

__all__ = ["sign_nodes"]


def sign_nodes(name: str, source: str, channels: int) -> list[Node]:
    """Return the nodes of sign(x) = H(x) - H(-x), of which the last is called `name`."""
    one, zero = np.ones(channels), np.zeros(channels)
    return [
        Step(f"{name}.up", source),
        Scale(f"{name}.minus", source, -one, zero),
        Step(f"{name}.down", f"{name}.minus"),
        Scale(f"{name}.negated", f"{name}.down", -one, zero),
        Add(name, (f"{name}.up", f"{name}.negated")),
    ]
