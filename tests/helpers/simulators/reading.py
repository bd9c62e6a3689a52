"""What the simulators share: the neurons of a file, and what passes a module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch

from ecc_lava.common import Array

__all__ = ["in_order", "neurons", "one_threshold", "read", "starts", "thresholds", "watched"]


def read(path: Path) -> Any:
    """Return the graph of a file, with tuples where readers want them."""
    return nir.read(path, type_check=False)


def neurons(graph: Any) -> list[str]:
    return [name for name, node in graph.nodes.items() if isinstance(node, nir.IF)]


def starts(graph: Any) -> dict[str, torch.Tensor]:
    """Return what potentials are before a sample, as the metadata say."""
    told = {name: graph.nodes[name].metadata["ecc_lava"]["v_init"] for name in neurons(graph)}
    return {name: torch.as_tensor(np.asarray(v), dtype=torch.float64) for name, v in told.items()}


def thresholds(graph: Any) -> dict[str, torch.Tensor]:
    return {name: torch.as_tensor(graph.nodes[name].v_threshold, dtype=torch.float64) for name in neurons(graph)}


def one_threshold(graph: Any) -> Any:
    """Return the graph with all thresholds 1, for readers that ask for one threshold a layer; theirs are set afterwards."""
    for name in neurons(graph):
        graph.nodes[name].v_threshold = np.ones_like(graph.nodes[name].v_threshold)
    return graph


def in_order(model: Any) -> Any:
    """Return a model of `nirtorch.load` that runs every node after all of its sources; left alone, it runs one after the first of them."""
    left, done = list(model.execution_order), []
    while left:
        ready = next(node for node in left if all(source in done for source in model.graph.find_source_nodes_of(node)))
        left.remove(ready)
        done.append(ready)
    model.execution_order = done
    return model


def watched(modules: Mapping[str, Any]) -> dict[str, list[Array]]:
    """Return lists to which every call of a module adds what it sent; it sends 64 bits on, whatever its own functions make."""
    seen: dict[str, list[Array]] = {name: [] for name in modules}

    def keep(name: str) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> Any:
            spikes = output[0] if isinstance(output, tuple) else output
            seen[name].append(spikes.detach().numpy().astype(np.int16))
            return (spikes.double(), *output[1:]) if isinstance(output, tuple) else spikes.double()

        return hook

    for name, module in modules.items():
        module.register_forward_hook(keep(name))
    return seen
