"""Operators synapse by synapse: against matrices and loops, and what convolutions and dense layers are in this form."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecc_lava.common.arrays import Array, Shape
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry import (
    Conv,
    Dense,
    Geometry,
    Sparse,
    apply,
    as_sparse,
    axes_permuted,
    diagonal,
    fan_out,
    from_synapses,
    is_diagonal,
    is_in_place,
    is_placement,
    over_synapses,
    permutation,
    reshaping,
    scaled_by_source,
    scaled_by_target,
    sparse_sum,
    sums_by_sign,
    synapses,
    target_shape,
    transposed,
    with_kernel,
    written,
)
from ecc_lava.geometry import composition as composing
from ecc_lava.geometry.composition import composition_of
from tests.helpers.graphs import composed, convs, geometries, shapes, sparse

MANY = settings(max_examples=100)

ON_MAPS = shapes.flatmap(lambda shape: st.tuples(st.just(shape), sparse(shape)))
ANY = shapes.flatmap(lambda shape: st.tuples(st.just(shape), geometries(shape)))


def _values(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(-9, 10, shape)


def _matrix(geometry: Sparse) -> Array:
    """Return the operator written out, (targets, sources), by the definition in the class's docstring."""
    matrix = np.zeros((prod(geometry.target), prod(geometry.source)), geometry.kernel.dtype)
    for target in range(len(matrix)):
        for k in range(geometry.starts[target], geometry.starts[target + 1]):
            matrix[target, geometry.sources[k]] += geometry.kernel[k]
    return matrix


@MANY
@given(ON_MAPS)
def test_synapses_are_summed_in_the_type_of_the_input(case: tuple[Shape, Sparse]) -> None:
    source, geometry = case
    matrix = _matrix(geometry)
    for x in (_values(3, *source), _values(3, *source).astype(np.float64)):
        expected = (x.reshape(3, -1) @ matrix.T.astype(x.dtype)).reshape(3, *geometry.target)
        found = apply(geometry, x)
        assert found.dtype == x.dtype and found.flags.c_contiguous
        assert (found == expected).all()
    y = _values(2, *geometry.target)
    assert (transposed(geometry, y, source).reshape(2, -1) == y.reshape(2, -1) @ matrix).all()
    assert (fan_out(geometry, source) == (matrix != 0).sum(axis=0).reshape(source)).all()
    assert synapses(geometry, source) == fan_out(geometry, source).sum() == (matrix != 0).sum()


def test_integers_beyond_floats_are_exact() -> None:
    geometry = from_synapses(np.array([3, -1], np.int8), np.array([1, 0]), np.array([0, 0]), (1, 1, 2), (1, 1, 1))
    assert apply(geometry, np.array([[[[2**60 + 1, 2**60]]]])).item() == 3 * 2**60 - 2**60 - 1


@MANY
@given(ANY)
def test_every_operator_is_its_synapses_one_by_one(case: tuple[Shape, Geometry]) -> None:
    source, geometry = case
    listed = as_sparse(geometry, source)
    x = _values(2, *source)
    assert (apply(listed, x) == apply(geometry, x)).all()
    filled = as_sparse(with_kernel(geometry, np.ones(geometry.kernel.shape)), source)
    assert (fan_out(filled, source) == fan_out(geometry, source)).all()


@MANY
@given(ANY)
def test_weights_are_scaled_by_channel(case: tuple[Shape, Geometry]) -> None:
    source, geometry = case
    target = target_shape(geometry, source)
    before, after = np.arange(source[2]), np.arange(target[2]) - 1  # one of each is 0
    x = _values(2, *source)
    assert (apply(with_kernel(geometry, scaled_by_source(geometry, before)), x) == apply(geometry, x * before)).all()
    assert (apply(with_kernel(geometry, scaled_by_target(geometry, after)), x) == apply(geometry, x) * after).all()
    assert scaled_by_source(geometry, np.ones(source[2])) is geometry.kernel


@MANY
@given(shapes.flatmap(lambda shape: st.tuples(st.just(shape), convs(shape, gain=False) | geometries(shape))))
def test_sums_by_sign_are_those_over_synapses(case: tuple[Shape, Geometry]) -> None:
    source, geometry = case
    negative, positive = sums_by_sign(geometry)
    assert negative.dtype == positive.dtype == np.int64
    assert (negative == over_synapses(np.add, geometry, np.minimum(geometry.kernel, 0))).all()
    assert (positive == over_synapses(np.add, geometry, np.maximum(geometry.kernel, 0))).all()
    scale = 0.3 + 0.1 * np.arange(target_shape(geometry, source)[2])
    exact = scaled_by_target(geometry, scale)
    low, high = np.minimum(exact, np.rint(exact)), np.maximum(exact, np.rint(exact))
    negative, positive = sums_by_sign(geometry, scale)
    np.testing.assert_allclose(negative, over_synapses(np.add, geometry, np.minimum(low, 0.0)), atol=1e-9)
    np.testing.assert_allclose(positive, over_synapses(np.add, geometry, np.maximum(high, 0.0)), atol=1e-9)


