"""Keras models become graphs; the only room that imports Keras, and only inside functions.

A model file is scanned before Keras opens it, so that opening a model never runs its author's code. Nothing here makes spikes.
To add a layer, write a handler in `handlers` and give it a line in `table`.
"""

from ecc_lava.importers.keras.draft import ExaminedLayer
from ecc_lava.importers.keras.examining import examined_file
from ecc_lava.importers.keras.files.apart import end_reader, start_reader
from ecc_lava.importers.keras.files.loading import load_model, with_input_shapes
from ecc_lava.importers.keras.importer import from_keras
from ecc_lava.importers.keras.support import SupportedKind, supported

__all__ = [
    "ExaminedLayer",
    "SupportedKind",
    "end_reader",
    "examined_file",
    "from_keras",
    "load_model",
    "start_reader",
    "supported",
    "with_input_shapes",
]
