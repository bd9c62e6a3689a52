"""Layer-wise calibration: every population is fitted to what really arrives, in the chip's integers, at the T that will run.

Plain integrate-and-fire neurons lose accuracy in time: inputs come unevenly, spikes fired too early cannot be taken back, and every layer
adds to the error of the one before. The pass visits the populations in order, with what the calibrated integer network sends so far:

1. *weights* (`weights`): ridge regression of the ideal input on the rates that arrive ("advanced", see `regression`);
2. *initial potential* (`neuron_fit`): ``v_init = fraction*vth - k - d``, ``bias += (k + d)/T``. Here k is how far the channel's mean
   input runs ahead of an even one (see `response.start_up`) and d the v_init offset. The sum over T steps stays, but what runs ahead no
   longer fires;
3. *threshold* and *v_init offset* (`neuron_fit`): for each channel, the factor on lambda and the offset with the least mean square error
   of the rates; with payloads of several bits then a lambda that suits a threshold of a power of two (`shifts`);
4. *answers*: bias ("light") and weights again, by the rates that the integers themselves answer with, so that rounding is part of it.
   A change is fitted to some images and stays if the others come nearer to their ideal, by however little: of many populations it moves
   none much, but ResNet-20 at T=16 loses half a point less and agrees half a point more often (three draws of images);
5. *gain*: what one spike stands for to the populations after it, by least squares.

Sources: Li et al., "A Free Lunch From ANN: Towards Efficient, Accurate Spiking Neural Networks Calibration", ICML 2021, for bias and
weights; Wu, Yi and Huang 2022 for thresholds and residuals (see `ecc_lava.conversion.passes`). The start-up is this project's own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.conversion.at_once import by_images
from ecc_lava.conversion.calibration.candidates import Candidates, Recorded
from ecc_lava.conversion.calibration.changes import with_divided_weights, with_numbers
from ecc_lava.conversion.calibration.goal import Goal
from ecc_lava.conversion.calibration.neuron_fit import fit_neurons
from ecc_lava.conversion.calibration.presynaptic import PresynapticInput
from ecc_lava.conversion.calibration.regression import HELD_OUT
from ecc_lava.conversion.calibration.shifts import with_shifts
from ecc_lava.conversion.calibration.weight_rounding import with_rounded_weights
from ecc_lava.conversion.calibration.weights import RefittedWeights, refitted
from ecc_lava.conversion.passes.interface import IntegerPass
from ecc_lava.conversion.rescaling import rescaled
from ecc_lava.networks import Kind, Population, SpikingNetwork

__all__ = ["LayerwiseCalibration"]

_log = logging.getLogger(__name__)

REFITTED_LEVELS = 64
"""Steps of lambda, over all T, from which on payloads of several bits leave weights as they are, and the bias as the first fit has it: what
is rounded more finely is worth no change. Refitted to rates of 255 levels, ResNet-20's weights left 0.095 % of the logits' variance as
error, weights as they were 0.074 %."""


@dataclass(frozen=True)
class LayerwiseCalibration(IntegerPass):
    """Fit every population, in order, to what the calibrated integer network before it sends.

    Attributes
    ----------
    thresholds : tuple of float
        Factors on lambda that are tried.
    fraction : float
        Initial potential in thresholds, before the correction of the start-up.
    v_init_offset : tuple of float
        Reductions of v_init that are tried, in thresholds; a negative one raises it. A lower v_init removes surplus spikes but delays the
        layers that follow: much more than half a threshold helps a layer and harms the network.
    rows : int
        Neurons per channel, over images and positions, that weights are fitted on.
    candidate_rows : int
        Neurons per channel that thresholds and initial potentials are tried on.
    refit : bool
        Whether weights are refitted where rates are coarse, and rounded together where payloads have several bits.
    answers : int
        Most corrections of bias and weights by the rates that the integer population answers with.
    """

    observes: ClassVar[bool] = True
    thresholds: tuple[float, ...] = (0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7)
    fraction: float = 0.5
    v_init_offset: tuple[float, ...] = (-0.15, 0.0, 0.15, 0.3, 0.45, 0.6)
    rows: int = 16384
    candidate_rows: int = 4096
    refit: bool = True
    answers: int = 2

    def __call__(self, network: SpikingNetwork, images: Mapping[str, Float]) -> SpikingNetwork:
        """Return the calibrated network; `rate_forward` still is that of `network`."""
        format, bits = self.integers(network)
        arrivals = PresynapticInput(network, images, format, bits, self.rows)
        calibrated = network
        populations = network.populations[len(network.inputs) :]
        for done, population in enumerate(populations):
            self.tell("calibrating populations", done, len(populations))
            ideal = arrivals.ideal_sum(population)
            if population.kind is Kind.IF:
                calibrated = self._neurons(calibrated, population, ideal, arrivals)
            elif population.kind is Kind.READOUT:
                calibrated, _ = self._weights(calibrated, population, ideal, arrivals)
                error = (ideal - arrivals.sums(calibrated, population.name)).mean(axis=(0, 1, 2))
                calibrated = with_numbers(calibrated, population.name, bias=calibrated.by_name[population.name].bias + error)
                calibrated = _observed(calibrated, population.name, arrivals)
            else:
                calibrated = _observed(calibrated, population.name, arrivals)
                arrivals.keep(population.name, arrivals.answer(calibrated, population.name))
            arrivals.settle(population, ideal)
        self.tell("calibrating populations", len(populations), len(populations))
        return replace(calibrated, ideal=network.ideal or network)

    def _neurons(self, network: SpikingNetwork, population: Population, ideal: Array, arrivals: PresynapticInput) -> SpikingNetwork:
        """Return the network with one integrate-and-fire population calibrated; its spikes have arrived."""
        goal = Goal.of(network, population, ideal)
        network, weights = self._weights(network, population, ideal, arrivals)
        current, sums = self._arriving(network, population, arrivals)
        target, known = (arrivals.sampled(population, goal.rates, rows) for rows in (self.candidate_rows, self.rows))
        fit = fit_neurons(
            Recorded(current, target, known, goal.largest_gain, population.payload, goal.together),
            thresholds=(1.0,) if goal.fixed else self.thresholds,
            v_init_offsets=self.v_init_offset,
            fraction=self.fraction,
        )
        own = network.by_name[goal.name]
        network = with_divided_weights(network, goal.name, fit.threshold)
        v_init = np.reshape(fit.v_init, (1, 1, -1)) * own.vth
        network = with_numbers(network, goal.name, bias=own.bias / fit.threshold + fit.bias, v_init=v_init)
        if sums is None:
            network = _observed(network, goal.name, arrivals)
        else:
            largest = [np.abs(reach(sums, axis=(0, 1, 2)) / fit.threshold + fit.bias) for reach in (np.min, np.max)]
            network = with_numbers(network, goal.name, observed=np.max(largest, axis=0).reshape(1, 1, -1))
        network, fit = with_shifts(network, goal, fit, arrivals)
        if self.refit and population.payload.is_shift:
            network = with_rounded_weights(network, goal.name, arrivals)
        network, gain = self._answering(network, goal, fit, weights, arrivals)
        factor: Float = np.reshape(gain[:1] if goal.together else gain, (1, 1, -1))
        return rescaled(network, {goal.name: factor * own.lambda_}, incoming=False)

    def _arriving(self, network: SpikingNetwork, population: Population, arrivals: PresynapticInput) -> tuple[Array, Array | None]:
        """Return the input of every step at some positions, (M, T, C), and at one step of payloads all of it, which shows its range."""
        if arrivals.timesteps > 1 or not network.hears_payloads(population.name):
            return arrivals.currents(network, population.name, self.candidate_rows), None
        sums = arrivals.sums(network, population.name)
        return arrivals.sampled(population, sums, self.candidate_rows)[:, None], sums

    def _weights(
        self, network: SpikingNetwork, population: Population, ideal: Array, arrivals: PresynapticInput
    ) -> tuple[SpikingNetwork, RefittedWeights | None]:
        """Return what `refitted` does, unless weights stay as they are."""
        refits = self.refit and not _is_fine(network, arrivals)
        return refitted(network, population, ideal, arrivals) if refits else (network, None)

    def _answering(
        self, network: SpikingNetwork, goal: Goal, fit: Candidates, weights: RefittedWeights | None, arrivals: PresynapticInput
    ) -> tuple[SpikingNetwork, Float]:
        """Return the network with bias and weights corrected by how the integers answer, and the gains; its spikes have arrived."""
        name, wanted, held_out = goal.name, goal.rates, int(len(goal.rates) * (1 - HELD_OUT))
        best, least, kept, gains = network, np.inf, None, fit.threshold
        answers = 0 if _is_fine(network, arrivals) else self.answers
        for number in range(answers + 1):
            answer = arrivals.answer(network, name)
            gain = goal.gains(fit.threshold, wanted, answer.rates)
            error = by_images(_missing(gain), wanted, answer.rates)
            noise, mean = float(np.square(error[held_out:]).mean()), np.mean(error, axis=(0, 1, 2), dtype=np.float64)
            if noise >= least:
                break
            best, least, kept, gains = network, noise, answer, gain
            if number == answers:
                break
            network = with_numbers(network, name, bias=network.by_name[name].bias + mean / gain)
            if weights:
                network = weights.answered(network, arrivals.sampled(goal.population, error), gain)
        assert kept is not None
        arrivals.keep(name, kept)
        relative = least / max(float(wanted[held_out:].var(axis=(0, 1, 2)).mean()), 1e-12)
        _log.info("%s: noise %.4f of the signal, threshold x%.2f, v_init %.2f", name, relative, fit.threshold.mean(), fit.v_init.mean())
        return best, gains


def _missing(gain: Float) -> Callable[[Array, Array], Array]:
    """Return what gives the error of rates of which one stands for `gain`, float32."""
    factor: Array = gain.astype(np.float32)
    return lambda wanted, rates: wanted - rates * factor


def _is_fine(network: SpikingNetwork, arrivals: PresynapticInput) -> bool:
    """Whether payloads are rounded so finely that no weights are worth a change."""
    return network.payload.is_shift and network.payload.largest * arrivals.timesteps >= REFITTED_LEVELS


def _observed(network: SpikingNetwork, name: str, arrivals: PresynapticInput) -> SpikingNetwork:
    """Return the network with the largest input that really arrives at a population, where payloads do."""
    return with_numbers(network, name, observed=arrivals.reach(network, name)) if network.hears_payloads(name) else network
