"""`check`: does every stage equal the one before, and where numbers were rounded, how much was lost in which layer."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ecc_lava.arrays import Array, Images, Outputs, first_output, joined
from ecc_lava.audit import PopulationRange, one_step_bound
from ecc_lava.batches import as_batch, batch_part, batch_size, by_input, model_images
from ecc_lava.encode import clipping_not_repeated, encode_all
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph, forward
from ecc_lava.network import Kind, SpikingNetwork
from ecc_lava.progress import Progress
from ecc_lava.quantised import QuantisedNetwork
from ecc_lava.result import Result, agreement, largest_logit
from ecc_lava.simulation import simulate

__all__ = ["CheckReport", "Differences", "LayerReport", "check", "compare", "differences"]

BATCH = 16
"""Images whose spikes are held at once."""


@dataclass(frozen=True)
class Differences:
    """Two runs of the same integers.

    Attributes
    ----------
    images : int
    differing_spikes : int
        Neurons and steps at which one fired and the other did not.
    differing_potentials : int
        Neurons whose potential after the last step differs.
    """

    images: int
    differing_spikes: int
    differing_potentials: int

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.differing_spikes or self.differing_potentials)

    def __add__(self, other: Differences) -> Differences:
        """Return both together."""
        return Differences(
            self.images + other.images,
            self.differing_spikes + other.differing_spikes,
            self.differing_potentials + other.differing_potentials,
        )


@dataclass(frozen=True)
class LayerReport:
    """What quantisation changed in one population: the integer network against the float network, both time-stepped.

    Attributes
    ----------
    name : str
    spike_count_error : float or None
        Mean of |n_int - n_float| / T over neurons and images; None without a float network.
    rate_correlation : float or None
        Pearson correlation of counts over neurons and images; None if one of them is constant.
    saturated_low, saturated_high : int
        How often the integer potential was clipped.
    """

    name: str
    spike_count_error: float | None
    rate_correlation: float | None
    saturated_low: int
    saturated_high: int


@dataclass(frozen=True)
class CheckReport:
    """Outcome of `check`; numbers that could not be computed (no labels, no graph, no Lava) are None.

    Of a network with several outputs, accuracies are those of the first and `agreement` is the mean over all.
    """

    images: int
    timesteps: int
    golden_vs_fast: Differences
    float_on_integers_vs_fast: Differences
    lava_vs_fast: Differences | None
    layers: tuple[LayerReport, ...]
    ranges: tuple[PopulationRange, ...]
    ann_accuracy: float | None
    closed_form_accuracy: float | None
    float_accuracy: float | None
    integer_accuracy: float | None
    agreement: float | None
    synops_per_image: float
    input_macs_per_image: float
    digest: str

    @property
    def ok(self) -> bool:
        """Whether every back end that ran equals `fast`."""
        compared = (self.golden_vs_fast, self.float_on_integers_vs_fast, self.lava_vs_fast)
        return all(d is None or d.equal for d in compared)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return asdict(self)


def differences(a: Result, b: Result, names: Iterable[str]) -> Differences:
    """Count what differs between two runs that have recorded the same populations.

    Parameters
    ----------
    a, b : Result
    names : populations
    """
    names = list(names)
    spikes = sum(int(np.unpackbits(np.bitwise_xor(a.raster[name], b.raster[name])).sum()) for name in names)
    potentials = sum(int(np.count_nonzero(a.potential[name] != b.potential[name])) for name in names)
    return Differences(len(a.synops), spikes, potentials)


def compare(network: QuantisedNetwork, x: Images, backend: str, timesteps: int | None = None) -> Differences:
    """Run images on `fast` and on another back end and count what differs, over every population.

    Parameters
    ----------
    network : QuantisedNetwork
    x : array (N, H, W, C), or arrays by input name
    backend : {"golden", "lava", "float"}
        "float" runs the integer network's own numbers in the float engine.
    timesteps : int, optional
    """
    from ecc_lava.quantisation import as_float

    other: QuantisedNetwork | SpikingNetwork = as_float(network) if backend == "float" else network
    names = [p.name for p in network.populations if p.kind is not Kind.INPUT]
    x = by_input(x, network.input_specs)
    samples = batch_size(x)
    size = samples if backend == "lava" else BATCH
    total = Differences(0, 0, 0)
    for start in range(0, samples, size):
        part = batch_part(x, slice(start, start + size))
        a = simulate(network, part, backend="fast", record=names, timesteps=timesteps, first_sample=start)
        b = simulate(other, part, backend=backend, record=names, timesteps=timesteps, first_sample=start)
        total += differences(a, b, names)
    return total


def check(
    network: QuantisedNetwork,
    x: Images,
    *,
    snn: SpikingNetwork | None = None,
    graph: Graph | None = None,
    labels: Array | None = None,
    exact_images: int = 8,
    lava: bool | None = None,
    progress: Progress | None = None,
) -> CheckReport:
    """Check an integer network against the stages before it and the other back ends.

    Parameters
    ----------
    network : QuantisedNetwork
    x : array (N, H, W, C), or arrays by input name
        Images as the Keras model takes them; uint8 is scaled.
    snn, graph : optional
        The float network and CNN it was made from.
    labels : int array (N,), optional
        Of the first output.
    exact_images : int
        The first so many images are run on `golden`, `float` on the integers and Lava, and compared bit for bit.
    lava : bool, optional
        Run Lava; by default where it is installed.
    progress : callable (stage, done, total), optional

    Raises
    ------
    InvalidInput
        If images or labels do not fit.
    RangeError
        If a potential can leave its format, or the readout did.
    LavaError
        If the Lava runtime fails.
    """
    x = by_input(x, network.input_specs)
    inputs, samples = as_batch(x, network.input_specs), batch_size(x)
    if labels is not None and np.shape(labels) != (samples,):
        raise InvalidInput(f"labels of shape {np.shape(labels)} for {samples} images")
    if lava is None:
        lava = _lava_is_installed()
    few = batch_part(x, slice(exact_images))
    encode_all(inputs, network.codings)  # warns of clipped values, once for all images
    del inputs

    def stage(name: str, done: int, total: int) -> None:
        if progress:
            progress(name, done, total)

    def compared(backend: str, title: str) -> Differences:
        stage(title, 0, batch_size(few))
        found = compare(network, few, backend)
        stage(title, batch_size(few), batch_size(few))
        return found

    ranges = one_step_bound(network)
    ann = None if graph is None else largest_logit(forward(graph, model_images(x, network.input_specs)))
    with clipping_not_repeated():
        golden = compared("golden", "golden against fast")
        floating = compared("float", "float engine on the integers against fast")
        in_lava = compared("lava", "Lava against fast") if lava else None
        integer, reference, layers = _layers(network, snn, x, stage)
        closed = None if snn is None else simulate(snn.ideal or snn, x, backend="closed_form").predictions

    def accuracy(predictions: Outputs | None) -> float | None:
        return None if predictions is None or labels is None else float((first_output(predictions) == labels).mean())

    predictions = joined([r.predictions for r in integer])
    return CheckReport(
        images=samples,
        timesteps=network.timesteps,
        golden_vs_fast=golden,
        float_on_integers_vs_fast=floating,
        lava_vs_fast=in_lava,
        layers=layers,
        ranges=ranges,
        ann_accuracy=accuracy(ann),
        closed_form_accuracy=accuracy(closed),
        float_accuracy=accuracy(joined([r.predictions for r in reference]) if reference else None),
        integer_accuracy=accuracy(predictions),
        agreement=None if ann is None else agreement(predictions, ann),
        synops_per_image=float(np.mean([r.synops.mean() for r in integer])),
        input_macs_per_image=float(np.mean([r.input_macs.mean() for r in integer])),
        digest=network.digest,
    )


def _lava_is_installed() -> bool:
    """Look for Lava without importing it; other packages of that name have no `magma`."""
    with suppress(ModuleNotFoundError):
        return importlib.util.find_spec("lava.magma") is not None
    return False


def _layers(
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
            None if snn is None else sums[name].mean_difference() / network.timesteps,
            None if snn is None else sums[name].correlation(),
            sum(r.saturated_low[name] for r in integer),
            sum(r.saturated_high[name] for r in integer),
        )
        for name in names
    )
    # without the recorded spikes, which are large
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
