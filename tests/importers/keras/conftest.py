"""Keras, imported once a test asks for it."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def keras() -> Any:
    import keras

    return keras


@pytest.fixture(scope="session")
def layers(keras: Any) -> Any:
    return keras.layers
