"""A network of graded spikes at T = 1 as a stream: frame by frame, of which only changes travel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ecc_lava.common import BINARY, PAYLOAD_BITS_MAX, Array, Payload
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.inputs import PAYLOAD_MAX
from ecc_lava.networks import Kind, QuantisedNetwork, QuantisedPopulation

__all__ = ["frame_by_frame", "sigma_delta", "uniform_thresholds"]


def sigma_delta(network: QuantisedNetwork, threshold: int | Mapping[str, int] = 1) -> QuantisedNetwork:
    """Return the stream of a network: it takes one frame a timestep, and its neurons send the changes of their activations.

    ``v <- v + sum_p W_p . d_p; a = clip(floor(v / vth), 0, m); d = a - sent, sent if |d| >= theta; sent <- sent + d`` with v first at bias
    and initial potential, and ``sent`` at 0. At theta = 1 each frame's activations and outputs are those of `network` on this frame alone,
    bit for bit, and leave the readout D steps later. A potential that `network` would clip at a rail is an error of the stream, because
    every later frame would inherit the clipping.

    Parameters
    ----------
    network : QuantisedNetwork
        Of T = 1, with graded inputs, in a number format whose spikes have a payload and a sign.
    threshold : int, or population -> int
        theta, the least change that is sent, in units of each payload (of inputs 0 to 255). Populations without an entry have 1.

    Returns
    -------
    QuantisedNetwork
        Of the same populations and weights. Its samples are sequences (N, F, H, W, C), each of which starts from zero.

    Raises
    ------
    InvalidInput
        If T is not 1, an input is not graded, the network is a stream, or a threshold is no integer from 1 to the largest payload.
    RangeError
        If bias and initial potential leave the potential's range, or the format's spikes have no sign.
    """
    _check_convertible(network)
    thetas = _thetas(network, threshold)
    limit = network.format.potential_max

    def population(p: QuantisedPopulation) -> QuantisedPopulation:
        if p.kind is Kind.INPUT:
            return replace(p, payload=Payload(PAYLOAD_BITS_MAX, signed=True), theta=thetas[p.name])
        start, zero = _start(p, limit), np.zeros((1, 1, 1), np.int32)
        if p.kind is Kind.READOUT:
            return replace(p, bias=zero, v_init=start)
        payload = Payload(p.payload.bits, signed=True)
        return replace(p, kind=Kind.DELTA, bias=zero, v_init=start, payload=payload, theta=thetas[p.name])

    trace = (*network.trace, f"sigma_delta(threshold={_told(threshold)})")
    return replace(network, populations=tuple(population(p) for p in network.populations), trace=trace)


def uniform_thresholds(network: QuantisedNetwork, threshold: int) -> dict[str, int]:
    """Return the same threshold for every population that sends, or the largest payload of a population where that is less.

    Parameters
    ----------
    network : QuantisedNetwork
        As `sigma_delta` takes it.
    threshold : int
    """
    return {name: min(threshold, largest) for name, largest in _largest(network).items()}


def _largest(network: QuantisedNetwork) -> dict[str, int]:
    """Return the largest threshold of every population that sends."""
    inputs, sending = {p.name for p in network.inputs}, [p for p in network.populations if p.kind is not Kind.READOUT]
    return {p.name: PAYLOAD_MAX if p.name in inputs else p.payload.largest for p in sending}


def frame_by_frame(stream: QuantisedNetwork) -> QuantisedNetwork:
    """Return the network of T = 1 whose outputs for each frame alone are those of a stream at theta = 1, bit for bit.

    It undoes `sigma_delta`: ``v = v_init + sum_p W_p . k_p; k = clip(floor(v / vth), 0, m)``. The bias of a neuron stands in its initial
    potential. The network that the stream was made from has the same outputs and other numbers.
    """
    zero = np.zeros((1, 1, 1), np.int32)

    def population(p: QuantisedPopulation) -> QuantisedPopulation:
        if p.kind is Kind.READOUT:
            return replace(p, bias=p.v_init, v_init=zero)
        if p.kind is Kind.INPUT:
            return replace(p, payload=BINARY, theta=0)
        return replace(p, kind=Kind.IF, payload=Payload(p.payload.bits), theta=0)

    return replace(stream, populations=tuple(map(population, stream.populations)), trace=(*stream.trace, "frame_by_frame()"))


def _check_convertible(network: QuantisedNetwork) -> None:
    if network.is_stream:
        raise InvalidInput("the network is a stream already; give the network that it was made from")
    if network.timesteps != 1:
        raise InvalidInput(
            f"the network has {network.timesteps} timesteps; a stream takes one a frame: convert the model with timesteps=1 and "
            "payload_bits=8 (--timesteps 1 --payload-bits 8)"
        )
    for p, coding in zip(network.inputs, network.codings, strict=True):
        if coding.kind != "graded":
            raise InvalidInput(f"the input {p.name!r} has the coding {coding.kind!r}; a stream sends changes of graded values: 'graded'")


def _thetas(network: QuantisedNetwork, threshold: int | Mapping[str, int]) -> dict[str, int]:
    """Return the threshold of every population that sends."""
    largest = _largest(network)
    if isinstance(threshold, Mapping):
        unknown = [name for name in threshold if name not in largest]
        if unknown:
            raise InvalidInput(f"threshold of {unknown[0]!r}: no such population sends; there are {', '.join(largest)}")
        thetas = {name: threshold.get(name, 1) for name in largest}
    else:
        thetas = dict.fromkeys(largest, threshold)
    for name, theta in thetas.items():
        is_whole = isinstance(theta, int | np.integer) and not isinstance(theta, bool)
        if not is_whole or not 1 <= theta <= largest[name]:
            whole = f"it must be a whole number from 1 to its largest payload, {largest[name]}"
            raise InvalidInput(f"threshold {theta!r} of population {name!r}; {whole}")
    return {name: int(theta) for name, theta in thetas.items()}


def _start(p: QuantisedPopulation, limit: int) -> Array:
    """Return the potential before the first frame: what every frame would add, int32; a step neuron has no initial potential."""
    start: Array = p.bias.astype(np.int64) + (p.v_init if p.kind.is_stateful else 0)
    if np.abs(start).max() > limit:
        raise RangeError(f"bias and v_init of population {p.name!r} reach {int(np.abs(start).max())}; the potential holds {limit}")
    return start.astype(np.int32)


def _told(threshold: int | Mapping[str, int]) -> str:
    return str({name: int(theta) for name, theta in threshold.items()} if isinstance(threshold, Mapping) else int(threshold))
