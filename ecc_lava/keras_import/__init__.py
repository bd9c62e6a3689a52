"""Keras models in: the only part of the package that imports Keras, and only inside functions."""

from ecc_lava.keras_import.importer import from_keras
from ecc_lava.keras_import.loading import load_model

__all__ = ["from_keras", "load_model"]
