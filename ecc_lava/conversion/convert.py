"""From a float CNN to a network that spikes for T steps, by a recipe."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from ecc_lava.common import Images, Progress, silenced
from ecc_lava.conversion.drawing import CALIBRATION_IMAGES, drawn_images
from ecc_lava.conversion.draws import DrawReport, best_draw
from ecc_lava.conversion.passes.interface import Pass
from ecc_lava.conversion.prepared import ConversionOptions, prepared_for
from ecc_lava.conversion.recipes import DEFAULT_RECIPE
from ecc_lava.errors import InvalidInput
from ecc_lava.formats import DEFAULT_FORMAT
from ecc_lava.graph import Graph, doubts_of_scale
from ecc_lava.inputs import ImageSource, as_batch, by_input
from ecc_lava.lowering import FOLD_LIMIT
from ecc_lava.networks import SpikingNetwork
from ecc_lava.quantisation import Bits

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["convert", "doubts_not_repeated"]

_log = logging.getLogger(__name__)


def convert(
    graph: Graph,
    *,
    calibration: Images | ImageSource,
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
    draws: int = 1,
    client: Client | None = None,
    report: Callable[[DrawReport], None] | None = None,
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
        model keeps of its training. Of an `ImageSource`, only images that are drawn or that judge draws are read.
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
    draws : int
        How many sets of calibration images are drawn, by `seed`, `seed` + 1 and so on. Each calibrates a network, and the best is returned:
        the one whose integers agree most with the CNN, of equal ones the first. It is the network that its seed alone gives. Judges are
        images that no draw holds, at most 1,000 of them, drawn by `seed`; at least 100 are needed. Outputs that are numbers are judged by
        the share of their variance that is kept.
    client : distributed.Client, optional
        Runs the draws on the workers of a Dask cluster, one a worker. The result is the same, bit for bit. One draw runs in this process.
    report : callable (DrawReport), optional
        Hears what each of several draws gave.

    Returns
    -------
    SpikingNetwork
        In real units; `rate_forward` of it equals `forward` of the graph. Without integrate-and-fire neurons, as of step activations alone,
        there are no rates to calibrate: only weights that decide signs of the input are rounded together.

    Raises
    ------
    InvalidInput
        Wrong images, timesteps, payload or recipe; too few images to judge draws; step activations that are not exact, unless asked for.
    UnsupportedModel
        If the graph cannot be lowered.
    RangeError
        If a number leaves its range.
    ClusterError
        If the cluster is gone, or its workers have another version.
    """
    if draws < 1:
        raise InvalidInput(f"draws {draws}; at least 1 is needed")
    options = ConversionOptions(timesteps, recipe, fold_limit, format, bits, steps_in_time, coding, payload_bits, signed_spikes)
    prepared = prepared_for(graph, options)
    specs = prepared.network.input_specs
    if not isinstance(calibration, ImageSource):
        as_batch(calibration, specs, "calibration")  # the images that are not drawn are checked too
        calibration = by_input(calibration, specs, "calibration")
    drawn = drawn_images(calibration, seed, calibration_images)
    for doubt in doubts_of_scale(graph, drawn, any(spec.events for spec in specs)):
        _log.warning("%s", doubt)
    if draws == 1:
        return prepared.converted(drawn, seed, progress)
    network, found = best_draw(prepared, calibration, range(seed, seed + draws), calibration_images, progress, client)
    if report is not None:
        report(found)
    return network


def doubts_not_repeated() -> AbstractContextManager[None]:
    """Silence what speaks against the images' scale, while a caller that has been told converts the same images again."""
    return silenced(_log)
