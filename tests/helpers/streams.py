"""Streams of generated networks, sequences of frames, and what a network does frame by frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecc_lava.backends.activity import ActivityOf
from ecc_lava.backends.stepwise import golden
from ecc_lava.common.arrays import Array, Shape
from ecc_lava.common.neuron import Payload
from ecc_lava.geometry import Conv
from ecc_lava.inputs import changes_of_all
from ecc_lava.networks import Kind, QuantisedNetwork
from tests.helpers.compare import everything
from tests.helpers.networks import ZERO, Neurons, Wire, integer_network, random_network, with_payloads

__all__ = ["frame_by_frame", "random_frame_network", "random_frames", "sent_by", "skip_network"]


def random_frame_network(seed: int, layers: int = 4) -> QuantisedNetwork:
    """Return a random network of payloads at T = 1: by its seed with ranges of channels, two inputs and step populations, or a Sparse."""
    options = {"ranges": seed % 2 == 0, "ports": seed % 3 == 0, "sparse": seed % 5 == 0}
    return _of_pixels(with_payloads(random_network(seed, layers, timesteps=1, **options), seed))


def _of_pixels(network: QuantisedNetwork) -> QuantisedNetwork:
    """Return the network with inputs that send pixels as they are stored."""
    return replace(network, codings=tuple(replace(coding, scale=1 / 255) for coding in network.codings))


def skip_network(number: int) -> QuantisedNetwork:
    """Return a network of payloads at T = 1 in which every population hears every earlier one: skips of all delays from 0 to `number`."""
    rng = np.random.default_rng(0)
    names = ["input", *(f"p{n}" for n in range(number)), "readout"]
    wires = [
        Wire(a, b, -6, Conv(rng.integers(-60, 61, (3, 3, 3, 3)).astype(np.int8), padding=(1, 1, 1, 1)))
        for i, b in enumerate(names)
        for a in names[:i]
    ]

    def neurons(name: str, of: Shape) -> Neurons:
        if name in ("input", "readout"):
            return Neurons(Kind.INPUT) if name == "input" else Neurons(Kind.READOUT, ZERO + 77)
        return Neurons(Kind.IF, rng.integers(-900, 900, of).astype(np.int32), ZERO + 1024, ZERO + 512)

    network = integer_network(dict.fromkeys(names, (4, 5, 3)), wires, neurons, timesteps=1)
    populations = (replace(p, payload=Payload(7)) if p.kind is Kind.IF else p for p in network.populations)
    return _of_pixels(replace(network, populations=tuple(populations)))


def random_frames(network: QuantisedNetwork, samples: int, frames: int, seed: int = 0) -> dict[str, Array]:
    """Return encoded sequences by input, uint8 (N, F, H, W, C): a tenth of the values change from frame to frame, some by little."""
    rng = np.random.default_rng(seed)

    def one(shape: tuple[int, ...]) -> Array:
        q = np.empty((samples, frames, *shape), np.uint8)
        q[:, 0] = rng.integers(0, 256, (samples, *shape))
        for f in range(1, frames):
            moved = q[:, f - 1].astype(np.int64) + rng.integers(-20, 21, (samples, *shape)) * (rng.random((samples, *shape)) < 0.1)
            anew = rng.integers(0, 256, (samples, *shape))
            q[:, f] = np.where(rng.random((samples, *shape)) < 0.05, anew, np.clip(moved, 0, 255))
        return q

    return {p.name: one(p.shape) for p in network.inputs}


def sent_by(stream: QuantisedNetwork, frames: dict[str, Array]) -> dict[str, Array]:
    """Return what a stream's inputs send for encoded frames."""
    return changes_of_all(frames, [p.theta for p in stream.inputs])


def frame_by_frame(network: QuantisedNetwork, frames: dict[str, Array]) -> ActivityOf:
    """Return what a network does with every frame alone, as (N*F, ...)."""
    return golden(network, {name: q.reshape(-1, *q.shape[2:]) for name, q in frames.items()}, 1, everything(network))
