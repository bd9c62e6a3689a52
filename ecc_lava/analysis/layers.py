"""What quantisation changed, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ecc_lava.analysis.differences import BATCH
from ecc_lava.backends import Result, simulate
from ecc_lava.cluster import Shards, shared_out
from ecc_lava.common import Array, Float, Images, Progress
from ecc_lava.inputs import ImageSource, batch_part, batch_size, clipping_not_repeated
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["LayerReport", "compared_layers"]


@dataclass(frozen=True)
class LayerReport:
    """What quantisation changed in one population: the integer network against the float network, both time-stepped.

    Attributes
    ----------
    name : str
    spike_count_error : float or None
        Mean of |n_int - n_float| / (m*T) over neurons and images, with n what a neuron sent in all and m the largest payload, 1 where
        spikes are binary; None without a float network.
    rate_correlation : float or None
        Pearson correlation of counts over neurons and images; None if one of them is constant. Carries, which a float network has not,
        have neither.
    saturated_low, saturated_high : int
        How often the integer potential is clipped at either end.
    """

    name: str
    spike_count_error: float | None
    rate_correlation: float | None
    saturated_low: int
    saturated_high: int


def compared_layers(
    network: QuantisedNetwork, snn: SpikingNetwork | None, x: Images | ImageSource, stage: Progress, client: Client | None = None
) -> tuple[list[Result], list[Result], tuple[LayerReport, ...]]:
    """Run both networks through time on all images and compare their spike counts layer by layer."""
    names = [p.name for p in network.populations if p.kind.spikes]
    samples, title = batch_size(x), "float against integers, layer by layer"
    starts = range(0, samples, BATCH)
    shards = Shards(
        [min(BATCH, samples - start) for start in starts],
        lambda index: (starts[index], batch_part(x, slice(starts[index], starts[index] + BATCH))),
        progress=lambda done, total, report: stage(title, done, total),
    )
    parts = shared_out(client, _compared_part, (network, snn, names), shards)
    integer, reference = [part[0] for part in parts], [part[1] for part in parts if part[1] is not None]
    sums = {} if snn is None else {name: _Moments() for name in _in_both(network)}
    for name, moments in sums.items():
        for part in parts:
            moments.add(part[2][name])
    layers = tuple(
        LayerReport(
            name,
            sums[name].mean_difference() / (network.timesteps * network.by_name[name].payload.largest) if name in sums else None,
            sums[name].correlation() if name in sums else None,
            sum(r.saturated_low[name] for r in integer),
            sum(r.saturated_high[name] for r in integer),
        )
        for name in names
    )
    return integer, reference, layers


def _compared_part(
    shared: tuple[QuantisedNetwork, SpikingNetwork | None, list[str]], item: tuple[int, Images]
) -> tuple[Result, Result | None, dict[str, tuple[Float, float]]]:
    """Return the results of some images, and the sums of every population for `_Moments`; recorded spikes stay where they are."""
    (network, snn, names), (start, part) = shared, item
    with clipping_not_repeated():
        integer = simulate(network, part, backend="fast", record=names, first_sample=start)
        if snn is None:
            return _light(integer), None, {}
        both = _in_both(network)
        reference = simulate(snn, part, backend="float", record=both, first_sample=start)
    return _light(integer), _light(reference), {name: sums_of(integer.counts[name], reference.counts[name]) for name in both}


def _in_both(network: QuantisedNetwork) -> list[str]:
    """Return the populations that fire in the float network too, which has no carries."""
    return [p.name for p in network.populations if p.kind.spikes and not p.carries_to]


def _light(result: Result) -> Result:
    return replace(result, counts={}, raster={}, potential={})


def sums_of(a: Array, b: Array) -> tuple[Float, float]:
    """Return size, sums, sums of squares and of products of two count arrays, and the sum of their absolute differences."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return np.array([a.size, a.sum(), b.sum(), (a * a).sum(), (b * b).sum(), (a * b).sum()]), float(np.abs(a - b).sum())


class _Moments:
    """Running sums for the mean difference and the correlation of two count arrays."""

    def __init__(self) -> None:
        self._sums = np.zeros(6, np.float64)  # n, a, b, aa, bb, ab
        self._difference = 0.0

    def add(self, of_part: tuple[Float, float]) -> None:
        self._sums += of_part[0]
        self._difference += of_part[1]

    def mean_difference(self) -> float:
        return self._difference / self._sums[0]

    def correlation(self) -> float | None:
        n, a, b, aa, bb, ab = self._sums
        spread = (aa - a * a / n) * (bb - b * b / n)
        return float((ab - a * b / n) / np.sqrt(spread)) if spread > 0 else None
