"""Keras models become graphs; the only room that imports Keras, and only inside functions.

A model file is scanned before Keras opens it, so that opening a model never runs its author's code. Nothing here makes spikes.
To add a layer, write a handler in `handlers` and give it a line in `table`.
"""

from ecc_lava.importers.keras.files.loading import described_layers, load_model, with_input_shapes
from ecc_lava.importers.keras.importer import examined, from_keras
from ecc_lava.importers.keras.support import SupportedKind, supported

__all__ = ["SupportedKind", "described_layers", "examined", "from_keras", "load_model", "supported", "with_input_shapes"]
