"""How the cost of the fast back end grows."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecc_lava.backends.fast.run import fast
from ecc_lava.common.arrays import Array
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.geometry import Conv, Dense
from ecc_lava.inputs import InputCoding
from ecc_lava.networks import QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from ecc_lava.networks.wiring import Kind
from tests.benchmarks.timing import PLAIN, first_of, medians, ms_of_fast, synops_into, using_kernels


def growth(network: QuantisedNetwork, q: dict[str, Array], repeats: int) -> dict[str, Any]:
    """Show how cost grows with T, activity, width and image size."""

    def measure(of: QuantisedNetwork, inputs: dict[str, Array], steps: int) -> float:
        return medians({"": lambda: ms_of_fast(of, inputs, steps, using_kernels())}, repeats)[""]

    by_steps = {t: measure(replace(network, timesteps=t), first_of(q, 20), t) for t in (8, 16, 32, 64, 128, 256)}
    by_activity = {a: _rate(one_layer(32, 64, a), repeats) for a in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)}
    by_width = {c: _rate(one_layer(16, c, 0.08), repeats) for c in (16, 32, 64, 128, 256, 512)}
    by_size = {s: _rate(one_layer(s, 64, 0.08), repeats) for s in (8, 16, 32, 64, 128)}
    return {
        "timesteps: ms per image and step": by_steps,
        "activity of a 64->64 layer on 32x32": by_activity,
        "channels on 16x16 at 8 %": by_width,
        "side at 64 channels and 8 %": by_size,
    }


def one_layer(side: int, channels: int, activity: float) -> QuantisedNetwork:
    """Return a network whose one 3x3 layer reads a population of given activity."""
    rng = np.random.default_rng(0)
    zero, vth, shape = np.zeros((1, 1, 1), np.int32), np.full((1, 1, 1), 1000, np.int32), (side, side, channels)
    bias, start = np.full((1, 1, channels), int(activity * 1000), np.int32), rng.integers(0, 1000, shape).astype(np.int32)
    populations = (
        QuantisedPopulation("input", (side, side, 1), Kind.INPUT, 0, zero, zero, zero),
        QuantisedPopulation("source", shape, Kind.IF, 1, bias, vth, start),
        QuantisedPopulation("target", shape, Kind.IF, 2, zero, vth * 4000, zero),
        QuantisedPopulation("readout", (1, 1, 1), Kind.READOUT, 3, zero, zero, zero),
    )
    kernel = rng.integers(-127, 128, (3, 3, channels, channels)).astype(np.int8)
    wires = (
        QuantisedProjection("input", "source", 0, -6, Conv(np.zeros((1, 1, 1, channels), np.int8))),
        QuantisedProjection("source", "target", 0, -6, Conv(kernel, padding=(1, 1, 1, 1))),
        QuantisedProjection("target", "readout", 0, -6, Dense(np.zeros((side * side * channels, 1), np.int8))),
    )
    return QuantisedNetwork(populations, wires, LOIHI2, 8, (InputCoding(),), 32, (1.0,))


def _rate(network: QuantisedNetwork, repeats: int) -> dict[str, float]:
    """Return ms and Gsynop/s of the whole of a one-layer network, its source's neurons included, on all cores."""
    q = {"input": np.zeros((8, *network.input.shape), np.uint8)}
    ms = medians({"": lambda: ms_of_fast(network, q, 32, using_kernels())}, repeats)[""]
    synops = synops_into(network, fast(network, q, 32, PLAIN))["target"]
    return {"ms": ms, "gsynop_s": synops / 8 / 32 / ms / 1e6}
