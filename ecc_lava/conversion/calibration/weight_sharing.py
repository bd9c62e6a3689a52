"""Weights that are equal at several positions of a kernel, as after an average was folded in, stay equal when refitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Array, Float

__all__ = ["Sharing"]

DIGITS = 12
"""Decimal digits, relative to the largest weight, to which equal weights agree."""


@dataclass(frozen=True, eq=False)
class Sharing:
    """The positions of a kernel that share their weights; a fit of fewer weights is better.

    Attributes
    ----------
    basis : array (P, G)
        Orthonormal: ``1/sqrt(n)`` where a position is one of the n of a group. A penalty on weights is the same in either form.
    """

    basis: Array

    @staticmethod
    def of(kernel: Array, channels: int) -> Sharing:
        """Return the sharing of a kernel (..., C_out) with `channels` input channels, the last of its other axes."""
        by_position = kernel.reshape(-1, channels * kernel.shape[-1])
        unit = 10.0**DIGITS / max(float(np.abs(kernel).max()), 1e-290)
        numbers: dict[bytes, int] = {}
        group = [numbers.setdefault((np.round(row * unit) + 0.0).tobytes(), len(numbers)) for row in by_position]  # + 0.0: no -0.0
        members = np.eye(len(numbers), dtype=np.float32)[group]
        return Sharing(members / np.sqrt(members.sum(axis=0)))

    def reduced(self, rates: Array) -> Array:
        """Return the rates that the shared weights read, (M, G*C), from the rates that all weights read, (M, P*C)."""
        positions, groups = self.basis.shape
        if groups == positions:
            return rates
        return np.einsum("mpc,pg->mgc", rates.reshape(len(rates), positions, -1), self.basis, optimize=True).reshape(len(rates), -1)

    def expanded(self, weights: Float) -> Float:
        """Return all weights, (P*C, C_out), from the shared ones, (G*C, C_out)."""
        positions, groups = self.basis.shape
        if groups == positions:
            return weights
        shared = weights.reshape(groups, -1)
        result: Float = (self.basis.astype(np.float64) @ shared).reshape(-1, weights.shape[1])
        return result
