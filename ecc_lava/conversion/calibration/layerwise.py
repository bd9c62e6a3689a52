"""Layer-wise calibration: every population is fitted to what really arrives, in the chip's integers, at the T that will run.

Plain integrate-and-fire neurons lose accuracy in time: inputs come unevenly, spikes fired too early cannot be taken back, and every layer
adds to the error of the one before. Going through the populations in order, with what the calibrated integer network sends so far:

1. *weights*: ridge regression of the ideal input on the rates that arrive ("advanced", see `ecc_lava.conversion.calibration.regression`);
2. *initial potential*: ``v_init = fraction*vth - k - d``, ``bias += (k + d)/T``, with k how far the channel's mean input runs ahead of
   an even one (see `response.start_up`) and d a lateness: the sum over T steps stays, but what runs ahead no longer fires;
3. *threshold* and *lateness*: of several factors on each channel's lambda, and of a few latenesses, those with the least mean square error
   of the rates;
4. *answers*: bias ("light") and weights again, by the rates that the integers themselves answer with, so that rounding is part of it;
   a change, fitted to some images, stays if the others are nearer to their ideal;
5. *gain*: what one spike stands for to the populations after it, by least squares.

Sources: Li et al., "A Free Lunch From ANN: Towards Efficient, Accurate Spiking Neural Networks Calibration", ICML 2021, for bias and
weights; Wu, Yi and Huang 2022 for thresholds and residuals (see `ecc_lava.conversion.passes.passes`). The start-up is this project's own.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from itertools import product

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.conversion.calibration.presynaptic import PresynapticInput
from ecc_lava.conversion.calibration.regression import HELD_OUT, Regression
from ecc_lava.conversion.calibration.response import errors, moments, spike_counts, start_up
from ecc_lava.conversion.calibration.weight_sharing import Sharing
from ecc_lava.conversion.passes.interface import IntegerPass
from ecc_lava.conversion.rescaling import rescaled
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Conv, Dense, Geometry, is_binary, mixes_channels, scaled_by_target, with_kernel
from ecc_lava.networks import Kind, Population, Projection, SpikingNetwork

__all__ = ["LayerwiseCalibration"]

_log = logging.getLogger(__name__)

ROUNDS = 4
"""Corrections of the bias for every candidate; the mean rate follows the bias almost one to one."""

GAINS = (0.5, 2.0)
"""Limits of a gain, relative to the threshold's factor."""


