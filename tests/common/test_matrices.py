"""Products and factors of matrices equal NumPy's, whatever the layout, the type and the number of threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ecc_lava.common import factorised, gram, matrices, on_all_cores, product, solved

LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "part": lambda x: np.pad(x, ((2, 1), (3, 5)))[2:-1, 3:-5],
    "sparse": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "backwards": lambda x: x[::-1].copy()[::-1],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f4", "<i8"])
def test_products_are_those_of_numpy(kind: str, layout: str) -> None:
    rng = np.random.default_rng(0)
    left, right = (rng.integers(-9, 9, size).astype(kind) for size in ((70, 130), (130, 90)))
    assert left.size * right.shape[1] > matrices.WORTH_A_CALL
    for other in LAYOUTS.values():
        found = product(LAYOUTS[layout](left), other(right))
        assert found.dtype == (left @ right).dtype
        np.testing.assert_array_equal(found, left @ right)


def test_empty_and_mixed_products_are_those_of_numpy() -> None:
    for left, right in (((0, 3), (3, 2)), ((2, 0), (0, 3)), ((2, 3), (3, 0)), ((1, 3), (3, 1))):
        np.testing.assert_array_equal(product(np.ones(left), np.ones(right)), np.ones(left) @ np.ones(right))
    assert product(np.ones((99, 99), np.float32), np.ones((99, 99))).dtype == np.float64


@pytest.mark.parametrize("size", [1, 256, 700])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_factor_solves(kind: type[Any], size: int) -> None:
    rng = np.random.default_rng(1)
    rows, wanted = rng.normal(size=(2 * size + 1, size)).astype(kind), rng.normal(size=(size, 200)).astype(kind)
    exact = rows.astype(np.float64).T @ rows
    close = 200 * size * float(np.finfo(kind).eps)
    products = gram(rows)
    np.testing.assert_allclose(np.tril(products), np.tril(exact), rtol=0, atol=close)
    products[np.diag_indices(size)] += size
    exact[np.diag_indices(size)] += size
    lower = factorised(products)
    np.testing.assert_allclose(np.tril(lower).astype(np.float64) @ np.tril(lower).T, exact, rtol=0, atol=close)
    np.testing.assert_allclose(exact @ solved(lower, wanted), wanted, rtol=0, atol=close)
    np.testing.assert_array_equal(on_all_cores(lambda x: solved(lower, x), [wanted, wanted])[0], solved(lower, wanted))


def test_a_matrix_that_has_no_factor_is_refused() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        factorised(np.full((300, 300), -1.0, np.float32))
