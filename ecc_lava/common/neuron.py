"""The integrate-and-fire, the step and the sigma-delta neuron in plain numpy, the golden model of every back end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ecc_lava.common.arrays import Array
from ecc_lava.errors import InvalidNetwork

__all__ = ["BINARY", "PAYLOAD_BITS_MAX", "NeuronStep", "Payload", "in_steps", "integrate_and_fire", "send_changes"]

PAYLOAD_BITS_MAX = 8
"""Most bits of a payload between populations. Loihi 2's graded spikes carry up to 32; 8 is as fine as its weights."""


@dataclass(frozen=True)
class Payload:
    """What one spike of an integrate-and-fire neuron can carry.

    Attributes
    ----------
    bits : int
        1 to 8. A spike carries an integer of up to ``2**bits - 1``.
    signed : bool
        Whether a neuron may take back what it sent too early, by negative payloads. It never takes back more than it sent.
    """

    bits: int = 1
    signed: bool = False

    def __post_init__(self) -> None:
        whole = isinstance(self.bits, int) and not isinstance(self.bits, bool)
        if not whole or not 1 <= self.bits <= PAYLOAD_BITS_MAX or not isinstance(self.signed, bool):
            raise InvalidNetwork(f"{self.bits!r} payload bits, signed {self.signed!r}; a payload has 1 to {PAYLOAD_BITS_MAX} bits")

    @property
    def largest(self) -> int:
        """Largest value of a spike, m in the neuron's equation."""
        return 2**self.bits - 1

    @property
    def least(self) -> int:
        """Least value of a spike."""
        return -self.largest if self.signed else 0

    @property
    def dtype(self) -> type[np.generic]:
        """The narrowest integers that hold every value of a spike."""
        return np.int16 if self.signed else np.uint8

    @property
    def is_shift(self) -> bool:
        """Whether thresholds are powers of two, so that the payload is a shift of the potential: a chip has no divider."""
        return self.bits > 1


def in_steps(values: Array, largest: Array | float, bits: int, halves_up: bool = False) -> Array:
    """Return values of 0 to `largest`, rounded to the nearest of ``2**bits - 1`` equal steps of it; halves go up, or to the even step."""
    step = largest / (2**bits - 1)
    whole: Array = np.floor(values / step + 0.5) if halves_up else np.rint(values / step)
    return whole * step


BINARY = Payload()
"""One bit, unsigned: a neuron fires or does not."""


class NeuronStep(NamedTuple):
    """State and spikes after one timestep."""

    v: Array
    spikes: Array
    saturated_low: int
    saturated_high: int


def _saturate(v: Array, limit: float) -> tuple[Array, int, int]:
    """Clip to +-limit and count the values outside."""
    low, high = int((v < -limit).sum()), int((v > limit).sum())
    return (np.clip(v, -limit, limit).astype(v.dtype) if low or high else v), low, high


def integrate_and_fire(
    v: Array,
    current: Array,
    vth: Array | None,
    limit: float,
    *,
    is_stateful: bool = True,
    payload: Payload = BINARY,
    sent: Array | None = None,
) -> NeuronStep:
    """Advance neurons by one timestep.

    ``v <- clip(v + current); k = clip(floor(v / vth), low, m); v <- clip(v - vth*k)`` with m the payload's largest value, and low = 0, or
    of a signed payload ``max(-m, -sent)``. One bit, unsigned, is ``k = v >= vth``. Without `vth` nothing fires. A step neuron has no
    memory: ``v <- clip(current); k = v >= vth``.

    Parameters
    ----------
    v, current : arrays (..., H, W, C) of one dtype
        Potential, and summed input including the bias.
    vth : array broadcastable to v, or None for a readout
    limit : float
        Rail of the potential; infinite for real-valued networks.
    is_stateful : bool
        Whether neurons keep their potential from step to step; step neurons do not.
    payload : Payload
    sent : array like v
        Sum of what each neuron has sent so far; signed payloads need it.

    Returns
    -------
    NeuronStep
        New potential, spikes (k, dtype of v), and how often the low and the high rail were reached.
    """
    v, low, high = _saturate(v + current if is_stateful else np.broadcast_to(current, v.shape), limit)
    if vth is None:
        return NeuronStep(v, np.zeros_like(v), low, high)
    if payload == BINARY:
        spikes = (v >= vth).astype(v.dtype)
    else:
        least = 0 if not payload.signed or sent is None else np.maximum(payload.least, -sent)
        spikes = np.clip(np.floor_divide(v, vth), least, payload.largest).astype(v.dtype)
    if not is_stateful:
        return NeuronStep(v, spikes, low, high)
    v, low_after, high_after = _saturate(v - vth * spikes, limit)
    return NeuronStep(v, spikes, low + low_after, high + high_after)


def send_changes(v: Array, current: Array, vth: Array, limit: float, *, payload: Payload, theta: int, sent: Array) -> NeuronStep:
    """Advance sigma-delta neurons by one frame.

    ``v <- clip(v + current); a = clip(floor(v / vth), 0, m); d = a - sent; k = d if |d| >= theta, else 0`` with m the payload's largest
    value; one bit is ``a = v >= vth``. The potential keeps all that ever arrived, so it is the input of the present frame, and a the
    activation of a neuron that sees this frame alone.

    Parameters
    ----------
    v, current : arrays (..., H, W, C) of one dtype
        Potential, which begins with bias and initial potential, and summed changes of the input.
    vth : array broadcastable to v
    limit : float
        Rail of the potential.
    payload : Payload
    theta : int
        The least change that is sent.
    sent : array like v
        Sum of what each neuron has sent so far: its activation, as its targets know it.

    Returns
    -------
    NeuronStep
        New potential, changes sent (k, dtype of v), and how often the low and the high rail were reached.
    """
    v, low, high = _saturate(v + current, limit)
    reached = np.floor_divide(v, vth) if payload.is_shift else v >= vth
    change = np.clip(reached, 0, payload.largest) - sent
    return NeuronStep(v, np.where(np.abs(change) >= theta, change, 0).astype(v.dtype), low, high)