@dataclass(frozen=True)
class LayerwiseCalibration(IntegerPass):
    """Fit every population, in order, to what the calibrated integer network before it sends.

    Attributes
    ----------
    thresholds : tuple of float
        Factors on lambda that are tried.
    fraction : float
        Initial potential in thresholds, before the correction of the start-up.
    lateness : tuple of float
        Lower initial potentials that are tried, in thresholds; below 0 a higher one. A later neuron fires fewer spikes too many, but those
        after it get them later: much more than half a threshold helps a layer and harms the network.
    rows : int
        Neurons per channel, over images and positions, that a population is fitted on.
    refit : bool
        Whether weights are refitted.
    answers : int
        Corrections of bias and weights by the rates that the integer population answers with.
    """

    thresholds: tuple[float, ...] = (0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7)
    fraction: float = 0.5
    lateness: tuple[float, ...] = (-0.15, 0.0, 0.15, 0.3, 0.45, 0.6)
    rows: int = 16384
    refit: bool = True
    answers: int = 2

    def __call__(self, network: SpikingNetwork, images: Mapping[str, Float]) -> SpikingNetwork:
        """Return the calibrated network; `rate_forward` still is that of `network`."""
        if network.timesteps is None or self.format is None or self.bits is None:
            raise InvalidInput("layer-wise calibration needs timesteps, a number format and a width of weights; use it in `convert`")
        arrivals = PresynapticInput(network, images, self.format, self.bits, self.rows)
        calibrated = network
        populations = network.populations[len(network.inputs) :]
        for done, population in enumerate(populations):
            self.tell("calibrating populations", done, len(populations))
            ideal = arrivals.ideal_sum(population)
            if population.kind is Kind.IF:
                calibrated = self._population(calibrated, population, ideal, arrivals)
            elif population.kind is Kind.READOUT:
                calibrated, _ = self._refitted(calibrated, population, ideal, arrivals)
                error = (ideal - arrivals.sums(calibrated, population.name)).mean(axis=(0, 1, 2))
                calibrated = _with(calibrated, population.name, bias=calibrated.by_name[population.name].bias + error)
            else:
                arrivals.advance(calibrated, population.name)
            arrivals.settle(population, ideal)
        self.tell("calibrating populations", len(populations), len(populations))
        return replace(calibrated, ideal=network.ideal or network)

    def _population(self, network: SpikingNetwork, population: Population, ideal: Array, arrivals: PresynapticInput) -> SpikingNetwork:
        """Return the network with one population calibrated; its spikes have arrived."""
        name = population.name
        most = np.broadcast_to(population.ceiling / population.lambda_, (1, 1, population.shape[2]))
        target = np.clip(ideal, 0.0, most).astype(np.float32)
        network, weights = self._refitted(network, population, ideal, arrivals)
        at_once = {p.source for p in network.projections if is_binary(p.geometry) and mixes_channels(p.geometry)}
        fit = self._fitted(arrivals.currents(network, name), arrivals.sampled(population, target), most.ravel(), together=name in at_once)
        own = network.by_name[name]
        network = _divided(network, name, fit.threshold)
        network = _with(network, name, bias=own.bias / fit.threshold + fit.bias, v_init=np.reshape(fit.v_init, (1, 1, -1)) * own.vth)
        network, gain = self._answering(network, population, target, fit, weights, arrivals, together=name in at_once)
        factor: Float = np.reshape(gain[:1] if name in at_once else gain, (1, 1, -1))
        return rescaled(network, {name: factor * own.lambda_}, incoming=False)

    def _answering(
        self,
        network: SpikingNetwork,
        population: Population,
        target: Array,
        fit: _Fit,
        weights: _Weights | None,
        arrivals: PresynapticInput,
        together: bool,
    ) -> tuple[SpikingNetwork, Float]:
        """Return the network with bias and weights corrected by how the integers answer, and the gains; its spikes have arrived."""
        name, held_out = population.name, int(len(target) * (1 - HELD_OUT))
        most = np.broadcast_to(population.ceiling / population.lambda_, (1, 1, population.shape[2])).ravel()
        best, gain, least = network, fit.gain, np.inf
        for number in range(self.answers + 1):
            rates = arrivals.advance(network, name)
            gains = fit.gain if together else _gains(*moments(_rows(target), _rows(rates)), fit.threshold, most)
            error = target - rates * gains
            noise = float(np.square(error[held_out:]).mean())
            if noise >= least:
                arrivals.advance(best, name)
                break
            best, gain, least = network, gains, noise
            if number < self.answers:
                network = _with(network, name, bias=network.by_name[name].bias + error.mean(axis=(0, 1, 2)) / gains)
                change = weights.regression.step(arrivals.sampled(population, error)) if weights else None
                if weights and change is not None:
                    network = weights.added(network, change / gains)
        relative = least / max(float(target[held_out:].var(axis=(0, 1, 2)).mean()), 1e-12)
        _log.info("%s: noise %.4f of the signal, threshold x%.2f, v_init %.2f", name, relative, fit.threshold.mean(), fit.v_init.mean())
        return best, gain

    def _fitted(self, current: Array, target: Array, most: Array, together: bool) -> _Fit:
        """Return the parameters of every channel with the least mean square error of the rates.

        Parameters
        ----------
        current : float32 array (M, T, C)
            Input of every step, bias included, in thresholds.
        target : float32 array (M, C)
            Ideal rates.
        most : array (C,)
            Largest gain.
        together : bool
            Whether all channels have one threshold and one gain.
        """
        steps, channels = current.shape[1:]
        ahead = start_up(current)
        best: _Fit | None = None
        for late, factor in product(self.lateness, self.thresholds):
            threshold = np.full(channels, factor)
            lower = ahead / factor + late
            v_init = self.fraction - lower
            bias, gain = lower / steps, threshold
            for trial in range(ROUNDS + 1):
                rates = spike_counts(current, 1.0 / threshold, bias, v_init) / steps
                if not together:
                    gain = _gains(*moments(target, rates), threshold, most)
                error, noise = errors(target, rates, gain)
                if trial < ROUNDS:
                    bias = bias + error / gain
            if best is not None:
                noise = np.where(threshold <= most, noise, np.inf)  # rate 1 never stands for more than the model's own ceiling
            found = _Fit(threshold, bias, v_init, gain, noise)
            best = found if best is None else best.better(found, together)
        assert best is not None
        return best

    def _refitted(
        self, network: SpikingNetwork, population: Population, ideal: Array, arrivals: PresynapticInput
    ) -> tuple[SpikingNetwork, _Weights | None]:
        """Return the network with the weights into a population corrected towards its ideal input where that helps, and these weights."""
        name = population.name
        chosen = {
            place: p
            for place, p in enumerate(network.projections)
            if p.target == name and _refittable(p.geometry) and not arrivals.is_constant(p.source)
        }
        if not self.refit or not chosen:
            return network, None
        shared = {place: Sharing.of(p.geometry.kernel, network.by_name[p.source].shape[2]) for place, p in chosen.items()}
        rates = np.concatenate([shared[place].reduced(arrivals.rates_read(p)) for place, p in chosen.items()], axis=1)
        weights = _Weights(shared, Regression(rates))
        missing = arrivals.sampled(population, (ideal - arrivals.sums(network, name)).astype(np.float32))
        found = weights.regression.correction(missing)
        if found is not None:
            network = _with(weights.added(network, found.weights), name, bias=network.by_name[name].bias + found.bias)
        return network, weights


