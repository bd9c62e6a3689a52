"""From a float CNN to a network that spikes for T steps, by a recipe."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np

from ecc_lava.common import BINARY, PAYLOAD_BITS_MAX, Array, Images, Payload, Progress, silenced
from ecc_lava.conversion.blas import one_blas_thread
from ecc_lava.conversion.passes.interface import IntegerOptions, IntegerPass, Pass
from ecc_lava.conversion.recipes import DEFAULT_RECIPE, passes_of
from ecc_lava.errors import InvalidInput
from ecc_lava.formats import DEFAULT_FORMAT, FORMATS, NumberFormat, number_format
from ecc_lava.graph import Graph, Relu, doubts_of_scale
from ecc_lava.inputs import as_batch, batch_part, batch_size, by_input, input_ranges, model_inputs
from ecc_lava.lowering import FOLD_LIMIT, Lowering, lower
from ecc_lava.networks import Kind, Population, SpikingNetwork
from ecc_lava.quantisation import Bits, own_widths

__all__ = ["CALIBRATION_IMAGES", "calibration_subset", "convert"]

_log = logging.getLogger(__name__)

BINARY_TIMESTEPS = 32
"""T of binary spikes unless a caller names another."""

RELAY_BITS = 2
"""Bits by which payloads of a relay are wider than those of other populations, as far as the format goes: an average of four payloads
then is exact."""

CALIBRATION_IMAGES = 256
"""Calibration images that are drawn of those given unless a caller names another number."""


def convert(
    graph: Graph,
    *,
    calibration: Images,
    timesteps: int | None = None,
    recipe: str | Sequence[Pass] = DEFAULT_RECIPE,
    fold_limit: float = FOLD_LIMIT,
    format: str = DEFAULT_FORMAT,
    bits: Bits | None = None,
    steps_in_time: bool = False,
    coding: str | None = None,
    payload_bits: int | None = None,
    signed_spikes: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
    calibration_images: int | None = CALIBRATION_IMAGES,
) -> SpikingNetwork:
    """Convert a float CNN to a network of integrate-and-fire neurons.

    ``W <- W * lambda_source / lambda_target; b <- b / lambda_target``, with threshold 1 (current normalisation), and v first at half a
    threshold (thresholding for residual elimination). The recipe `best` then calibrates on the integers.

    Source: Wu, Yi and Huang, Frontiers in Neuroscience 16, 2022 (ECC); calibration of bias and weights: Li et al., ICML 2021.

    Parameters
    ----------
    graph : Graph
    calibration : array (N, H, W, C), or arrays by input name
        Unlabelled images as the Keras model takes them; uint8 is scaled by `graph.uint8_scale`. A warning says if they contradict what the
        model keeps of its training.
    timesteps : int, optional
        T, the steps one sample will be shown for; by default 32, and 1 with payloads of several bits.
    recipe : str or sequence of passes
        A name in `RECIPES`, or the passes themselves.
    fold_limit : float
        See `ecc_lava.lowering.lower`.
    format : str
    bits : int, or a mapping of population names to int, optional
        `format` and `bits` of the later quantisation, see `ecc_lava.quantise`; calibration runs these integers.
    steps_in_time : bool
        Convert step activations (sign, Heaviside) for more than one timestep, or beside ReLUs, where they are not exact.
    coding : {"graded", "rate", "poisson", "events"}, optional
        How images are sent, see `ecc_lava.inputs.InputCoding`; by default graded where the format's spikes can carry it, else rate. With
        events, the calibration samples are (N, T, H, W, C) of 0 and 1.
    payload_bits : int, optional
        1 to 8, as many as the format's spikes carry. A spike then carries an integer of up to ``2**payload_bits - 1``, which stands for
        lambda. At T=1 the network is the CNN with activations of so many bits. Activations that the model itself rounds to fewer bits have
        payloads of these. By default the widest of the model's own, as far as the format goes, and 1 if the model rounds none.
    signed_spikes : bool
        Whether neurons may take back what they sent too early; without effect at T=1.
    seed : int
        Seed of the draw of calibration images, and of the coding's random draws (poisson).
    progress : callable (stage, done, total), optional
    calibration_images : int, optional
        How many of the calibration images are drawn; None takes all.

    Returns
    -------
    SpikingNetwork
        In real units; `rate_forward` of it equals `forward` of the graph. Without integrate-and-fire neurons, as of step activations alone,
        there are no rates to calibrate: only weights that decide signs of the input are rounded together.

    Raises
    ------
    InvalidInput
        Wrong images, timesteps, payload or recipe; step activations that would not be exact, unless asked for.
    UnsupportedModel
        If the graph cannot be lowered.
    """
    held = number_format(format)
    payload = payload_of(own_payload_bits(graph, held) if payload_bits is None else payload_bits, signed_spikes, held)
    timesteps = default_timesteps(payload) if timesteps is None else timesteps
    if timesteps < 1:
        raise InvalidInput(f"timesteps {timesteps}; at least 1 is needed")
    network = _graded(lower(graph, fold_limit), payload, held, timesteps)
    kind = coding or held.default_coding
    network = replace(network, codings=tuple(replace(c, kind=kind, seed=seed) for c in network.codings))
    specs = network.input_specs
    as_batch(calibration, specs, "calibration")  # the images that are not drawn are checked too
    drawn = drawn_images(by_input(calibration, specs, "calibration"), seed, calibration_images)
    images = model_inputs(drawn, specs, "calibration")
    network = replace(network, calibrated=input_ranges(as_batch(drawn, specs), specs))
    for doubt in doubts_of_scale(graph, drawn, kind == "events"):
        _log.warning("%s", doubt)
    if not steps_in_time:
        _check_steps(network, timesteps)
    passes = passes_of(recipe, payload, IntegerOptions(format, own_widths(network, held) if bits is None else bits, graph, progress))
    if not any(p.kind is Kind.IF for p in network.populations):
        passes = tuple(step for step in passes if not (isinstance(step, IntegerPass) and step.fits_rates))
    with one_blas_thread():
        for step in passes:
            network = step(network, images).with_trace(step)
    return network


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


def doubts_not_repeated() -> AbstractContextManager[None]:
    """Silence what speaks against the images' scale, while a caller that has been told converts the same images again."""
    return silenced(_log)


def drawn_images(images: Images, seed: int, size: int | None) -> Images:
    """Return so many of the images, as `calibration_subset` draws them; all without a size.

    Raises
    ------
    InvalidInput
        If the size is less than 1.
    """
    if size is None:
        return images
    if size < 1:
        raise InvalidInput(f"calibration_images {size}; at least 1 image is needed")
    return images if batch_size(images) <= size else batch_part(images, calibration_subset(batch_size(images), seed, size))


def calibration_subset(images: int, seed: int = 0, size: int = CALIBRATION_IMAGES) -> Array:
    """Return the sorted indices of `size` images, drawn without replacement by a Philox generator, or of all if there are fewer."""
    if images <= size:
        return np.arange(images)
    return np.sort(np.random.Generator(np.random.Philox(seed)).choice(images, size, replace=False))
