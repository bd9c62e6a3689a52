"""Whether a chip's number format holds the numbers of an integer network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecc_lava.common import BINARY, Array
from ecc_lava.errors import InvalidInput, InvalidNetwork, RangeError
from ecc_lava.formats import NumberFormat
from ecc_lava.geometry import Conv
from ecc_lava.inputs import PAYLOAD_MAX, InputCoding
from ecc_lava.networks.integer_parts import QuantisedPopulation, QuantisedProjection
from ecc_lava.networks.wiring import Kind

__all__ = ["check_carries", "check_neurons", "check_payload", "check_spikes", "check_weights"]


def check_payload(codings: Sequence[InputCoding], format: NumberFormat) -> None:
    """Check that a chip's spikes can carry what the inputs send.

    Raises
    ------
    InvalidInput
        If they cannot.
    """
    if any(coding.largest >= 2 ** max(format.payload_bits, 1) for coding in codings):
        raise InvalidInput(
            f"graded inputs send up to {PAYLOAD_MAX}; spikes of {format.name} hold {2 ** max(format.payload_bits, 1) - 1}; "
            "convert with coding='rate' (--coding rate), poisson or events"
        )


def check_spikes(population: QuantisedPopulation, format: NumberFormat) -> None:
    """Check that a chip's spikes carry a population's payload, and that its thresholds make the payload a shift."""
    name, payload = population.name, population.payload
    if payload != BINARY and payload.bits > format.payload_bits:
        raise RangeError(
            f"spikes of population {name!r} carry {payload.bits} bits{' and a sign' * payload.signed}; those of {format.name} are "
            + (f"up to {format.payload_bits} bits wide" if format.payload_bits else "binary")
        )
    shifted = population.vth & (population.vth - 1)
    if population.kind in (Kind.IF, Kind.DELTA) and payload.is_shift and shifted.any():
        wrong = population.vth.ravel()[int((shifted != 0).argmax())]
        raise RangeError(
            f"vth of population {name!r} is {wrong}; with payloads of {payload.bits} bits it must be a power of two: a chip has no divider"
        )


def check_carries(populations: Sequence[QuantisedPopulation], timesteps: int) -> None:
    """Check that carries go to a step population of the network, in the one timestep that they are exact at; in a stream all send changes.

    Raises
    ------
    InvalidNetwork
        Naming the first that is not.
    """
    kinds = {p.name: p.kind for p in populations}
    for p in populations:
        to = kinds.get(p.carries_to)
        if p.carries_to and ((p.kind, to) not in ((Kind.IF, Kind.STEP), (Kind.DELTA, Kind.DELTA)) or timesteps != 1):
            raise InvalidNetwork(
                f"the {p.kind.value} population {p.name!r} carries to {p.carries_to!r:.80} at {timesteps} timesteps; carries are "
                "integrate-and-fire neurons that go to a step population, at 1 timestep"
            )


def check_neurons(population: QuantisedPopulation, format: NumberFormat) -> None:
    """Check that a format holds every number of a population's neurons."""
    name = population.name
    for field, limit in {"bias": format.bias_max, "vth": format.vth_max, "v_init": format.potential_max}.items():
        largest = int(np.abs(getattr(population, field).astype(np.int64)).max())
        if largest > limit:
            raise RangeError(f"{field} of population {name!r} reaches {largest}; {format.name} holds {limit}")
    for field, rounded in {"bias": format.rounded_bias, "vth": format.rounded_vth}.items():
        given = getattr(population, field)
        nearest = rounded(given)
        if (nearest != given).any():
            channel, value, near = (array.ravel()[int((nearest != given).argmax())] for array in (_channels(given), given, nearest))
            raise RangeError(
                f"{field} of population {name!r} is {value} in channel {channel}; the nearest that {format.name} holds is {near:.0f}"
            )
    has_least = population.kind is Kind.IF or (population.kind is Kind.DELTA and population.payload.is_shift)  # else it only compares
    if has_least and population.vth.min() < format.vth_min:
        raise RangeError(f"vth of population {name!r} is {population.vth.min()}; it must be at least {format.vth_min}")
    distinct = len(np.unique(population.vth))
    if format.vth_distinct is not None and distinct > format.vth_distinct:
        raise RangeError(f"population {name!r} has {distinct} distinct thresholds; {format.name} holds {format.vth_distinct}")


def check_weights(projection: QuantisedProjection, bits: int, format: NumberFormat) -> None:
    """Check that a format holds a projection's exponent, and its mantissas in `bits` bits."""
    format.shift(projection.exponent)
    where = f"a weight {projection.source!r} -> {projection.target!r}"
    largest, step = format.mantissa_max(bits), 1 << format.dropped_bits(bits)
    gain = projection.geometry.gain if isinstance(projection.geometry, Conv) else None
    if gain is not None and np.abs(gain.astype(np.int64)).max() > largest * step:  # also where every weight is 0
        raise RangeError(f"a gain {projection.source!r} -> {projection.target!r} is beyond the {largest * step} that {bits} bits hold")
    if projection.largest_weight > largest * step:
        raise RangeError(f"{where} is {projection.largest_weight}; {bits} bits hold {largest * step}")
    if step > 1 and (projection.geometry.kernel % step).any():
        raise RangeError(f"{where} is no multiple of {step}; {bits} bits of {format.name} hold no others")


def _channels(parameter: Array) -> Array:
    """Return the channel of every entry of a parameter."""
    return np.broadcast_to(np.arange(parameter.shape[2]), parameter.shape)