@MANY
@given(shapes.flatmap(lambda shape: st.tuples(st.just(shape), convs(shape, gain=False) | geometries(shape))))
def test_sums_over_synapses_bound_what_a_step_can_bring(case: tuple[Shape, Geometry]) -> None:
    """Inputs of 0 and 1; a Sparse reaches its bounds, as does a convolution whose field lies inside the map somewhere."""
    source, geometry = case
    channels = target_shape(geometry, source)[2]
    kernel = np.abs(geometry.kernel)
    gain = geometry.gain.max() if isinstance(geometry, Conv) and geometry.gain is not None else 1
    high = over_synapses(np.add, geometry, kernel).max(axis=0) * gain
    most = apply(with_kernel(geometry, kernel), np.ones((1, *source), np.int64)).reshape(-1, channels).max(axis=0)
    assert high.shape == (channels,)
    assert (most <= high).all()
    largest = over_synapses(np.maximum, geometry, kernel).max(axis=0)
    if isinstance(geometry, Sparse):
        assert (most == high).all()
        assert (largest == np.abs(_matrix(geometry)).max(axis=1).reshape(-1, channels).max(axis=0)).all()
    else:
        assert (largest[written(geometry)] == kernel.reshape(-1, kernel.shape[-1]).max(axis=0)).all()
        assert largest.sum() == largest[written(geometry)].sum()


@MANY
@given(shapes.flatmap(lambda a: st.tuples(sparse(a), sparse(a))))
def test_the_sum_of_two(case: tuple[Sparse, Sparse]) -> None:
    one, other = case
    if one.target != other.target:
        other = from_synapses(other.kernel, other.sources, np.zeros_like(other.sources), other.source, one.target)
    x = _values(2, *one.source).astype(np.float64)
    assert (apply(sparse_sum(one, other), x) == apply(one, x) + apply(other, x)).all()
    assert sparse_sum(one, replace(one, kernel=-one.kernel)).kernel.size == 0


@MANY
@given(shapes, st.permutations([0, 1, 2]))
def test_axes_permuted(source: Shape, order: list[int]) -> None:
    geometry = axes_permuted(source, (order[0], order[1], order[2]))
    x = _values(2, *source)
    expected = x.transpose(0, *(axis + 1 for axis in order))
    assert target_shape(geometry, source) == expected.shape[1:]
    assert (apply(geometry, x) == expected).all()


def test_moving_numbers_about() -> None:
    x = _values(2, 2, 3, 2)
    assert (apply(reshaping((2, 3, 2), (1, 4, 3)), x) == x.reshape(2, 1, 4, 3)).all()
    assert is_in_place(reshaping((2, 3, 2), (1, 4, 3)))
    assert (apply(permutation(np.array([11, 0, 0]), (2, 3, 2), (1, 3, 1)), x)[0].ravel() == x[0].ravel()[[11, 0, 0]]).all()
    for other in (axes_permuted((2, 3, 2), (1, 0, 2)), permutation(np.arange(6), (2, 3, 2), (1, 1, 6))):
        assert not is_in_place(other) and not is_placement(other) and not is_diagonal(other)
    with pytest.raises(InvalidNetwork, match=r"has 12 numbers, one of .* has 10"):
        reshaping((2, 3, 2), (1, 1, 10))
    with pytest.raises(InvalidNetwork, match="must name 0, 1 and 2 once each"):
        axes_permuted((2, 3, 2), (0, 1, 1))


def test_synapses_between_the_same_neurons_are_one() -> None:
    weights, sources, targets = np.array([1.0, 2.0, 5.0, -5.0, 7.0]), np.array([1, 1, 0, 0, 0]), np.array([2, 2, 0, 0, 2])
    geometry = from_synapses(weights, sources, targets, (1, 1, 2), (1, 1, 3))
    assert (geometry.kernel.tolist(), geometry.sources.tolist(), geometry.starts.tolist()) == ([7.0, 3.0], [0, 1], [0, 0, 0, 2])


def test_a_weight_that_becomes_0_is_no_synapse() -> None:
    geometry = permutation(np.array([2, 1, 0]), (1, 1, 3), (1, 1, 3))
    fewer = with_kernel(geometry, np.array([4.0, 0.0, 5.0]))
    assert isinstance(fewer, Sparse)
    assert (fewer.kernel.tolist(), fewer.sources.tolist(), fewer.starts.tolist()) == ([4.0, 5.0], [2, 0], [0, 1, 1, 2])
    none = with_kernel(geometry, np.zeros(3))
    assert apply(none, np.ones((2, 1, 1, 3))).tolist() == np.zeros((2, 1, 1, 3)).tolist()
    assert fan_out(none, (1, 1, 3)).sum() == 0


