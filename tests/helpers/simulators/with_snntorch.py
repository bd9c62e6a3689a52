"""snnTorch: leaky neurons with one threshold a layer; it reads `IF` as a leak of 0.9, and a batch as a dimension of `Flatten`."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from snntorch.import_nir import import_from_nir

from ecc_lava.common import Array
from tests.helpers.simulators import Simulator, Spikes
from tests.helpers.simulators.reading import neurons, one_threshold, read, starts, thresholds, watched

__all__ = ["SIMULATOR"]


def _model(graph: Any) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):  # the reader prints
        return import_from_nir(graph).double()


def _step(model: Any, x: Array) -> None:
    with torch.no_grad():
        state = {name: None for name, _ in model.named_children()}
        for step in x:
            model(torch.from_numpy(step), state)


def _as_read(path: Path, x: Array) -> Spikes:
    graph = read(path)
    model = _model(graph)
    seen = watched({name: getattr(model, name) for name in neurons(graph)})
    for image in x:
        _step(model, image)
    return {name: np.stack(found).reshape(*x.shape[:2], -1) for name, found in seen.items()}


def _as_set(path: Path, x: Array) -> Spikes:
    graph = read(path)
    vth, begin, names = thresholds(graph), starts(graph), neurons(graph)
    model = _model(one_threshold(graph))
    seen = watched({name: getattr(model, name) for name in names})
    for image in x:
        for name in names:
            neuron = getattr(model, name)
            neuron.beta, neuron.threshold = torch.ones((), dtype=torch.float64), vth[name]
            neuron.init_hidden = neuron.reset_delay = True
            neuron.mem = begin[name] + vth[name] * (begin[name] > vth[name])  # the first step resets what is above
        _step(model, image)
    return {name: np.stack(found).reshape(*x.shape[:2], -1) for name, found in seen.items()}


SIMULATOR = Simulator(
    _as_read,
    _as_set,
    "threshold by neuron (read as 1), beta = 1, init_hidden = reset_delay = True, mem = v_init (+ threshold where above it)",
)
