"""Whether two results are equal in every array, type and number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from ecc_lava.backends import Result

__all__ = ["assert_equal_results"]


def assert_equal_results(one: Result, other: Result) -> None:
    for field in fields(Result):
        _assert_equal(getattr(one, field.name), getattr(other, field.name), field.name)


def _assert_equal(one: Any, other: Any, where: str) -> None:
    if isinstance(one, Mapping):
        assert set(one) == set(other), where
        for name in one:
            _assert_equal(one[name], other[name], f"{where} of {name}")
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, where
        assert np.array_equal(one, other), where
    else:
        assert one == other, where
