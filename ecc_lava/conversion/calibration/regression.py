"""Ridge regression of weights towards the ideal input, checked on images that it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from ecc_lava.common import Array, Float, factorised, gram, on_all_cores, product, solved

__all__ = ["HELD_OUT", "WIDEST", "Correction", "Regression"]

HELD_OUT = 0.25
"""Share of the rows that choose the penalty; they are the last rows."""

PENALTIES = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
"""Candidate penalties, in units of the mean square of an input; the trial goes from the usual one to where the error falls."""

USUAL = 5
"""Place among `PENALTIES` where most layers end, or near it."""

WIDEST = 8192
"""Most inputs whose products with one another are kept; the matrix has half a gigabyte then."""

WIDER = 2
"""Times as many inputs as rows from which on the rows are taken in place of the inputs: fewer numbers say as much."""

ROUNDING = 1e-10
"""Share of the rows' squares that is added to each, so that rows that depend on one another have a factor."""

ROWS = 4096
"""Most rows that weights of more inputs are fitted to, evenly spaced."""

CHANNELS = 64
"""Channels whose products one thread makes at once."""

JUDGED = 64
"""Most channels, evenly spaced, that judge a penalty."""

_Solve: TypeAlias = Callable[[Array], Array]


class _Judged(NamedTuple):
    """The error of a penalty on the rows left out, and what solves with it."""

    error: float
    solve: _Solve


class Correction(NamedTuple):
    """Changes of the weights, (K, C), and of the bias, (C,)."""

    weights: Float
    bias: Float


class Regression:
    """Corrections of weights by what their sources send: ``min |missing - inputs @ W - b|^2 + penalty * mean(inputs^2) * |W|^2``.

    Parameters
    ----------
    inputs : float32 array (M, K)
        Rates of the source neurons as they are, which are overwritten; rows of one image lie together.
    """

    def __init__(self, inputs: Array) -> None:
        self._mean, self._size = inputs.mean(axis=0), inputs.shape[1]
        inputs -= self._mean
        self._inputs, self._rows = inputs, slice(None)
        self._expanded: _Solve = lambda weights: weights
        if self._size > WIDEST:
            self._rows = slice(None, None, -(-len(inputs) // ROWS))
        if self._size >= WIDER * len(inputs[self._rows]):
            self._inputs, self._expanded = _coordinates(inputs[self._rows])
        self._fitted = slice(int(len(self._inputs) * (1 - HELD_OUT)))
        self._solve: _Solve | None = None

    def correction(self, missing: Array) -> Correction | None:
        """Return the change of weights and bias that brings the sums nearest to what they should be, or None if no change is better.

        The penalty has the least error on the rows left out, as far as the error falls from the usual penalty on, and this error must be
        below that of a bias alone. The weights are then fitted to all rows.

        Parameters
        ----------
        missing : float32 array (M, C)
            Ideal sum minus the sum of the present weights.
        """
        products = gram(self._inputs[self._fitted])
        if not products.any():
            return None
        missing = missing[self._rows]
        left_out, mean = slice(self._fitted.stop, None), missing.mean(axis=0)
        missing = missing - mean
        cross = _cross(self._inputs[self._fitted], missing[self._fitted])
        some = slice(None, None, -(-missing.shape[1] // JUDGED))
        wanted, known = missing[left_out, some], cross[:, some]

        def judged(place: int) -> _Judged:
            solve = self._ridge(products, place)
            return _Judged(float(np.square(wanted - product(self._inputs[left_out], solve(known))).sum()), solve)

        best, (least, self._solve) = _descended(judged, USUAL, len(PENALTIES))
        if least >= float(np.square(wanted).sum()):
            self._solve = self._ridge(products, 0)
            return None
        cross += _cross(self._inputs[left_out], missing[left_out])
        products += gram(self._inputs[left_out])
        found = self._expanded(self._ridge(products, best)(cross)).astype(np.float64)
        return Correction(found, mean - self._mean @ found)

    def step(self, error: Array) -> Float | None:
        """Return the change of weights, (K, C), that an error of the rates, float32 (M, C), calls for, with the last correction's penalty.

        This is a Gauss-Newton step as if every neuron answered a change of its input. Silent neurons do not, so the step is too short.
        """
        if self._solve is None:
            return None
        missing = error[self._rows][self._fitted]
        return self._expanded(self._solve(_cross(self._inputs[self._fitted], missing - missing.mean(axis=0)))).astype(np.float64)

    def _ridge(self, products: Array, place: int) -> _Solve:
        """Return what solves ``(products + penalty * mean square) @ weights = cross`` for weights (K, C), in the products' type."""
        ridged = products.copy()
        np.einsum("ii->i", ridged)[:] += PENALTIES[place] * float(np.trace(products, dtype=np.float64)) / self._size
        lower = factorised(ridged)
        return lambda cross: solved(lower, cross)


def _cross(inputs: Array, missing: Array) -> Array:
    """Return the sum of the inputs' products with what is missing, (K, C)."""
    parts = [missing[:, start : start + CHANNELS] for start in range(0, missing.shape[1], CHANNELS)]
    return np.concatenate(on_all_cores(lambda part: product(inputs.T, part), parts), axis=1)


def _descended(judge: Callable[[int], _Judged], start: int, number: int) -> tuple[int, _Judged]:
    """Return the place where an error falls no further, of so many, going from `start` > 0 towards the side where it falls."""
    here, before = on_all_cores(judge, (start, start - 1))
    place, here, step = (start - 1, before, -1) if before.error < here.error else (start, here, 1)
    del before  # a factor is as large as the products
    while 0 <= place + step < number:
        further = judge(place + step)
        if further.error >= here.error:
            break
        place, here = place + step, further
    return place, here


def _coordinates(inputs: Array) -> tuple[Array, _Solve]:
    """Return as many inputs (M, M) as rows, which carry as much as all, (M, K), and what makes weights of all from weights of these.

    Ridge regression needs no others: the weights of least penalty are sums of the rows. With ``L @ L.T = X @ X.T``, X is L along the
    orthonormal ``X.T @ inv(L).T``, so that both have the same solution.
    """
    exact = inputs.astype(np.float64)
    products = gram(exact.T)
    products[np.diag_indices_from(products)] += max(ROUNDING * float(np.trace(products)), 1e-30)
    lower = np.tril(factorised(products))
    return lower.astype(np.float32), lambda weights: product(exact.T, solved(lower, product(lower, weights.astype(np.float64))))
