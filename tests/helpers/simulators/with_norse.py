"""norse: `IF` resets to a value; reset by subtraction exists for `CubaLIF`, whose leaks can be made exact zeros."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nir
import norse.torch
import numpy as np
import torch
from nirtorch.graph_executor import GraphExecutorState
from norse.torch.functional.lif_box import LIFBoxFeedForwardState
from norse.torch.functional.reset import reset_subtract

from ecc_lava.common import Array
from tests.helpers.simulators import Simulator, Spikes
from tests.helpers.simulators.reading import in_order, neurons, read, starts, watched

__all__ = ["SIMULATOR"]

DT = 2.0**-10
SLOW = 2.0**60
"""Steps of the time constant: a 2**60th of a number is nothing beside it in 64 bits, and a power of two multiplies exactly."""


def _run(model: Any, names: list[str], begin: dict[str, Any], x: Array) -> Spikes:
    model = model.double()
    seen = watched({name: getattr(model, name) for name in names})
    with torch.no_grad():
        for image in x:
            state = GraphExecutorState(state=dict(begin)) if begin else None
            for step in image:
                _, state = model(torch.from_numpy(step), state)
    return {name: np.stack(found).reshape(*x.shape[:2], -1) for name, found in seen.items()}


def _as_read(path: Path, x: Array) -> Spikes:
    graph = read(path)
    return _run(norse.torch.from_nir(graph), neurons(graph), {}, x)


def _as_set(path: Path, x: Array) -> Spikes:
    graph = read(path)
    begin, names = starts(graph), neurons(graph)
    for name in names:
        vth = graph.nodes[name].v_threshold
        one, zero = np.ones_like(vth), np.zeros_like(vth)
        graph.nodes[name] = nir.CubaLIF(
            tau_syn=DT * one, tau_mem=DT * SLOW * one, r=SLOW * one, v_leak=zero, v_threshold=vth, v_reset=zero, w_in=one
        )
    model = in_order(norse.torch.from_nir(graph, reset_method=reset_subtract, dt=DT))
    return _run(model, names, {name: ((None, LIFBoxFeedForwardState(begin[name])),) for name in names}, x)


SIMULATOR = Simulator(
    _as_read,
    _as_set,
    "IF written as CubaLIF: tau_syn = dt, tau_mem = 2**60 dt, r = 2**60; nodes in order; reset_method = reset_subtract, dt = 2**-10, "
    "state v = v_init",
)
