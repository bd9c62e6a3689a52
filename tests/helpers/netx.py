"""Networks that netx can say, and a netx file in lava-dl: its own reader's network, run on Lava's CPU models."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ecc_lava.common import Array
from ecc_lava.geometry import Conv, with_kernel
from ecc_lava.networks import QuantisedNetwork
from tests.helpers.networks import random_network, recoded

__all__ = ["netx_chain", "read_and_run"]


def netx_chain(seed: int, coding: str = "rate") -> QuantisedNetwork:
    """Return a generated chain of layers with one threshold each, and without factors of single positions; of graded inputs, quiet ones."""
    network = recoded(random_network(seed, layers=3), coding)
    weaker = 16 if coding == "graded" else 1
    populations = tuple(replace(p, vth=np.full((1, 1, 1), p.vth.flat[0], np.int32)) for p in network.populations)
    projections = [replace(q, geometry=replace(q.geometry, gain=None)) if isinstance(q.geometry, Conv) else q for q in network.projections]
    projections = [
        replace(q, geometry=with_kernel(q.geometry, q.geometry.kernel // weaker)) if q.source == network.input.name else q
        for q in projections
    ]
    return replace(network, populations=populations, projections=tuple(projections))


def read_and_run(path: Path, sent: Array) -> tuple[dict[str, Array], Array]:
    """Return what lava-dl's reader makes of one image.

    Parameters
    ----------
    path : path
    sent : array (T, H, W, C)
        What the input sends.

    Returns
    -------
    spikes : layer -> array (T, H, W, C) or (T, K), in the steps in which the layer works
    readout : array (K,), the last layer's potential after them
    """
    from lava.lib.dl.netx import hdf5
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source

    with h5py.File(path) as file:
        facts = json.loads(file.attrs["ecc_lava"])
    network: Any = hdf5.Network(net_config=str(path), **facts["Network"])
    timesteps, names = facts["timesteps"], facts["populations"]
    steps = timesteps + len(names)
    data = np.zeros((*network.inp.shape, steps), np.int32)
    data[..., :timesteps] = sent.transpose(2, 1, 3, 0).reshape(*network.inp.shape, timesteps)  # (W, H, C)
    source: Any = Source(data=data)
    source.s_out.connect(network.inp)
    sinks: list[Any] = []
    for layer in network.layers:
        sinks.append(Sink(shape=layer.out.shape, buffer=steps + 1))
        layer.out.connect(sinks[-1].a_in)
    network.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    recorded = [sink.data.get() for sink in sinks]
    readout = network.layers[-1].neuron.v.get()
    network.stop()
    spikes = {}
    for number, (name, raster) in enumerate(zip(names, recorded, strict=True)):
        window = raster[..., number + 1 : number + 1 + timesteps]
        spikes[name] = window.transpose(3, 1, 0, 2) if window.ndim == 4 else window.T
    return spikes, readout
