"""SpikingJelly: neurons with one threshold a layer and reset to a value, or by subtraction where the value is None."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from spikingjelly.activation_based.nir_exchange import import_from_nir

from ecc_lava.common import Array
from tests.helpers.simulators import Simulator, Spikes
from tests.helpers.simulators.reading import neurons, one_threshold, read, starts, thresholds, watched

__all__ = ["SIMULATOR"]


def _run(model: Any, names: list[str], state: dict[str, Any], x: Array) -> Spikes:
    seen = watched({name: getattr(model, name) for name in names})
    with torch.no_grad():
        for t in range(x.shape[1]):
            _, state = model(torch.from_numpy(x[:, t]), state)
    return {name: np.stack(found, 1).reshape(*x.shape[:2], -1) for name, found in seen.items()}


def _as_read(path: Path, x: Array) -> Spikes:
    graph = read(path)
    model = import_from_nir(graph, dt=1.0, dtype=torch.float64)
    return _run(model, neurons(graph), {name: None for name, _ in model.named_children()}, x)


def _as_set(path: Path, x: Array) -> Spikes:
    graph = read(path)
    vth, begin, names = thresholds(graph), starts(graph), neurons(graph)
    model = import_from_nir(one_threshold(graph), dt=1.0, dtype=torch.float64)
    state: dict[str, Any] = {name: None for name, _ in model.named_children()}
    for name in names:
        neuron = getattr(model, name).module
        neuron.v_reset, neuron.v_threshold = None, vth[name]
        state[name] = (begin[name].expand(len(x), *begin[name].shape).clone(),)
    return _run(model, names, state, x)


SIMULATOR = Simulator(_as_read, _as_set, "dt = 1, v_threshold by neuron (read as 1), v_reset = None, state v = v_init")
