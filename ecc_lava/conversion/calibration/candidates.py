"""Candidates for the parameters of integrate-and-fire neurons, tried on recorded input.

Numba compiles the loops. All quantities are in units of the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from ecc_lava.common import Array, Float, Payload, compiled_by, in_parts

__all__ = ["Candidates", "Recorded", "best_gains", "tried"]

GAINS = (0.5, 2.0)
"""Limits of a gain, relative to the threshold's factor."""

LANES = 64
"""Neurons that the compiled loop steps together: channels, and rows where channels are few."""


class Candidates(NamedTuple):
    """Parameters to try, (K, C) each: K candidates for every channel; (C,) once one is chosen.

    Attributes
    ----------
    threshold : array
        Factor on lambda.
    bias, v_init : array
        Added bias per step, and initial potential, in thresholds.
    gain : array
        What one spike per step stands for.
    noise : array
        Mean square error of the rates.
    """

    threshold: Float
    bias: Float
    v_init: Float
    gain: Float
    noise: Float

    def chosen(self, order: Array) -> Candidates:
        """Return other candidates: rows (R, C) of these for every channel."""
        return Candidates(*(np.take_along_axis(values, order, axis=0) for values in self))


@dataclass(frozen=True, eq=False)
class Recorded:
    """What arrives at a population, and what it should answer.

    Attributes
    ----------
    current : float32 array (M, T, C)
        Input of every step, bias included, in thresholds.
    target : float32 array (M, C)
        Ideal rates.
    known : float32 array (N, C)
        Ideal rates of these rows and more, which show how often neurons saturate.
    most : array (C,)
        Largest gain.
    payload : Payload
        What a spike carries.
    together : bool
        Whether all channels have one threshold and one gain; the gain then is the threshold.
    """

    current: Array
    target: Array
    known: Array
    most: Array
    payload: Payload
    together: bool


@cache
def _kernel() -> Any:
    import numba

    def run(x: Array, target: Array, valid: int, factors: Array, most: Any, back: Any, v: Array, sums: Array) -> None:
        """Add up the numbers sent, their squares and their products with the target, of each lane, over x (G, T, L).

        The last group has `valid` lanes. Factors are those on the current, the bias and the initial potential, (3, L). With `back` = -1
        what was sent may be taken back, with 0 not.
        """
        groups, steps, lanes = x.shape
        zero = np.float32(0.0)
        sums[:] = 0.0
        for group in range(groups):
            for i in range(lanes):
                v[0, i] = factors[2, i]
                v[1, i] = zero
            for t in range(steps):
                for i in range(lanes):
                    potential = v[0, i] + x[group, t, i] * factors[0, i] + factors[1, i]
                    least = back * min(most, v[1, i])
                    sent = np.floor(potential)
                    sent = sent if sent > least else least
                    sent = sent if sent < most else most
                    v[0, i] = potential - sent
                    v[1, i] += sent
            for i in range(lanes if group < groups - 1 else valid):
                number = np.float64(v[1, i])
                sums[0, i] += number
                sums[1, i] += number * number
                sums[2, i] += number * target[group, i]

    return compiled_by(numba.njit, run)


def tried(recorded: Recorded, candidates: Candidates, rounds: int, every: int = 1) -> Candidates:
    """Return candidates with corrected biases, their best gains, and the mean square error of what neurons send with them.

    The error is corrected for the rows that are not tried (see `_Saturation`).

    ``v <- v + current/threshold + bias; k = clip(floor(v), low, m); v <- v - k``; the rate is the mean of k over the steps.

    Parameters
    ----------
    recorded : Recorded
    candidates : Candidates
        Their gains and noises do not matter.
    rounds : int
        Corrections of the bias by the mean error of the rates, which follow the bias almost one to one.
    every : int
        Rows of which one is taken.
    """
    number, channels = candidates.threshold.shape
    result = Candidates(*(np.array(values, np.float64) for values in candidates))
    width = min(LANES, channels)
    for first in range(0, channels, width):
        lanes = _Lanes(recorded, slice(first, min(first + width, channels)), every)
        in_parts(number, number * (rounds + 1) * lanes.steps, partial(lanes.run, result, rounds))
    return result


