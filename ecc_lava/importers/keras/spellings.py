"""Other names of the functions that a layer may have as its activation: the one place where they stand."""

from __future__ import annotations

from typing import Final

__all__ = ["OF_KERAS_2", "OF_TENSORFLOW"]

OF_TENSORFLOW: Final = {"identity": "linear", "softmax_v2": "softmax"}
"""``__name__`` of a function of TensorFlow -> Keras's name, where the two differ; a file may hold the former."""

OF_KERAS_2: Final = {"softmax_v2": "softmax"}
"""The same in a file, where a name says nothing of its module: only names that nobody gives to a function of one's own."""
