"""The embedding that is shipped with the notebook: small, of any window, and good enough to follow objects of images it never saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph
from ecc_lava.importers.keras import with_input_shapes
from ecc_lava.tracking import Siamese, moving_object, search_windows, success_auc, track

FILE = Path(__file__).parents[2] / "notebooks" / "siamese_embedding.keras"
EXEMPLAR, SEARCH = (32, 32, 3), (64, 64, 3)


@pytest.fixture(scope="module")
def model() -> Any:
    return ecc_lava.load_model(FILE)


def test_a_keras_model_takes_the_windows_shape(model: Any) -> None:
    assert FILE.stat().st_size < 300_000
    assert model.input_shape == (None, None, None, 3)
    tracker = Siamese(model, EXEMPLAR, SEARCH)
    frame = np.random.default_rng(0).integers(0, 256, (80, 90, 3), np.uint8)
    tracker.start(frame, (30, 25, 20, 18))
    assert isinstance(tracker.network, Graph)
    assert tracker.network.shapes[tracker.network.outputs[0]] == (9, 9, 1)
    x, y, *_ = tracker.step(np.roll(frame, 4, axis=1))
    assert abs(x - 34) < 1.5
    assert abs(y - 25) < 1.5
    with pytest.raises(InvalidInput, match="does not fit"):
        Siamese(model, (32, 32, 1), (64, 64, 1))
    with pytest.raises(InvalidInput, match="takes a Keras model, not a ndarray"):
        Siamese(frame, EXEMPLAR, SEARCH)


def test_graded_spikes_follow_objects_of_test_images(model: Any, data: Path) -> None:
    with np.load(data / "cifar10.npz") as stored:
        calibrating = [moving_object(stored["x_train"], 500 + seed, 8) for seed in range(4)]
        sequences = [moving_object(stored["x_test"], 900 + seed, 20) for seed in range(2)]
    windows = np.concatenate([search_windows(s.frames, s.boxes, EXEMPLAR, SEARCH) for s in calibrating])
    graph = ecc_lava.from_keras(with_input_shapes(model, {"": SEARCH}))
    network = ecc_lava.quantise(ecc_lava.convert(graph, calibration=windows, payload_bits=8, recipe="channel"))
    for sequence in sequences:
        boxes = track(Siamese(network, EXEMPLAR, SEARCH), sequence.frames, sequence.boxes[0])
        assert success_auc(boxes, sequence.boxes) > 0.5
