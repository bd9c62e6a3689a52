"""Ridge regression of weights towards the ideal input, checked on images that it has not seen."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ecc_lava.common import Array, Float

__all__ = ["HELD_OUT", "WIDEST", "Correction", "Regression"]

HELD_OUT = 0.25
"""Share of the rows that choose the penalty; they are the last rows."""

PENALTIES = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
"""Candidate penalties, in units of the mean square of an input, in the order of trial; the trial ends when the error rises."""


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
        self._factor = self._factorised(self._gram, PENALTIES[0]) if self._gram.any() else None

    def _product(self, rows: slice) -> Float:
        part = self._inputs[rows]
        product: Float = (part.T @ part).astype(np.float64)
        return product

    def _solved(self, factor: Any, missing: Array, rows: slice) -> Float:
        """Return the weights, (K, C), that some rows give for the missing input less its mean, (M, C)."""
        import scipy.linalg

        cross = (self._inputs[rows].T @ missing[rows]).astype(np.float64)
        weights: Float = scipy.linalg.cho_solve(factor, cross, overwrite_b=True, check_finite=False)
        return weights

    def correction(self, missing: Array) -> Correction | None:
        """Return the change of weights and bias that brings the sums nearest to what they should be, or None if no change is better.

        The penalty is the last of `PENALTIES` before the error on the rows left out rises, if that error is below the error of a bias
        alone. The weights are then fitted to all rows.

        Parameters
        ----------
        missing : float32 array (M, C)
            Ideal sum minus the sum of the present weights.
        """
        if self._factor is None:
            return None
        missing = missing[self._rows]
        left_out, mean = slice(self._fitted.stop, None), missing.mean(axis=0)
        missing = missing - mean
        least, best = float(np.square(missing[left_out]).sum()), None
        for penalty in PENALTIES:
            factor = self._factorised(self._gram, penalty)
            weights = self._solved(factor, missing, self._fitted).astype(np.float32)
            error = float(np.square(missing[left_out] - self._inputs[left_out] @ weights).sum())
            if error >= least:
                break
            least, best, self._factor = error, penalty, factor
        if best is None:
            return None
        found = self._expanded(self._solved(self._factorised(self._gram + self._product(left_out), best), missing, slice(None)))
        return Correction(found, mean - self._mean @ found)

    def step(self, error: Array) -> Float | None:
        """Return the change of weights, (K, C), that an error of the rates, (M, C), calls for, with the penalty of the last correction.

        This is a Gauss-Newton step as if every neuron answered a change of its input. Silent neurons do not, so the step is too short.
        """
        if self._factor is None:
            return None
        error = error[self._rows]
        return self._expanded(self._solved(self._factor, error - error.mean(axis=0), self._fitted))

    def _expanded(self, weights: Float) -> Float:
        """Return weights of all inputs from those of their coordinates."""
        return weights if self._basis is None else self._basis @ weights

    def _factorised(self, gram: Float, penalty: float) -> Any:
        import scipy.linalg

        unit = float(np.trace(gram)) / self._size
        ridged = gram.copy()
        np.einsum("ii->i", ridged)[:] += penalty * unit
        return scipy.linalg.cho_factor(ridged.T, overwrite_a=True, check_finite=False)  # symmetric: transposed, LAPACK takes it as it lies


def _coordinates(inputs: Array) -> tuple[Array, Float]:
    """Return few inputs (M, r) that carry as much as many, (M, K), and the orthonormal directions (K, r) that they are along.

    Ridge regression needs no others: the weights of least penalty are sums of the rows, so that both have the same solution.
    """
    import scipy.linalg

    squares, along = scipy.linalg.eigh((inputs @ inputs.T).astype(np.float64), overwrite_a=True)
    kept = squares > 1e-6 * max(float(squares[-1]), 1e-30)  # float32: smaller ones are rounding
    size, along = np.sqrt(squares[kept]), along[:, kept]
    return (along * size).astype(np.float32), inputs.T.astype(np.float64) @ (along / size)