class _Lanes:
    """Some channels of the recorded input as the compiled loop reads them: groups of rows, the channels of each side by side."""

    def __init__(self, recorded: Recorded, block: slice, every: int) -> None:
        current, target = recorded.current[::every, :, block], recorded.target[::every, block]
        self._recorded, self._block = recorded, block
        self._rows, steps, channels = current.shape
        self._beside = max(1, min(LANES // channels, self._rows))  # rows that lie side by side
        groups = -(-self._rows // self._beside)
        self._valid = (self._rows - (groups - 1) * self._beside) * channels
        padding = groups * self._beside - self._rows
        filled = np.pad(current, ((0, padding), (0, 0), (0, 0))).reshape(groups, self._beside, steps, channels)
        self._x = np.ascontiguousarray(filled.transpose(0, 2, 1, 3)).reshape(groups, steps, -1)
        self._target = np.pad(target, ((0, padding), (0, 0))).reshape(groups, -1)
        exact = target.astype(np.float64)
        self._mean, self._square = exact.mean(axis=0), np.square(exact).mean(axis=0)
        self._most = recorded.most[block]
        self._saturation = _Saturation(recorded.known[:, block], target)
        self._per_rate = np.array([[steps], [steps**2], [steps]])  # numbers sent are T times the rates
        self.steps = self._x.size  # of all neurons together

    def run(self, candidates: Candidates, rounds: int, first: int, end: int) -> None:
        """Try some of the candidates, in place."""
        payload, kernel = self._recorded.payload, _kernel()
        v, sums = np.empty((2, self._x.shape[2]), np.float32), np.empty((3, self._x.shape[2]))
        limits = (np.float32(payload.largest), np.float32(-payload.signed))
        for k in range(first, end):
            threshold, bias, v_init, gain, noise = (values[k, self._block] for values in candidates)
            for trial in range(rounds + 1):
                factors = np.tile(np.stack([1.0 / threshold, bias, v_init]).astype(np.float32), self._beside)
                kernel(self._x, self._target, self._valid, factors, *limits, v, sums)
                sent, energy, match = sums.reshape(3, self._beside, -1).sum(axis=1) / (self._per_rate * self._rows)
                gain[:] = threshold if self._recorded.together else best_gains(energy, match, threshold, self._most)
                if trial < rounds:
                    bias += (self._mean - gain * sent) / gain
            noise[:] = self._square - 2 * gain * match + np.square(gain) * energy + self._saturation.missing(gain * payload.largest)


class _Saturation:
    """Errors of neurons that should send more than they can, where few rows are tried and the ideal rates of more rows are known.

    High rates are rare, so that the largest errors of a low threshold may lie outside the rows that are tried. Those errors alone, of
    ``target - gain * m``, need no trial. Their mean over all known rows less that over the tried ones corrects the noise (as a control
    variate does).
    """

    def __init__(self, known: Array, tried: Array) -> None:
        self._known, self._tried = known, tried

    def missing(self, limits: Float) -> Float:
        """Return what the mean square error of the rows tried lacks, of neurons that send at most `limits` (C,)."""
        known, tried = (_square_excess(rates, limits) / len(rates) for rates in (self._known, self._tried))
        return known - tried


@cache
def _excess() -> Any:
    import numba

    def run(rates: Array, limits: Array, total: Array) -> None:
        """Add to total (C,) the squares of what rates (N, C) have above the limits (C,)."""
        for row in range(len(rates)):
            for c in range(len(limits)):
                excess = rates[row, c] - limits[c]
                excess = excess if excess > 0 else np.float32(0.0)
                total[c] += np.float64(excess * excess)

    return compiled_by(numba.njit, run)


def _square_excess(rates: Array, limits: Float) -> Float:
    total = np.zeros(len(limits))
    _excess()(rates, limits.astype(np.float32), total)
    return total


def best_gains(energy: Array, match: Array, threshold: Array, most: Array) -> Float:
    """Return what one spike per step stands for, by least squares, within `GAINS` of the threshold's factor; all (C,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = np.where(energy > 0, match / energy, threshold)
    return np.minimum(np.clip(gain, GAINS[0] * threshold, GAINS[1] * threshold), most)
