"""The golden model of netx's neuron: lava-nc's LIF, bit for bit, without decay of the potential and with full decay of the current."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Array, Images, Int, only
from ecc_lava.exchange.netx.layers import UNIT, NetxLayer, NetxNetwork
from ecc_lava.geometry import apply
from ecc_lava.inputs import as_batch, batch_part, batch_size, encode_all, sent_by_all

__all__ = ["NetxRun", "predictions_of", "run_netx"]

_BATCH = 64
"""Images whose spikes are held at once."""

_RAIL = 2**23
"""Potentials are clipped one below it; currents wrap around at it."""


@dataclass(frozen=True, eq=False)
class NetxRun:
    """What a netx network does with images.

    Attributes
    ----------
    sent : uint8 array (N, T, H, W, C)
        What the input sends.
    spikes : layer -> uint8 array (N, T, H, W, C)
        Within the T steps in which the layer works.
    readout : int64 array (N, K)
        Potential of the last layer after T steps.
    """

    sent: Array
    spikes: dict[str, Array]
    readout: Int

    @property
    def predictions(self) -> Int:
        """The class of the largest potential, (N,)."""
        return self.readout.argmax(axis=1)


def run_netx(network: NetxNetwork, x: Images, *, subtract: bool = False, first: int = 0) -> NetxRun:
    """Run images through the layers, each of which begins an image with potentials of 0.

    ``v <- clip(v + 64*(W.s + b)); s = v > 64*vThMant; v <- 0 where s``. With `subtract`, a spike takes ``64*(vThMant + 1)`` off the
    potential instead, which netx's neuron cannot: it tells what the reset to zero costs.

    Parameters
    ----------
    network : NetxNetwork
    x : array (N, H, W, C)
    subtract : bool
    first : int
        Number of the first image among all: draws of a poisson coding depend on it.
    """
    q = encode_all(as_batch(x, (network.input,)), (network.coding,))
    sent = only(tuple(sent_by_all(q, (network.coding,), network.timesteps, first).values()), "input")
    if sent.ndim == 4:
        sent = np.repeat(sent[:, None], network.timesteps, axis=1)
    arriving, spikes, v = sent, {}, np.zeros(0, np.int64)
    for layer in network.layers:
        arriving, v = _layer(layer, arriving, subtract)
        if layer.fires:
            spikes[layer.name] = arriving
    return NetxRun(sent, spikes, v.reshape(len(sent), -1))


def predictions_of(network: NetxNetwork, x: Images, *, subtract: bool = False) -> Int:
    """Return the classes of any number of images, (N,), as `run_netx` finds them."""
    starts = range(0, batch_size(x), _BATCH)
    return np.concatenate([run_netx(network, batch_part(x, slice(n, n + _BATCH)), subtract=subtract, first=n).predictions for n in starts])


def _layer(layer: NetxLayer, arriving: Array, subtract: bool) -> tuple[Array, Int]:
    """Return a layer's spikes (N, T, H, W, C), and its potentials at the end."""
    images, timesteps = arriving.shape[:2]
    v = np.zeros((images, *layer.shape), np.int64)
    spikes = np.zeros((images, timesteps, *layer.shape), np.uint8)
    threshold = UNIT * layer.threshold
    for t in range(timesteps):
        current = UNIT * apply(layer.geometry, arriving[:, t].astype(np.float64)).astype(np.int64)  # sums are exact below 2**53
        current = np.where(current > _RAIL, current - 2 * _RAIL, np.where(current <= -_RAIL, current + 2 * _RAIL, current))
        v = np.clip(v + current + UNIT * layer.bias, 1 - _RAIL, _RAIL - 1)
        fires = v > threshold
        v = np.where(fires, v - (threshold + UNIT) if subtract else 0, v)
        spikes[:, t] = fires
    return spikes, v
