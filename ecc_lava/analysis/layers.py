"""What quantisation changed, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ecc_lava.analysis.differences import BATCH
from ecc_lava.backends import Result, simulate
from ecc_lava.common import Array, Images, Progress
from ecc_lava.inputs import batch_part, batch_size
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork

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
        Pearson correlation of counts over neurons and images; None if one of them is constant.
    saturated_low, saturated_high : int
        How often the integer potential is clipped at either end.
    """

    name: str
    spike_count_error: float | None
    rate_correlation: float | None
    saturated_low: int
    saturated_high: int


def compared_layers(
    network: QuantisedNetwork, snn: SpikingNetwork | None, x: Images, stage: Progress
) -> tuple[list[Result], list[Result], tuple[LayerReport, ...]]:
    """Run both networks through time on all images and compare their spike counts layer by layer."""
    names = [p.name for p in network.populations if p.kind.spikes]
    sums = {name: _Moments() for name in names}
    integer, reference = [], []
    samples = batch_size(x)
    for start in range(0, samples, BATCH):
        part = batch_part(x, slice(start, start + BATCH))
        integer.append(simulate(network, part, backend="fast", record=names, first_sample=start))
        if snn is not None:
            reference.append(simulate(snn, part, backend="float", record=names, first_sample=start))
            for name in names:
                sums[name].add(integer[-1].counts[name], reference[-1].counts[name])
        stage("float against integers, layer by layer", min(start + BATCH, samples), samples)
    layers = tuple(
        LayerReport(
            name,
            None if snn is None else sums[name].mean_difference() / (network.timesteps * network.by_name[name].payload.largest),
            None if snn is None else sums[name].correlation(),
            sum(r.saturated_low[name] for r in integer),
            sum(r.saturated_high[name] for r in integer),
        )
        for name in names
    )
    # recorded spikes are large, and nobody reads them any more
    return [_light(r) for r in integer], [_light(r) for r in reference], layers


def _light(result: Result) -> Result:
    return replace(result, counts={}, raster={}, potential={})


class _Moments:
    """Running sums for the mean difference and the correlation of two count arrays."""

    def __init__(self) -> None:
        self._sums = np.zeros(6, np.float64)  # n, a, b, aa, bb, ab
        self._difference = 0.0

    def add(self, a: Array, b: Array) -> None:
        a, b = a.astype(np.float64), b.astype(np.float64)
        self._sums += [a.size, a.sum(), b.sum(), (a * a).sum(), (b * b).sum(), (a * b).sum()]
        self._difference += float(np.abs(a - b).sum())

    def mean_difference(self) -> float:
        return self._difference / self._sums[0]

    def correlation(self) -> float | None:
        n, a, b, aa, bb, ab = self._sums
        spread = (aa - a * a / n) * (bb - b * b / n)
        return float((ab - a * b / n) / np.sqrt(spread)) if spread > 0 else None
