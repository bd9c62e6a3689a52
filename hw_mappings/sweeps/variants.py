"""The same network in other integers: of another number format, of other widths, with spikes that have a sign or none.

A variant of another width or format is quantised anew from the float network, or from the integers' own numbers where there is no float
network. It is not calibrated again, so it says what a core must hold and nothing of accuracy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ecc_lava.common import BINARY, Payload
from ecc_lava.errors import EccLavaError, InvalidInput
from ecc_lava.formats import FORMATS, number_format
from ecc_lava.geometry import scaled_by_source, with_kernel
from ecc_lava.networks import Kind, Population, QuantisedNetwork, SpikingNetwork
from ecc_lava.quantisation import Bits, as_float, quantise

__all__ = ["WIDTHS", "Variant", "check_widths", "payload_of", "requantised", "variants", "widths_of", "with_sign"]

WIDTHS: Final = (8, 4, 2)
"""Widths of weights that a sweep takes beside the network's own, unless its caller names others; bits."""


@dataclass(frozen=True, eq=False)
class Variant:
    """The network in a chip's number format.

    Attributes
    ----------
    bits : tuple of int
        The widths of its weights, ascending; where it cannot be quantised, the width that was asked for.
    payload : Payload
        The widest payload between populations.
    is_own : bool
        Whether these are the network's own integers.
    network : QuantisedNetwork or None
    reason : str or None
        Why there is no network.
    """

    bits: tuple[int, ...]
    payload: Payload
    is_own: bool
    network: QuantisedNetwork | None = None
    reason: str | None = None


def widths_of(network: QuantisedNetwork) -> tuple[int, ...]:
    """Return the distinct widths of the weights, ascending, bits; binarised weights take fewer than the others."""
    return tuple(sorted({projection.bits for projection in network.projections}))


def payload_of(network: QuantisedNetwork) -> Payload:
    """Return the widest payload that populations send to one another; one with a sign before one without."""
    sent = [p.payload for p in network.populations if p.kind is Kind.IF]
    return max(sent, key=lambda payload: (payload.signed, payload.bits), default=BINARY)


def check_widths(bits: Sequence[int]) -> None:
    """Refuse widths that no number format holds.

    Raises
    ------
    InvalidInput
        For the first of them.
    """
    widest = max(format.weight_bits for format in FORMATS.values())
    for width in bits:
        if type(width) is not int or not 2 <= width <= widest:
            raise InvalidInput(f"{width!r:.40} bits a weight; a sweep takes whole numbers from 2 to {widest}")


def _in_binary(network: SpikingNetwork, kind: str) -> SpikingNetwork:
    """Return the network with binary spikes alone, inputs coded so: one spike stands for the largest payload that a spike carried."""
    largest = {spec.name: coding.largest for spec, coding in zip(network.inputs, network.codings, strict=True)}

    def population(p: Population) -> Population:
        if p.kind is not Kind.IF or p.payload == BINARY:
            return p
        largest[p.name] = p.payload.largest
        return replace(p, payload=BINARY, vth=p.vth * p.payload.largest, lambda_=p.lambda_ * p.payload.largest)

    populations = tuple(population(p) for p in network.populations)
    channels = {p.name: p.shape[2] for p in populations}
    projections = tuple(
        replace(q, geometry=with_kernel(q.geometry, scaled_by_source(q.geometry, np.full(channels[q.source], float(largest[q.source])))))
        if largest.get(q.source, 1) != 1
        else q
        for q in network.projections
    )
    codings = tuple(replace(coding, kind=kind) if coding.largest > 1 else coding for coding in network.codings)
    return replace(network, populations=populations, projections=projections, codings=codings)


def requantised(
    network: QuantisedNetwork, snn: SpikingNetwork | None = None, *, format: str | None = None, bits: Bits | None = None
) -> QuantisedNetwork:
    """Return the network in integers of another width or number format; the network itself if neither differs.

    Parameters
    ----------
    network : QuantisedNetwork
    snn : SpikingNetwork, optional
        The float network that `network` was quantised from. Without it the numbers of `network` itself are rounded again.
    format : str, optional
        A number format; the network's own by default. For one of binary spikes, a spike stands for the largest payload, and graded inputs
        are coded in the format's default way.
    bits : int, or a mapping of population names to int, optional
        Width of the weights; those that the network was quantised with by default.

    Raises
    ------
    InvalidInput, RangeError
        As `ecc_lava.quantise` does.
    """
    held = network.format if format is None else number_format(format)
    if bits is None and held == network.format:
        return network
    how = network.quantisation
    if bits is None:
        bits = min(network.bits, held.weight_bits) if how is None or max(widths_of(network)) > held.weight_bits else how.bits
    source = as_float(network) if snn is None else snn
    if not held.payload_bits and network.format.payload_bits:
        source = _in_binary(source, held.default_coding)
    return quantise(source, format=held, bits=bits, per="channel" if how is None else how.per)


def with_sign(network: QuantisedNetwork, signed: bool) -> QuantisedNetwork:
    """Return the network whose integrate-and-fire neurons send payloads of the same width with a sign, or without one."""
    populations = tuple(replace(p, payload=replace(p.payload, signed=signed)) if p.kind is Kind.IF else p for p in network.populations)
    return replace(network, populations=populations)


def variants(network: QuantisedNetwork, snn: SpikingNetwork | None, format: str, bits: Sequence[int]) -> Iterator[Variant]:
    """Yield the network in a number format: as it is, at each width, and with the other kind of payload where the format has payloads.

    Parameters
    ----------
    network : QuantisedNetwork
    snn : SpikingNetwork or None
    format : str
    bits : widths of the weights; the network's own is not repeated
    """
    is_own = network.format.name == format
    own = _tried(network, snn, format, None, is_own)
    yield own
    payload = own.payload
    known = own.bits if own.network is None else _wide(own.network)
    yield from (_tried(network, snn, format, width, False) for width in dict.fromkeys(bits) if known != (width,))
    if number_format(format).payload_bits and own.network is not None and any(p.kind is Kind.IF for p in own.network.populations):
        other = with_sign(own.network, not payload.signed)
        yield Variant(own.bits, payload_of(other), False, other)


def _wide(network: QuantisedNetwork) -> tuple[int, ...]:
    """Return the distinct widths of the weights that are not binarised."""
    return tuple(width for width in widths_of(network) if width != network.format.binary_bits) or widths_of(network)


def _tried(network: QuantisedNetwork, snn: SpikingNetwork | None, format: str, bits: int | None, is_own: bool) -> Variant:
    payload = payload_of(network) if number_format(format).payload_bits else BINARY
    try:
        found = requantised(network, snn, format=format, bits=bits)
    except EccLavaError as error:
        return Variant((network.bits if bits is None else bits,), payload, is_own, None, f"cannot be quantised: {error}")
    return Variant(widths_of(found), payload, is_own, found)
