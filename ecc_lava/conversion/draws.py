"""Several draws of calibration images: a network of each, judged by images of no draw, and the best of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from ecc_lava.backends import simulate
from ecc_lava.common import Images, Outputs, Progress
from ecc_lava.conversion.blas import one_blas_thread
from ecc_lava.conversion.drawing import over_draws, validation_subset
from ecc_lava.conversion.prepared import Prepared
from ecc_lava.errors import RangeError
from ecc_lava.graph import shared_forward
from ecc_lava.inputs import ImageSource, batch_part, batch_size, clipping_not_repeated
from ecc_lava.networks import SpikingNetwork
from ecc_lava.quantisation import quantise
from ecc_lava.scores import Scorer

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Draw", "DrawReport", "best_draw"]


@dataclass(frozen=True)
class Draw:
    """One draw of calibration images.

    Attributes
    ----------
    seed : int
        `convert` with this seed and one draw gives the same network.
    kept : float or None
        How much of the CNN the integers keep on the validation images, 0 to 1: the agreement, or the share of the variance of outputs that
        are numbers. None if a number left its range.
    error : str
        What left its range.
    """

    seed: int
    kept: float | None
    error: str = ""


@dataclass(frozen=True)
class DrawReport:
    """What every draw of calibration images gave.

    Attributes
    ----------
    draws : tuple of Draw
    best : int
        Number of the draw that is kept: the one that keeps most, of equal ones the first.
    validation_images : int
        Images that judged; they stand in no draw.
    figure : {"agreement", "kept variance"}
        What `Draw.kept` is.
    """

    draws: tuple[Draw, ...]
    best: int
    validation_images: int
    figure: str

    @property
    def mean(self) -> float:
        """Mean over the draws that stayed in range."""
        return float(np.mean(self._kept))

    @property
    def interval(self) -> tuple[float, float] | None:
        """The mean's 95 % interval over draws, by Student's t distribution; None of fewer than two draws.

        It says how sure the mean of further draws is. What the validation images leave open is the same for all draws and not in it.
        """
        import scipy.special

        kept = self._kept
        if len(kept) < 2:
            return None
        half = float(scipy.special.stdtrit(len(kept) - 1, 0.975)) * float(np.std(kept, ddof=1)) / sqrt(len(kept))
        return max(0.0, self.mean - half), min(1.0, self.mean + half)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**asdict(self), "mean": self.mean, "interval": self.interval}

    @property
    def _kept(self) -> list[float]:
        return [draw.kept for draw in self.draws if draw.kept is not None]


@dataclass(frozen=True)
class _Shared:
    """What all draws take; progress is told where they run in this process."""

    prepared: Prepared
    validation: Images
    cnn: Outputs
    progress: Progress | None


@dataclass
class _Judged:
    """A draw's network, which goes once another is better."""

    draw: Draw
    network: SpikingNetwork | None

    def rank(self, index: int) -> tuple[bool, float, int]:
        """Return what sorts draws, the best first."""
        return self.draw.kept is None, -(self.draw.kept or 0.0), index


def best_draw(
    prepared: Prepared,
    calibration: Images | ImageSource,
    seeds: Sequence[int],
    size: int | None,
    progress: Progress | None = None,
    client: Client | None = None,
) -> tuple[SpikingNetwork, DrawReport]:
    """Return the network of the best draw, and what all of them gave.

    Parameters
    ----------
    prepared : Prepared
    calibration : array (N, H, W, C), arrays by input name, or ImageSource
    seeds : sequence of int
        One draws the images of each draw.
    size : int or None
        Images of a draw.
    progress, client
        As of `convert`.

    Raises
    ------
    InvalidInput
        If too few images are left to judge.
    RangeError
        If a number leaves its range in every draw.
    """
    tell, specs = progress or (lambda stage, done, total: None), prepared.network.input_specs
    validation = batch_part(calibration, validation_subset(batch_size(calibration), seeds, size))
    tell("draws", 0, len(seeds))
    with one_blas_thread():
        cnn = shared_forward(prepared.graph, validation, specs, client, partial(tell, "the CNN on validation images"))
    judged: dict[int, _Judged] = {}

    def finished(index: int, found: _Judged) -> None:
        judged[index] = found
        best = _best(judged)
        for other in judged.keys() - {best}:
            judged[other].network = None

    over_draws(
        _judged_draw,
        _Shared(prepared, validation, cnn, progress if client is None else None),
        calibration,
        seeds,
        size,
        client=client,
        finished=finished,
        progress=lambda done, total: tell("draws", done, total),
    )
    best = _best(judged)
    network = judged[best].network
    if network is None:
        raise RangeError(f"every one of {len(seeds)} draws leaves its range; the first: {judged[0].draw.error}")
    scorer = Scorer(prepared.graph)
    figure = "kept variance" if scorer.agreement(scorer.scores(cnn, cnn)) is None else "agreement"
    return network, DrawReport(tuple(judged[i].draw for i in range(len(seeds))), best, batch_size(validation), figure)


def _best(judged: Mapping[int, _Judged]) -> int:
    return min(judged, key=lambda index: judged[index].rank(index))


def _judged_draw(shared: _Shared, item: tuple[Images, int]) -> _Judged:
    """Convert on the images of a draw, and judge the integers that the recipe calibrates for."""
    (drawn, seed), prepared = item, shared.prepared
    try:
        network = prepared.converted(drawn, seed, shared.progress)
        integers = quantise(network, format=prepared.format, bits=prepared.bits)
        with clipping_not_repeated():  # validation images may leave the range of a few calibration images
            logits = simulate(integers, shared.validation).logits
    except RangeError as error:
        return _Judged(Draw(seed, None, str(error)), None)
    scorer = Scorer(integers, prepared.graph)
    return _Judged(Draw(seed, scorer.kept(scorer.scores(logits, shared.cnn))), network)
