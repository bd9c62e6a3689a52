"""What a conversion does before it sees an image, and what it does with the images that calibrate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ecc_lava.common import BINARY, PAYLOAD_BITS_MAX, Images, Payload, Progress
from ecc_lava.conversion.blas import one_blas_thread
from ecc_lava.conversion.passes.interface import IntegerOptions, IntegerPass, Pass
from ecc_lava.conversion.recipes import passes_of
from ecc_lava.errors import InvalidInput
from ecc_lava.formats import FORMATS, NumberFormat, number_format
from ecc_lava.graph import Graph, Relu
from ecc_lava.inputs import as_batch, input_ranges, model_inputs
from ecc_lava.lowering import Lowering, lower
from ecc_lava.networks import Kind, Population, SpikingNetwork
from ecc_lava.quantisation import Bits, own_widths

__all__ = ["ConversionOptions", "Prepared", "payload_of", "prepared_for"]

BINARY_TIMESTEPS = 32
"""T of binary spikes unless a caller names another."""

RELAY_BITS = 2
"""Bits by which payloads of a relay are wider than those of other populations, as far as the format goes: an average of four payloads
then is exact."""


@dataclass(frozen=True)
class ConversionOptions:
    """How a CNN is converted, as `convert` takes it."""

    timesteps: int | None
    recipe: str | Sequence[Pass]
    fold_limit: float
    format: str
    bits: Bits | None
    steps_in_time: bool
    coding: str | None
    payload_bits: int | None
    signed_spikes: bool


@dataclass(frozen=True)
class Prepared:
    """A CNN that waits for calibration images.

    Attributes
    ----------
    graph : Graph
    network : SpikingNetwork
        Lowered, for T steps, with the payloads and the coding that were chosen.
    recipe : str or sequence of passes
    payload : Payload
    format : str
    bits : int or mapping
    """

    graph: Graph
    network: SpikingNetwork
    recipe: str | Sequence[Pass]
    payload: Payload
    format: str
    bits: Bits

    def converted(self, drawn: Images, seed: int, progress: Progress | None = None) -> SpikingNetwork:
        """Return the network that all of these images calibrate; the seed draws what the coding poisson sends."""
        network, specs = self.network, self.network.input_specs
        images = model_inputs(drawn, specs, "calibration")
        codings = tuple(replace(coding, seed=seed) for coding in network.codings)
        network = replace(network, codings=codings, calibrated=input_ranges(as_batch(drawn, specs), specs))
        passes = passes_of(self.recipe, self.payload, IntegerOptions(self.format, self.bits, self.graph, progress))
        if not any(p.kind is Kind.IF for p in network.populations):
            passes = tuple(step for step in passes if not (isinstance(step, IntegerPass) and step.fits_rates))
        with one_blas_thread():
            for step in passes:
                network = step(network, images).with_trace(step)
        return network


def prepared_for(graph: Graph, options: ConversionOptions) -> Prepared:
    """Return the CNN lowered as the options say; errors as of `convert`."""
    held = number_format(options.format)
    bits = own_payload_bits(graph, held) if options.payload_bits is None else options.payload_bits
    payload = payload_of(bits, options.signed_spikes, held)
    timesteps = default_timesteps(payload) if options.timesteps is None else options.timesteps
    if timesteps < 1:
        raise InvalidInput(f"timesteps {timesteps}; at least 1 is needed")
    network = _graded(lower(graph, options.fold_limit), payload, held, timesteps)
    kind = options.coding or held.default_coding
    network = replace(network, codings=tuple(replace(coding, kind=kind) for coding in network.codings))
    if not options.steps_in_time:
        _check_steps(network, timesteps)
    widths = own_widths(network, held) if options.bits is None else options.bits
    return Prepared(graph, network, options.recipe, payload, options.format, widths)


def own_payload_bits(graph: Graph, format: NumberFormat) -> int:
    """Return the payload bits unless a caller names others: the widest to which the model itself rounds activations, or 1."""
    widest = max((node.bits or 1 for node in graph.nodes if isinstance(node, Relu)), default=1)
    return max(1, min(widest, format.payload_bits, PAYLOAD_BITS_MAX))


def default_timesteps(payload: Payload) -> int:
    """Return T unless a caller names another: one step suffices for payloads of several bits."""
    return 1 if payload.is_shift else BINARY_TIMESTEPS


def payload_of(bits: int, signed: bool, format: NumberFormat) -> Payload:
    """Return what spikes carry.

    Parameters
    ----------
    bits : int
        1 to 8.
    signed : bool
        Whether payloads may be negative.
    format : NumberFormat
        Of the chip that sends the spikes.

    Raises
    ------
    InvalidInput
        If there are no such payloads, or the format's spikes cannot carry them.
    """
    if isinstance(bits, bool) or not isinstance(bits, int) or not 1 <= bits <= PAYLOAD_BITS_MAX:
        raise InvalidInput(f"{bits!r} payload bits; a spike carries 1 to {PAYLOAD_BITS_MAX}")
    payload = Payload(bits, bool(signed))
    if payload != BINARY and bits > format.payload_bits:
        graded = " or ".join(other.name for other in FORMATS.values() if other.payload_bits >= bits)
        what = f"{bits} payload bits{' and a sign' * payload.signed}"
        carries = f"up to {format.payload_bits} bits" if format.payload_bits else "one bit without sign"
        raise InvalidInput(f"{what}; spikes of {format.name} carry {carries}" + (f", use {graded}" if graded else ""))
    return payload


def _graded(lowered: Lowering, payload: Payload, format: NumberFormat, timesteps: int) -> SpikingNetwork:
    """Return the lowered network for T steps, with integrate-and-fire neurons that send such payloads.

    A relay stands where the model has no activation, so that its rounding is a loss of its own: its payloads are wider by `RELAY_BITS`.
    """
    most = min(format.payload_bits, PAYLOAD_BITS_MAX)
    wider = replace(payload, bits=min(payload.bits + RELAY_BITS, most)) if payload.is_shift else payload

    def graded(p: Population) -> Population:
        if p.kind is not Kind.IF:
            return p
        own = replace(payload, bits=min(payload.bits, p.own_bits or payload.bits))
        return replace(p, payload=wider if p.name in lowered.relays else own)

    return replace(lowered.network, populations=tuple(map(graded, lowered.network.populations)), timesteps=timesteps)


def _check_steps(network: SpikingNetwork, timesteps: int) -> None:
    steps, relus = ([p.name for p in network.populations if p.kind is kind] for kind in (Kind.STEP, Kind.IF))
    if not steps or (timesteps == 1 and not relus):
        return
    which = f"{timesteps} timesteps" if timesteps > 1 else f"ReLU populations beside them ({', '.join(relus[:3])})"
    raise InvalidInput(
        f"the model has step activations ({', '.join(steps[:3])}), which are exact at timesteps=1 in a network of nothing else; "
        f"here are {which}. Use timesteps=1 and step activations throughout, or accept the loss with steps_in_time=True (--steps-in-time)"
    )
