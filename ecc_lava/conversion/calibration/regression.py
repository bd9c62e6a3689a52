"""Ridge regression of weights towards the ideal input, checked on images that it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from ecc_lava.common import Array, Float

__all__ = ["HELD_OUT", "WIDEST", "Correction", "Regression"]

HELD_OUT = 0.25
"""Share of the rows that choose the penalty; they are the last rows."""

PENALTIES = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
"""Candidate penalties, in units of the mean square of an input; the trial goes from the usual one to where the error falls."""

USUAL = 5
"""Place among `PENALTIES` where most layers end, or near it."""

WIDEST = 8192
"""Most inputs whose products with one another are kept; the matrix has half a gigabyte then."""

ROWS = 4096
"""Most rows that weights of more inputs are fitted to, evenly spaced."""


class Correction(NamedTuple):
    """Changes of the weights, (K, C), and of the bias, (C,)."""

    weights: Float
    bias: Float


class Regression:
    """Corrections of weights by what their sources send: ``min |missing - inputs @ W - b|^2 + penalty * mean(inputs^2) * |W|^2``.

    Parameters
    ----------
    inputs : float32 array (M, K)
        Rates of the source neurons as they are; rows of one image lie together.
    """

    def __init__(self, inputs: Array) -> None:
        self._mean, self._size = inputs.mean(axis=0), inputs.shape[1]
        self._inputs, self._basis, self._rows = inputs - self._mean, None, slice(None)
        if self._size > WIDEST:
            self._rows = slice(None, None, -(-len(inputs) // ROWS))
            self._inputs, self._basis = _coordinates(self._inputs[self._rows])
            inputs = self._inputs
        self._fitted = slice(int(len(inputs) * (1 - HELD_OUT)))
        self._gram = self._product(self._fitted)
        self._penalty = PENALTIES[0]

    def _product(self, rows: slice) -> Array:
        part = self._inputs[rows]
        product: Array = part.T @ part
        return product

    def _cross(self, missing: Array, rows: slice) -> Array:
        cross: Array = self._inputs[rows].T @ missing[rows]
        return cross

    def correction(self, missing: Array) -> Correction | None:
        """Return the change of weights and bias that brings the sums nearest to what they should be, or None if no change is better.

        The penalty has the least error on the rows left out, as far as the error falls from the usual penalty on, and this error must be
        below that of a bias alone. The weights are then fitted to all rows.

        Parameters
        ----------
        missing : float32 array (M, C)
            Ideal sum minus the sum of the present weights.
        """
        if not self._gram.any():
            return None
        missing = missing[self._rows]
        left_out, mean = slice(self._fitted.stop, None), missing.mean(axis=0)
        missing = missing - mean
        cross = self._cross(missing, self._fitted)

        @cache
        def error(place: int) -> float:
            weights = self._solved(self._gram, PENALTIES[place], cross)
            return float(np.square(missing[left_out] - self._inputs[left_out] @ weights).sum())

        best = _descended(error, USUAL, len(PENALTIES))
        if error(best) >= float(np.square(missing[left_out]).sum()):
            return None
        self._penalty = PENALTIES[best]
        gram = (self._gram + self._product(left_out)).astype(np.float64)
        cross = (cross + self._cross(missing, left_out)).astype(np.float64)
        found = self._expanded(self._solved(gram, self._penalty, cross))
        return Correction(found, mean - self._mean @ found)

    def step(self, error: Array) -> Float | None:
        """Return the change of weights, (K, C), that an error of the rates, (M, C), calls for, with the penalty of the last correction.

        This is a Gauss-Newton step as if every neuron answered a change of its input. Silent neurons do not, so the step is too short.
        """
        if not self._gram.any():
            return None
        error = error[self._rows]
        cross = self._cross(error - error.mean(axis=0), self._fitted)
        return self._expanded(self._solved(self._gram, self._penalty, cross)).astype(np.float64)

    def _expanded(self, weights: Float) -> Float:
        """Return weights of all inputs from those of their coordinates."""
        return weights if self._basis is None else self._basis @ weights

    def _solved(self, gram: Array, penalty: float, cross: Array) -> Array:
        """Return ``inv(gram + penalty * mean square) @ cross``, (K, C), in the precision of its arguments."""
        import scipy.linalg

        ridged = gram.copy()
        np.einsum("ii->i", ridged)[:] += penalty * float(np.trace(gram, dtype=np.float64)) / self._size
        factor = scipy.linalg.cho_factor(ridged.T, overwrite_a=True, check_finite=False)  # symmetric: LAPACK takes it transposed as it lies
        weights: Array = scipy.linalg.cho_solve(factor, cross, check_finite=False)
        return weights


def _descended(error: Callable[[int], float], start: int, number: int) -> int:
    """Return the place where an error falls no further, of so many, going from `start` towards the side where it falls."""
    step = -1 if start and error(start - 1) < error(start) else 1
    while 0 <= start + step < number and error(start + step) < error(start):
        start += step
    return start


def _coordinates(inputs: Array) -> tuple[Array, Float]:
    """Return few inputs (M, r) that carry as much as many, (M, K), and the orthonormal directions (K, r) that they are along.

    Ridge regression needs no others: the weights of least penalty are sums of the rows, so that both have the same solution.
    """
    import scipy.linalg

    squares, along = scipy.linalg.eigh((inputs @ inputs.T).astype(np.float64), overwrite_a=True)
    kept = squares > 1e-6 * max(float(squares[-1]), 1e-30)  # float32: smaller ones are rounding
    size, along = np.sqrt(squares[kept]), along[:, kept]
    return (along * size).astype(np.float32), inputs.T.astype(np.float64) @ (along / size)
