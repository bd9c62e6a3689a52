"""Affine expressions over populations: what lowering gives every tensor.

    tensor = sum of (linear operator on a population's rates) + constant

Pure functions on frozen data; nothing here decides what becomes a population.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ecc_lava.arrays import Array, Shape
from ecc_lava.compose import compose, touches
from ecc_lava.geometry import Conv, Geometry, apply, describe, diagonal, synapses, target_shape, with_kernel

__all__ = ["Cost", "Expression", "Term", "added", "composed", "cost_of", "extended", "folds", "merged", "negated"]


@dataclass(frozen=True)
class Cost:
    """Weights stored and synapses of projections."""

    weights: int
    synapses: int

    def __add__(self, other: Cost) -> Cost:
        """Return the sum of both."""
        return Cost(self.weights + other.weights, self.synapses + other.synapses)

    def within(self, limit: float, other: Cost) -> bool:
        """Whether both are at most `limit` times those of `other`."""
        return self.weights <= limit * other.weights and self.synapses <= limit * other.synapses


@dataclass(frozen=True)
class Term:
    """A linear operator on the rates of a population."""

    population: str
    geometry: Geometry


@dataclass(frozen=True)
class Expression:
    """A tensor: terms and constant make a map of `shape`; a Reshape after them changes the tensor's shape but not the numbers' order.

    Attributes
    ----------
    terms : tuple of Term
    constant : float64 array that broadcasts to `shape`
    shape : (H, W, C)
    """

    terms: tuple[Term, ...]
    constant: Array
    shape: Shape


def cost_of(geometry: Geometry, source: Shape) -> Cost:
    """Return the cost of one projection from a map of shape `source`."""
    return Cost(geometry.kernel.size, synapses(geometry, source))


def composed(operator: Geometry, term: Term, middle: Shape, source: Shape) -> Term | None:
    """Return ``operator(term)``, or None if it is zero.

    The caller has made sure, with `folds`, that the composition is exact.
    """
    if not touches(operator, term.geometry, middle[2]):
        return None
    geometry = compose(operator, term.geometry, source)
    assert geometry is not None, "the composition is exact"
    return Term(term.population, geometry)


def folds(operator: Geometry, expression: Expression, shapes: Mapping[str, Shape]) -> bool:
    """Whether `operator` composes exactly with every term that it reads."""
    return all(
        not touches(operator, term.geometry, expression.shape[2]) or compose(operator, term.geometry, shapes[term.population]) is not None
        for term in expression.terms
    )


def extended(expression: Expression, operator: Geometry, bias: Array, shapes: Mapping[str, Shape]) -> Expression:
    """Return ``operator(expression) + bias``, bias (C,)."""
    terms = (composed(operator, term, expression.shape, shapes[term.population]) for term in expression.terms)
    constant: Array = np.asarray(bias, np.float64).reshape(1, 1, -1)
    if expression.constant.any():
        full = np.broadcast_to(expression.constant, expression.shape)[None]
        constant = _collapsed(apply(operator, np.ascontiguousarray(full))[0] + constant)
    return Expression(tuple(term for term in terms if term is not None), constant, target_shape(operator, expression.shape))


def negated(expression: Expression, shapes: Mapping[str, Shape]) -> Expression:
    """Return minus the expression."""
    channels = expression.shape[2]
    return extended(expression, diagonal(-np.ones(channels)), np.zeros(channels), shapes)


def added(*expressions: Expression) -> Expression:
    """Return the sum of expressions of one shape."""
    constant = np.asarray(sum(expression.constant for expression in expressions))
    return Expression(merged(tuple(term for e in expressions for term in e.terms)), constant, expressions[0].shape)


def merged(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """Add up terms of one population whose kernels lie on the same positions."""
    sums: dict[object, Term] = {}
    for term in terms:
        gain = term.geometry.gain if isinstance(term.geometry, Conv) else None
        layout = (
            term.population,
            term.geometry.kernel.shape,
            json.dumps(describe(term.geometry)),
            None if gain is None else gain.tobytes(),
        )
        if layout in sums:
            term = Term(term.population, with_kernel(term.geometry, sums[layout].geometry.kernel + term.geometry.kernel))
        sums[layout] = term
    return tuple(sums.values())


def _collapsed(constant: Array) -> Array:
    """Return a constant map as (1, 1, C) if all positions are equal."""
    first = constant[:1, :1]
    return first if (constant == first).all() else constant
