"""Affine expressions over populations; lowering gives one to every tensor.

    tensor = sum of (linear operator on a population's rates) + constant

Pure functions on frozen data; nothing here decides what becomes a population.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ecc_lava.common import Array, Shape
from ecc_lava.geometry import (
    Composition,
    Conv,
    Dense,
    Geometry,
    Sparse,
    WeightGrid,
    apply,
    arrays,
    composed_grid,
    composition_of,
    describe,
    diagonal,
    from_synapses,
    overlaid,
    reshaping,
    sparse_sum,
    target_shape,
    touches,
    with_kernel,
)

__all__ = ["Expression", "Term", "added", "compositions", "extended", "merged", "negated", "scaling", "silent", "united"]


@dataclass(frozen=True)
class Term:
    """A linear operator on the rates of a population, and the grid that its weights lie on, if any."""

    population: str
    geometry: Geometry
    grid: WeightGrid | None = None


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


def compositions(operator: Geometry, expression: Expression, shapes: Mapping[str, Shape]) -> list[tuple[str, Composition | None]]:
    """Return (population, composition with the operator or None) for every term that `operator` reads; no kernel is computed."""
    return [
        (term.population, composition_of(operator, term.geometry, shapes[term.population]))
        for term in expression.terms
        if touches(operator, term.geometry, expression.shape[2])
    ]


def extended(
    expression: Expression, operator: Geometry, bias: Array, shapes: Mapping[str, Shape], grid: WeightGrid | None = None
) -> Expression:
    """Return ``operator(expression) + bias``, bias of any shape that broadcasts to the map's, (C,) for example.

    The caller has made sure that every composition is exact. `grid` is that of the operator's weights, if they lie on one.
    """
    terms = []
    read = [term for term in expression.terms if touches(operator, term.geometry, expression.shape[2])]
    for term, (population, composition) in zip(read, compositions(operator, expression, shapes), strict=True):
        assert composition is not None, "the composition is exact"
        made = composition.made()
        terms.append(Term(population, made, composed_grid(operator, grid, term.geometry, term.grid, made)))
    constant: Array = np.asarray(bias, np.float64)
    constant = constant.reshape((1, 1, 1, *constant.shape)[-3:])
    if expression.constant.any():
        full = np.broadcast_to(expression.constant, expression.shape)[None]
        constant = apply(operator, np.ascontiguousarray(full))[0] + constant
    return Expression(tuple(terms), _collapsed(constant), target_shape(operator, expression.shape))


def scaling(scale: Array, shift: Array, shape: Shape, made: Shape) -> tuple[Geometry, Array]:
    """Return scale and shift per channel of a map of `shape` as operator and bias on an expression of shape `made`.

    The operator is a factor per channel where the scale is one in shape `made` too; elsewhere it also reshapes the map.
    """
    factors, summands = np.broadcast_to(scale, shape), np.broadcast_to(shift, shape)
    before = factors.reshape(made)
    if (before == before[:1, :1]).all():
        return diagonal(before[0, 0]), summands.reshape(made)
    return with_kernel(reshaping(made, shape), factors.ravel()), summands


def negated(expression: Expression, shapes: Mapping[str, Shape]) -> Expression:
    """Return minus the expression."""
    channels = expression.shape[2]
    return extended(expression, diagonal(-np.ones(channels)), np.zeros(channels), shapes)


def added(*expressions: Expression) -> Expression:
    """Return the sum of expressions of one shape."""
    constant = np.asarray(sum(expression.constant for expression in expressions))
    return Expression(merged(tuple(term for e in expressions for term in e.terms)), constant, expressions[0].shape)


def merged(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """Add up terms of one population whose kernels lie on the same positions; Sparse terms are added wherever they lie."""
    sums: dict[object, Term] = {}
    for term in terms:
        layout = (term.population, *_layout(term.geometry))
        sums[layout] = Term(term.population, _summed(sums[layout].geometry, term.geometry)) if layout in sums else term
    return tuple(sums.values())


def _layout(geometry: Geometry) -> tuple[object, ...]:
    """Return a key that is equal for operators whose sum is an operator of their kind."""
    description = json.dumps(describe(geometry))
    match geometry:
        case Sparse():
            return (description,)
        case Conv() | Dense():
            return description, geometry.kernel.shape, *(array.tobytes() for array in arrays(geometry).values())


def _summed(one: Geometry, other: Geometry) -> Geometry:
    """Return the sum of two operators of one layout."""
    if isinstance(one, Sparse) and isinstance(other, Sparse):
        return sparse_sum(one, other)
    return with_kernel(one, np.add(one.kernel, other.kernel, dtype=np.float64))


def united(terms: tuple[Term, ...], shapes: Mapping[str, Shape]) -> tuple[Term, ...]:
    """Add up terms of one population as `merged` does, and terms whose kernels overlap so far that one kernel has fewer weights.

    Terms that are zero at every position are left out.
    """
    result: list[Term] = []
    for term in _nonzero(merged(terms)):
        for index, other in enumerate(result):
            if other.population == term.population:
                both = overlaid(other.geometry, term.geometry, shapes[term.population])
                if both is not None:
                    result[index] = Term(term.population, both)
                    break
        else:
            result.append(term)
    return tuple(result)


def silent(population: str, source: Shape, target: Shape) -> Term:
    """Return a term without synapses, which gives a constant that no input reaches its place after a population."""
    none = np.zeros(0, np.int64)
    return Term(population, from_synapses(np.zeros(0), none, none, source, target))


def _nonzero(terms: tuple[Term, ...]) -> list[Term]:
    """Leave out terms with a gain of 0 everywhere or without synapses; if no other is left, keep the first as zeros without gain."""
    kept = [term for term in terms if not _is_empty(term.geometry)]
    if kept or not terms:
        return kept
    geometry = terms[0].geometry
    if isinstance(geometry, Conv):
        geometry = replace(geometry, kernel=np.zeros(geometry.kernel.shape), gain=None)
    return [Term(terms[0].population, geometry)]


def _is_empty(geometry: Geometry) -> bool:
    match geometry:
        case Conv(gain=gain):
            return gain is not None and not gain.any()
        case Sparse(kernel=kernel):
            return kernel.size == 0
        case Dense():
            return False


def _collapsed(constant: Array) -> Array:
    """Return a constant map as (1, 1, C) if all positions are equal."""
    first = constant[:1, :1]
    return first if (constant == first).all() else constant
