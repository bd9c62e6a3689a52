"""Generated examples are the same in every run of the tests."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def _examples() -> list[int]:
    found: list[int] = []

    @settings(max_examples=200)
    @given(st.lists(st.integers(0, 2**31), max_size=9))
    def collect(numbers: list[int]) -> None:
        found.extend(numbers)

    collect()
    return found


def test_they_do_not_depend_on_the_modules_that_are_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _examples()
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "of_numbers.py").write_text(f"NUMBERS = {[7919 * number for number in range(1000, 2000)]}\n")
    importlib.import_module("of_numbers")
    assert _examples() == before
