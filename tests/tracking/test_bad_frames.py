"""What a tracker refuses: each by one message that says what, where and the smallest fix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph import Graph, Linear
from ecc_lava.tracking import Siamese, search_windows, track
from tests.helpers.embeddings import EXEMPLAR, SEARCH, embedding, integers, moving_square

FRAMES, BOXES = moving_square(3)


@pytest.fixture
def tracker() -> Siamese:
    return Siamese(embedding(), EXEMPLAR, SEARCH)


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ([1, 2, 3], "box 1 2 3; it needs four finite numbers: x, y, width, height"),
        ([1, 2, 3, np.nan], "box 1 2 3 nan; it needs four finite numbers"),
        (["a", 2, 3, 4], "four finite numbers"),
        ([[1, 2, 3, 4]], "four finite numbers"),
        ([5, 5, 1, 8], "is 1 x 8 pixels; at least 2 x 2"),
        ([50, 5, 20, 8], r"outside the frame of 60 x 48 pixels \(width x height\): its part inside is 50 5 10 8"),
        ([-30, 5, 20, 8], r"outside the frame of 60 x 48 pixels \(width x height\)$"),
    ],
)
def test_boxes(tracker: Siamese, box: Sequence[Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        tracker.start(FRAMES[0], box)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (FRAMES[0][..., 0], r"shape \(48, 60\); the embedding takes frames of \(height, width, 3\)"),
        (FRAMES[0][..., :2], r"shape \(48, 60, 2\)"),
        (FRAMES, r"shape \(3, 48, 60, 3\)"),
        (FRAMES[0][:0], r"shape \(0, 60, 3\)"),
        (np.full((48, 60, 3), np.nan), "NaN or infinity, 8640 values of 8640"),
        (np.full((48, 60, 3), "a"), "it needs numbers"),
    ],
)
def test_first_frames(tracker: Siamese, frame: Array, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        tracker.start(frame, BOXES[0])


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (
            FRAMES[0][:-1],
            r"a frame uint8 \(47, 60, 3\), the first one was uint8 \(48, 60, 3\); all frames of a sequence have one size and type",
        ),
        (FRAMES[0] / 255.0, "a frame float64"),
    ],
)
def test_next_frames(tracker: Siamese, frame: Array, words: str) -> None:
    tracker.start(FRAMES[0], BOXES[0])
    with pytest.raises(InvalidInput, match=words):
        tracker.step(frame)


def test_steps_before_a_start(tracker: Siamese) -> None:
    with pytest.raises(InvalidInput, match=r"call start\(frame, box\) first"):
        tracker.step(FRAMES[0])
    with pytest.raises(InvalidInput, match="follows nothing"):
        _ = tracker.network


def test_sequences(tracker: Siamese) -> None:
    with pytest.raises(InvalidInput, match="there are no frames"):
        track(tracker, FRAMES[:0], BOXES[0])
    broken = FRAMES / 255.0
    broken[2, 1, 1, 1] = np.inf
    with pytest.raises(InvalidInput, match="frame 2: a frame holds NaN or infinity, 1 values"):
        track(tracker, broken, BOXES[0])
    with pytest.raises(InvalidInput, match="frame 0: box"):
        track(tracker, FRAMES, [1, 2])


def test_a_bad_frame_leaves_the_tracker_where_it_was(tracker: Siamese) -> None:
    tracker.start(FRAMES[0], BOXES[0])
    with pytest.raises(InvalidInput):
        tracker.step(FRAMES[0][1:])
    fresh = Siamese(embedding(), EXEMPLAR, SEARCH)
    fresh.start(FRAMES[0], BOXES[0])
    assert tracker.step(FRAMES[1]) == fresh.step(FRAMES[1])


@pytest.mark.parametrize(
    ("exemplar", "search", "words"),
    [
        ((16, 16), SEARCH, r"exemplar_shape \(16, 16\); it needs three whole numbers"),
        ((16, 16, 3.5), SEARCH, "three whole numbers"),
        (16, SEARCH, "exemplar_shape 16"),
        ((24, 24, 3), SEARCH, "the search is larger"),
        ((16, 16, 1), SEARCH, "the same channels"),
        ((16, 16, 3), (25, 25, 3), r"search_shape \(25, 25, 3\); the embedding takes windows of \(24, 24, 3\)"),
        ((4, 4, 3), SEARCH, "an exemplar that its kernels fit on"),
        ((14, 14, 3), SEARCH, "even multiple of the embedding's stride"),
        ((18, 17, 3), SEARCH, "even multiple of the embedding's stride"),
    ],
)
def test_sizes(exemplar: Any, search: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        Siamese(embedding(), exemplar, search)


def _classifier() -> Graph:
    graph = embedding()
    return Graph((*graph.nodes, Linear("classes", "relu2", Dense(np.random.default_rng(0).normal(0, 0.1, (320, 4))), np.zeros(4))))


def _two_outputs() -> Graph:
    return replace(embedding(), outputs=("relu1", "relu2"))


@pytest.mark.parametrize(("graph", "words"), [(_classifier(), "convolutions, pools and activations alone"), (_two_outputs(), "2 outputs")])
def test_wrong_networks(graph: Graph, words: str) -> None:
    for network in (graph, integers(graph)):
        with pytest.raises(InvalidInput, match=words):
            Siamese(network, EXEMPLAR, SEARCH)


def test_networks_of_events() -> None:
    binary = np.random.default_rng(0).integers(0, 2, (8, 4, *SEARCH)).astype(np.uint8)
    snn = ecc_lava.convert(embedding(), calibration=binary, timesteps=4, coding="events", recipe="channel")
    with pytest.raises(InvalidInput, match="takes events"):
        Siamese(ecc_lava.quantise(snn), EXEMPLAR, SEARCH)


def test_other_back_ends() -> None:
    tracker = Siamese(integers(embedding()), EXEMPLAR, SEARCH, backend="slow")
    with pytest.raises(InvalidInput, match="'slow' is not known"):
        tracker.start(FRAMES[0], BOXES[0])


def test_layers_of_one_size_in_the_middle() -> None:
    given, conv1, relu1, *_ = embedding().nodes
    whole = Linear("whole", "relu1", Conv(np.ones((1, 1, 6, 6)), gain=np.ones((10, 10))), np.zeros(6))
    with pytest.raises(InvalidInput, match="a gain map"):
        Siamese(Graph((given, conv1, relu1, whole)), EXEMPLAR, SEARCH)


def test_windows_for_calibration() -> None:
    found = search_windows(FRAMES, BOXES, EXEMPLAR, SEARCH)
    assert found.shape == (3, *SEARCH)
    assert found.dtype == np.uint8
    tracker = Siamese(embedding(), EXEMPLAR, SEARCH)
    np.testing.assert_array_equal(found[:1], tracker._windows(FRAMES[0], tuple(BOXES[0]), [1.0]))
    with pytest.raises(InvalidInput, match="3 frames and 2 boxes"):
        search_windows(FRAMES, BOXES[:2], EXEMPLAR, SEARCH)
    with pytest.raises(InvalidInput, match="outside the frame"):
        search_windows(FRAMES, BOXES + 50, EXEMPLAR, SEARCH)
