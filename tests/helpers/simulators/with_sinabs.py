"""sinabs: integrate-and-fire neurons with reset by subtraction, which send as many spikes as the potential holds thresholds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from sinabs.activation import MaxSpike, SingleSpike
from sinabs.layers import IAFSqueeze
from sinabs.nir import from_nir

from ecc_lava.common import Array
from tests.helpers.simulators import Simulator, Spikes
from tests.helpers.simulators.reading import in_order, read, starts, watched

__all__ = ["SIMULATOR"]


def _modules(model: Any) -> dict[str, Any]:
    return {name: module for name, module in model.named_modules() if isinstance(module, IAFSqueeze)}


def _run(model: Any, x: Array) -> Spikes:
    model = model.double()
    seen = watched(_modules(model))
    with torch.no_grad():
        model(torch.from_numpy(x.reshape(-1, *x.shape[2:])))
    return {name: found[0].reshape(*x.shape[:2], -1) for name, found in seen.items()}


def _as_read(path: Path, x: Array) -> Spikes:
    return _run(from_nir(read(path), batch_size=len(x), num_timesteps=x.shape[1]), x)


def _as_set(path: Path, x: Array) -> Spikes:
    graph = read(path)
    model = in_order(from_nir(graph, batch_size=len(x), num_timesteps=x.shape[1]))
    begin = starts(graph)
    for name, module in _modules(model).items():
        bits = json.loads(graph.nodes[name].metadata["ecc_lava"]["json"])["payload_bits"]
        module.min_v_mem = None
        module.spike_fn = SingleSpike if bits == 1 else MaxSpike(2**bits - 1)
        module.init_state_with_shape((len(x), *begin[name].shape))
        module.v_mem = begin[name].expand(len(x), *begin[name].shape).clone()
    return _run(model, x)


SIMULATOR = Simulator(
    _as_read,
    _as_set,
    "nodes in order; min_v_mem = None, spike_fn = SingleSpike (MaxSpike(m) for payloads up to m), v_mem = v_init",
    has_payloads=True,
)
