"""Networks that other simulators write, and what they make of binary spikes themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nir
import numpy as np
import sinabs.layers
import snntorch
import torch
from sinabs.activation import SingleSpike
from sinabs.nir import to_nir
from snntorch.export_nir import export_to_nir
from torch import nn

from ecc_lava.common import Array
from tests.helpers.simulators import Spikes
from tests.helpers.simulators.reading import watched

__all__ = ["SHAPE", "WRITERS"]

SHAPE = (2, 16, 16)
"""(C, H, W) of the input of every network."""

VTH = 0.7


def _sinabs(path: Path, x: Array) -> Spikes:
    """Write a network of sinabs with strides, a pool and layers with and without biases; return its spikes."""
    torch.manual_seed(1)

    def iaf() -> Any:
        return sinabs.layers.IAFSqueeze(batch_size=len(x), spike_fn=SingleSpike, spike_threshold=torch.tensor(VTH))

    layers = (nn.Conv2d(2, 6, 3, stride=2, padding=1), iaf(), sinabs.layers.SumPool2d(2), nn.Conv2d(6, 8, 3, bias=False), iaf())
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(32, 10), iaf())
    steps = torch.from_numpy(x.reshape(-1, *SHAPE).astype(np.float32))
    model(steps)  # its neurons learn their shapes
    graph = to_nir(model, steps)
    graph.infer_types()
    nir.write(path, graph)
    model = model.double()
    for module in model.modules():
        if isinstance(module, sinabs.layers.IAFSqueeze):
            module.reset_states()
    seen = watched({name: module for name, module in model.named_children() if isinstance(module, sinabs.layers.IAFSqueeze)})
    with torch.no_grad():
        model(steps.double())
    return {name: found[0].reshape(*x.shape[:2], -1) for name, found in seen.items()}


def _snntorch(path: Path, x: Array) -> Spikes:
    """Write a network of snnTorch with neurons that do not leak and a pool; return its spikes."""
    torch.manual_seed(2)

    def neurons(*shape: int) -> Any:
        return snntorch.Leaky(beta=torch.ones(shape), threshold=torch.full(shape, VTH), init_hidden=True)

    layers = (nn.Conv2d(2, 6, 3), neurons(6, 14, 14), nn.AvgPool2d((2, 2)), nn.Flatten(0), nn.Linear(6 * 7 * 7, 5), neurons(5))
    model = nn.Sequential(*layers)
    nir.write(path, export_to_nir(model, torch.zeros(SHAPE)))
    model = model.double()
    named = {name: module for name, module in model.named_children() if isinstance(module, snntorch.Leaky)}
    seen = watched(named)
    with torch.no_grad():
        for image in torch.from_numpy(x):
            for module in named.values():
                module.mem = torch.zeros_like(module.beta)
            for step in image:
                model(step)
    return {name: np.stack(found).reshape(*x.shape[:2], -1) for name, found in seen.items()}


WRITERS: dict[str, Callable[[Path, Array], Spikes]] = {"sinabs": _sinabs, "snntorch": _snntorch}
"""A simulator -> function (file to write, binary spikes (N, T, C, H, W)) that returns what the network sends."""