@pytest.mark.parametrize(
    ("kernel", "sources", "starts", "says"),
    [
        ([1.0, 1.0], [0], [0, 1, 1], "must be one, one and 3 long"),
        ([1.0], [0], [0, 1], "must be one, one and 3 long"),
        ([1.0], [0], [0, 2, 1], "ascend from 0 to their number, 1"),
        ([1.0], [0], [1, 1, 1], "ascend from 0 to their number, 1"),
        ([1.0], [4], [0, 1, 1], "read neurons 4..4 of a source of 4"),
        ([1.0, 1.0], [-1, 2], [0, 2, 2], "read neurons -1..2 of a source of 4"),
        ([1.0, 1.0], [1, 1], [0, 2, 2], "must ascend, each named once"),
        ([1.0, 1.0, 1.0], [3, 2, 1], [0, 1, 3], "must ascend, each named once"),
        ([1.0, 0.0], [1, 1], [0, 1, 2], "weight of 0"),
    ],
)
def test_impossible_synapses_are_refused(kernel: list[float], sources: list[int], starts: list[int], says: str) -> None:
    with pytest.raises(InvalidNetwork, match=says):
        Sparse(np.array(kernel), np.array(sources), np.array(starts), (2, 2, 1), (1, 1, 2))


def test_maps_that_do_not_fit_are_refused() -> None:
    geometry = reshaping((2, 2, 3), (1, 4, 3))
    with pytest.raises(InvalidNetwork, match=r"from a source of \(2, 2, 3\) do not fit a source of \(1, 4, 3\)"):
        apply(geometry, np.ones((1, 1, 4, 3)))
    with pytest.raises(InvalidNetwork, match="at least 1"):
        Sparse(np.ones(0), np.ones(0), np.zeros(7), (1, 1, 2), (-2, -3, 1))


@settings(MANY, max_examples=200)
@given(ON_MAPS, st.data())
def test_what_is_composed_with_a_sparse_is_sparse_and_its_cost_known(case: tuple[Shape, Sparse], data: st.DataObject) -> None:
    source, inner = case
    outer = data.draw(geometries(inner.target))
    both = composition_of(outer, inner, source)
    assert both is not None
    made = both.made()
    assert isinstance(made, Dense if isinstance(outer, Dense) else Sparse)
    assert (both.weights, both.synapses) == (made.kernel.size, synapses(made, source))
    x = _values(2, *source).astype(np.float64)
    assert (apply(made, x) == apply(outer, apply(inner, x))).all()


def test_a_factor_per_channel_keeps_the_synapses_in_place() -> None:
    geometry = axes_permuted((2, 3, 4), (2, 0, 1))
    for both in (composed(geometry, diagonal(np.full(4, 2.0)), (2, 3, 4)), composed(diagonal(np.full(3, 2.0)), geometry, (2, 3, 4))):
        assert isinstance(both, Sparse)
        assert (both.sources == geometry.sources).all() and (both.starts == geometry.starts).all() and (both.kernel == 2).all()


def test_a_reshaped_dense_layer_on_a_vector_is_a_convolution() -> None:
    dense = Dense(_values(5, 24).astype(float))
    x = _values(2, 1, 1, 5).astype(float)
    for factors in (np.ones(24), np.arange(1.0, 25.0)):
        for target, kind in (((2, 3, 4), Conv), ((1, 1, 24), Dense)):
            both = composed(with_kernel(reshaping((1, 1, 24), target), factors), dense, (1, 1, 5))
            assert isinstance(both, kind)
            assert (both.kernel.size, synapses(both, (1, 1, 5))) == (5 * 24, 5 * 24)
            assert (apply(both, x).reshape(2, -1) == apply(dense, x).reshape(2, -1) * factors).all()


def test_too_many_synapses_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    conv, order = Conv(np.ones((3, 3, 2, 4)), padding=(1, 1, 1, 1)), axes_permuted((4, 4, 4), (1, 0, 2))
    number = synapses(conv, (4, 4, 2))
    monkeypatch.setattr(composing, "NONZEROS_MAX", number)
    assert composed(order, conv, (4, 4, 2)) is not None
    monkeypatch.setattr(composing, "NONZEROS_MAX", number - 1)
    assert composed(order, conv, (4, 4, 2)) is None
    assert composed(order, diagonal(np.ones(4)), (4, 4, 4)) is not None
    monkeypatch.setattr(composing, "NONZEROS_MAX", number)
    monkeypatch.setattr(composing, "PRODUCTS_MAX", number - 1)
    assert composed(order, conv, (4, 4, 2)) is None
