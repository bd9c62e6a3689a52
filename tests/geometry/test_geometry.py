"""Linear operators against loops written out, and their composition against one after the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecc_lava.common.arrays import Array, Shape
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry import Conv, Dense, Geometry, Sparse, apply, diagonal, fan_out, is_diagonal, synapses, target_shape, transposed
from ecc_lava.geometry.composition import composition_of, overlaid, touches
from ecc_lava.geometry.description import arrays, describe, rebuild
from tests.helpers.graphs import composed, convs, geometries, pool, shapes

MANY = settings(max_examples=150)


def _pairs(conv: Conv, source: Shape) -> list[tuple[int, int, int, int, int, int, int, int]]:
    """Return every synapse as (i, j, o, y, x, c, a, b), by the definition in the class's docstring."""
    (step_y, step_x), (first, stop) = conv.input_dilation, conv.reads or (0, source[2])
    height, width = (source[0] - 1) * step_y + 1, (source[1] - 1) * step_x + 1
    kh, kw, per_group, out = conv.kernel.shape
    offset = conv.writes[0] if conv.writes else 0
    reach_y, reach_x = (kh - 1) * conv.dilation[0], (kw - 1) * conv.dilation[1]
    top, bottom, left, right = conv.padding
    found = []
    i = 0
    while i * conv.strides[0] + reach_y < height + top + bottom:
        j = 0
        while j * conv.strides[1] + reach_x < width + left + right:
            for a, b, c, o in np.ndindex(kh, kw, per_group, out):
                y, x = i * conv.strides[0] + a * conv.dilation[0] - top, j * conv.strides[1] + b * conv.dilation[1] - left
                if 0 <= y < height and 0 <= x < width and y % step_y == 0 and x % step_x == 0:
                    channel = first + o // (out // conv.groups) * per_group + c
                    found.append((i, j, offset + o, y // step_y, x // step_x, channel, a, b))
            j += 1
        i += 1
    assert stop - first == per_group * conv.groups
    return found


def _by_loops(conv: Conv, x: Array, out: Shape) -> Array:
    result = np.zeros((len(x), *out), x.dtype)
    per_group = conv.kernel.shape[2]
    first, offset = conv.reads[0] if conv.reads else 0, conv.writes[0] if conv.writes else 0
    for i, j, o, y, column, c, a, b in _pairs(conv, (x.shape[1], x.shape[2], x.shape[3])):
        result[:, i, j, o] += x[:, y, column, c] * conv.kernel[a, b, (c - first) % per_group, o - offset].astype(x.dtype)
    return result if conv.gain is None else result * conv.gain.astype(x.dtype)[:, :, None]


@st.composite
def _on_maps(draw, strategy):  # type: ignore[no-untyped-def]
    source = draw(shapes)
    return source, draw(strategy(source))


@st.composite
def _two_after_each_other(draw):  # type: ignore[no-untyped-def]
    source = draw(shapes)
    inner = draw(geometries(source))
    return source, inner, draw(geometries(target_shape(inner, source)))


def _values(shape: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(-9, 10, shape)


@MANY
@given(_on_maps(convs))
def test_apply_is_the_sum_over_synapses_in_integers(case: tuple[Shape, Conv]) -> None:
    source, conv = case
    x = _values((2, *source))
    result = apply(conv, x)
    assert result.dtype == np.int64
    assert (result == _by_loops(conv, x, target_shape(conv, source))).all()


@settings(MANY, max_examples=40)
@given(_on_maps(convs))
def test_apply_is_the_sum_over_synapses_in_floats(case: tuple[Shape, Conv]) -> None:
    source, conv = case
    conv = replace(conv, kernel=conv.kernel + 0.25)
    x = np.random.default_rng(1).normal(size=(2, *source))
    np.testing.assert_allclose(apply(conv, x), _by_loops(conv, x, target_shape(conv, source)), rtol=1e-12, atol=1e-12)


def test_depthwise_output_channels_are_in_kerass_order() -> None:
    conv = Conv(np.arange(1, 7).reshape(1, 1, 1, 6), groups=3)  # channel c, multiplier m -> c*2 + m
    assert apply(conv, np.array([[[[1, 10, 100]]]])).tolist() == [[[[1, 2, 30, 40, 500, 600]]]]


def test_crop_removes_and_padding_adds() -> None:
    x = np.arange(12).reshape(1, 3, 4, 1)
    moved = apply(Conv(np.ones((1, 1, 1, 1)), padding=(-1, 1, 2, -3)), x)
    assert moved[0, :, :, 0].tolist() == [[0, 0, 4], [0, 0, 8], [0, 0, 0]]


def test_dense_reads_in_flatten_order() -> None:
    kernel = np.zeros((12, 1), np.int64)
    kernel[1 * 4 + 1 * 2 + 1, 0] = 1  # of a (3, 2, 2) map: y=1, x=1, c=1
    x = _values((1, 3, 2, 2))
    assert apply(Dense(kernel), x)[0, 0, 0, 0] == x[0, 1, 1, 1]


def test_mantissas_do_not_overflow_their_own_type() -> None:
    conv = Conv(np.full((3, 3, 8, 1), 127, np.int8))
    assert apply(conv, np.full((1, 3, 3, 8), 255, np.int64)).item() == 72 * 127 * 255


@settings(MANY, max_examples=60)
@given(_on_maps(convs))
def test_fan_out_counts_synapses(case: tuple[Shape, Conv]) -> None:
    source, conv = case
    pairs = _pairs(conv, source)
    counted = np.zeros(source, np.int64)
    for _, _, _, y, x, c, _, _ in pairs:
        counted[y, x, c] += 1
    assert (fan_out(conv, source) == counted).all()
    assert synapses(conv, source) == len(pairs)


def test_fan_out_of_a_dense_layer() -> None:
    dense = Dense(np.zeros((12, 5)))
    assert (fan_out(dense, (3, 2, 2)) == 5).all()
    assert synapses(dense, (3, 2, 2)) == 60


@pytest.mark.parametrize(
    ("geometry", "source", "says"),
    [
        (Conv(np.ones((1, 1, 3, 2))), (4, 4, 2), "3 channels .* 2 channels"),
        (Conv(np.ones((1, 1, 2, 4)), groups=2), (4, 4, 2), "4 channels"),
        (Conv(np.ones((5, 1, 2, 2))), (4, 4, 2), "5x1 kernel does not fit on a 4x4 map"),
        (Conv(np.ones((3, 3, 1, 1)), dilation=(2, 2)), (4, 4, 1), "does not fit"),
        (Conv(np.ones((1, 1, 1, 1)), padding=(-2, -2, 0, 0)), (4, 4, 1), "does not fit"),
        (Conv(np.ones((1, 1, 1, 1)), gain=np.ones((4, 3))), (4, 4, 1), r"gain map of shape \(4, 3\) does not fit an output of 4x4"),
        (Conv(np.ones((1, 1, 2, 2)), reads=(1, 2)), (4, 4, 3), "2 channels .* cannot read 1..2 of 3"),
        (Conv(np.ones((1, 1, 2, 2)), reads=(2, 4)), (4, 4, 3), "cannot read 2..4 of 3"),
        (Conv(np.ones((1, 1, 3, 2)), writes=(3, 4)), (4, 4, 3), "2 output channels from 3 on do not fit in a target of 4"),
        (Dense(np.ones((15, 2))), (4, 4, 1), "15 inputs does not fit a source of 4x4x1"),
    ],
)
def test_what_does_not_fit_is_refused(geometry: Geometry, source: Shape, says: str) -> None:
    with pytest.raises(InvalidNetwork, match=says):
        target_shape(geometry, source)
    with pytest.raises(InvalidNetwork, match=says):
        apply(geometry, np.ones((1, *source)))


def test_impossible_operators_are_refused() -> None:
    for kernel in (np.ones((3, 3, 1)), np.ones((0, 3, 1, 1))):
        with pytest.raises(InvalidNetwork, match="four non-empty axes"):
            Conv(kernel)
    for kernel in (np.ones(3), np.ones((0, 3))):
        with pytest.raises(InvalidNetwork, match="two non-empty axes"):
            Dense(kernel)
    one = np.ones((1, 1, 1, 3))
    with pytest.raises(InvalidNetwork, match="at least 1"):
        Conv(one, (0, 1))
    with pytest.raises(InvalidNetwork, match="3 output channels do not divide into 2 groups"):
        Conv(one, groups=2)


def test_arrays_of_an_operator_cannot_be_written_to() -> None:
    conv = Conv(np.ones((1, 1, 1, 1)), gain=np.ones((2, 2)))
    assert conv.gain is not None
    for array in (conv.kernel, conv.gain, Dense(np.ones((1, 1))).kernel):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@settings(MANY, max_examples=30)
@given(_on_maps(geometries))
def test_a_description_rebuilds_the_operator(case: tuple[Shape, Geometry]) -> None:
    source, geometry = case
    description = {key: list(value) if isinstance(value, tuple) else value for key, value in describe(geometry).items()}
    again = rebuild(description, geometry.kernel, arrays(geometry))
    x = _values((1, *source))
    assert (apply(again, x) == apply(geometry, x)).all()


def test_only_a_factor_per_channel_is_diagonal() -> None:
    assert is_diagonal(diagonal(np.array([1.0, -2.0])))
    kernel = np.ones((1, 1, 1, 2))
    for other in (
        Conv(kernel, (2, 1), groups=2),
        Conv(kernel, padding=(0, 1, 0, 0), groups=2),
        Conv(kernel, groups=2, gain=np.ones((3, 3))),
        Conv(kernel, groups=1),
        Conv(np.ones((1, 1, 1, 4)), groups=2),
        Dense(np.eye(2)),
    ):
        assert not is_diagonal(other)


@settings(MANY, max_examples=400)
@given(_two_after_each_other())
def test_a_composition_equals_one_after_the_other(case: tuple[Shape, Geometry, Geometry]) -> None:
    source, inner, outer = case
    if not touches(outer, inner, target_shape(inner, source)[2]):
        assert not apply(outer, apply(inner, _values((2, *source)))).any()
        return
    both = composed(outer, inner, source)
    if both is None:
        assert isinstance(outer, Conv) and not isinstance(inner, Sparse), "Dense after anything folds, and a Sparse with anything"
        return
    x = _values((2, *source)).astype(np.float64)
    assert (apply(both, x) == apply(outer, apply(inner, x))).all()
    foreseen = composition_of(outer, inner, source)
    assert foreseen is not None
    assert (foreseen.weights, foreseen.synapses) == (both.kernel.size, synapses(both, source))


@MANY
@given(shapes.flatmap(lambda shape: st.tuples(st.just(shape), convs(shape))))
def test_the_transpose_is_the_adjoint(case: tuple[Shape, Conv]) -> None:
    source, conv = case
    x = _values((2, *source))
    y = _values((2, *target_shape(conv, source)))
    assert (apply(conv, x) * y).sum() == (x * transposed(conv, y, source)).sum()


@MANY
@given(shapes.flatmap(lambda shape: st.tuples(st.just(shape), convs(shape, gain=False))), st.tuples(*[st.integers(-1, 1)] * 2))
def test_kernels_that_lie_apart_are_overlaid_as_their_sum(case: tuple[Shape, Conv], by: tuple[int, int]) -> None:
    source, conv = case
    top, bottom, left, right = conv.padding
    moved = replace(conv, kernel=2 * conv.kernel, padding=(top + by[0], bottom - by[0], left + by[1], right - by[1]))
    both = overlaid(conv, moved, source)
    if both is None:
        return
    x = _values((2, *source))
    assert both.kernel.size < 2 * conv.kernel.size
    assert (apply(both, x) == apply(conv, x) + apply(moved, x)).all()


def test_an_identity_is_not_overlaid_on_a_convolution() -> None:
    depthwise = Conv(np.ones((3, 3, 1, 4)), padding=(1, 1, 1, 1), groups=4)
    assert overlaid(depthwise, diagonal(np.ones(4)), (5, 5, 4)) is None


def test_taps_farther_apart_keep_their_distance_when_composed() -> None:
    inner, outer = Conv(np.ones((1, 1, 2, 3)), (2, 2)), Conv(np.ones((3, 3, 3, 4)))
    both = composed(outer, inner, (11, 11, 2))
    assert isinstance(both, Conv)
    assert (both.kernel.shape, both.dilation) == ((3, 3, 2, 4), (2, 2))


SIZES = [(4, 4, 2), (5, 5, 2), (6, 7, 1), (7, 3, 2)]


@pytest.mark.parametrize("source", SIZES)
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_same_convolution_over_a_valid_pool_is_never_inexact(source: Shape, stride: int) -> None:
    """A pool that leaves a row unread must not let the padding of the next layer read it."""
    channels = source[2]
    inner = Conv(np.full((2, 2, 1, channels), 0.25), (stride, stride), groups=channels)
    outer = Conv(_values((3, 3, channels, 2)).astype(float), padding=(1, 1, 1, 1))
    both = composed(outer, inner, source)
    continued_would_read_pixels = any(((size - 2) // stride + 1) * stride < size for size in source[:2])
    assert (both is None) == continued_would_read_pixels
    if both is not None:
        x = _values((1, *source)).astype(float)
        np.testing.assert_array_equal(apply(both, x), apply(outer, apply(inner, x)))


def test_padding_after_a_convolution_is_not_folded_into_it() -> None:
    """Zeros around a convolution's output are not what the convolution would compute there."""
    inner = Conv(np.ones((3, 3, 1, 1)), padding=(1, 1, 1, 1))
    assert composed(Conv(np.ones((1, 1, 1, 1)), padding=(1, 0, 0, 0)), inner, (4, 4, 1)) is None
    assert composed(Conv(np.ones((3, 3, 1, 1))), inner, (4, 4, 1)) is not None


def test_zero_padding_folds_into_the_convolution_after_it() -> None:
    both = composed(Conv(np.ones((3, 3, 1, 2)), (2, 2)), Conv(np.ones((1, 1, 1, 1)), padding=(0, 1, 0, 1), groups=1), (6, 6, 1))
    assert isinstance(both, Conv)
    assert both.kernel.shape == (3, 3, 1, 2)
    assert both.padding == (0, 1, 0, 1)


def test_depthwise_after_depthwise_stays_depthwise() -> None:
    inner = Conv(_values((3, 3, 1, 3)).astype(float), padding=(0, 0, 0, 0), groups=3)
    both = composed(Conv(_values((2, 2, 1, 6)).astype(float), groups=3), inner, (6, 6, 3))
    assert isinstance(both, Conv)
    assert both.groups == 3
    assert both.kernel.shape == (4, 4, 1, 6)


def test_a_pool_over_valid_pixels_averages_them() -> None:
    x = _values((1, 5, 5, 2)).astype(float)
    pooled = apply(pool((5, 5, 2), 2, 2), x)
    np.testing.assert_allclose(pooled[0, 2, 2], x[0, 4, 4])
    np.testing.assert_allclose(pooled[0, 0, 2], x[0, 0:2, 4].mean(axis=0))