@dataclass(frozen=True)
class _Weights:
    """The projections into a population whose weights are refitted, by place, and their regression: kernels one below the other."""

    shared: Mapping[int, Sharing]
    regression: Regression

    def added(self, network: SpikingNetwork, change: Float) -> SpikingNetwork:
        """Return the network with these projections' weights changed, (K, C)."""
        projections, start = list(network.projections), 0
        for place, sharing in self.shared.items():
            kernel = projections[place].geometry.kernel
            stop = start + kernel[..., 0].size // len(sharing.basis) * sharing.basis.shape[1]
            added = sharing.expanded(change[start:stop]).reshape(kernel.shape)
            geometry = with_kernel(projections[place].geometry, kernel + added)
            projections[place], start = replace(projections[place], geometry=geometry), stop
        return replace(network, projections=tuple(projections))


@dataclass(frozen=True)
class _Fit:
    """Parameters of a population's channels, (C,) each, and the mean square error of their rates."""

    threshold: Float
    bias: Float
    v_init: Float
    gain: Float
    noise: Float

    def better(self, other: _Fit, together: bool) -> _Fit:
        """Return the better of both for every channel, or for all together."""
        mine = self.noise <= other.noise
        if together:
            mine = np.full(mine.shape, self.noise.sum() <= other.noise.sum())
        return _Fit(*(np.where(mine, getattr(self, field.name), getattr(other, field.name)) for field in fields(self)))


def _gains(energy: Array, match_: Array, threshold: Array, most: Array) -> Float:
    """Return what one spike per step stands for, by least squares, within `GAINS` of the threshold's factor; all (C,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = np.where(energy > 0, match_ / energy, threshold)
    return np.minimum(np.clip(gain, GAINS[0] * threshold, GAINS[1] * threshold), most)


def _rows(values: Array) -> Array:
    """Return values (N, H, W, C) as (M, C)."""
    return values.reshape(-1, values.shape[-1])


def _refittable(geometry: Geometry) -> bool:
    """Whether any change of the weights is an operator of the same geometry, and worth it."""
    if is_binary(geometry):
        return False
    return isinstance(geometry, Dense) or (
        isinstance(geometry, Conv) and geometry.groups == 1 and geometry.gain is None and geometry.kernel.shape[2] > 1
    )


def _with(network: SpikingNetwork, name: str, **changes: Array) -> SpikingNetwork:
    populations = tuple(replace(p, **changes) if p.name == name else p for p in network.populations)  # type: ignore[arg-type]
    return replace(network, populations=populations)


def _divided(network: SpikingNetwork, name: str, threshold: Array) -> SpikingNetwork:
    """Return the network with every weight into a population divided by its channel's factor."""

    def divided(p: Projection) -> Projection:
        return replace(p, geometry=with_kernel(p.geometry, scaled_by_target(p.geometry, 1.0 / threshold))) if p.target == name else p

    return replace(network, projections=tuple(divided(p) for p in network.projections))
