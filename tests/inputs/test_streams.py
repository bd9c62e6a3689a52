"""Changes of frames, labels of frames, and sequences of single frames."""

from __future__ import annotations

import numpy as np
import pytest

from ecc_lava.common.arrays import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import changes, changes_of_all, labels_of_frames, single_frames


def _frames(seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (2, 9, 3, 4, 1)).astype(np.uint8)


@pytest.mark.parametrize("theta", [1, 2, 7, 255])
def test_what_was_sent_is_never_off_by_theta(theta: int) -> None:
    q = _frames()
    sent = changes(q, theta)
    assert sent.dtype == np.int16
    assert (np.abs(sent[sent != 0]) >= theta).all()
    assert np.abs(np.cumsum(sent, axis=1) - q).max() < theta


def test_changes_begin_from_zero_and_cover_the_whole_range() -> None:
    q = np.array([0, 255, 0, 3], np.uint8).reshape(1, 4, 1, 1, 1)
    assert changes(q).ravel().tolist() == [0, 255, -255, 3]
    assert changes(q, 4).ravel().tolist() == [0, 255, -255, 0]
    assert {name: x.ravel().tolist() for name, x in changes_of_all({"a": q, "b": q}, [1, 4]).items()} == {
        "a": [0, 255, -255, 3],
        "b": [0, 255, -255, 0],
    }


def test_labels_of_frames_and_of_sequences() -> None:
    assert labels_of_frames(np.array([[1, 2, 3], [4, 5, 6]]), 2, 3).tolist() == [1, 2, 3, 4, 5, 6]
    assert labels_of_frames(np.array([7, 8]), 2, 3).tolist() == [7, 7, 7, 8, 8, 8]
    with pytest.raises(InvalidInput, match="3 rows of labels for 2 sequences of frames; each sequence needs one"):
        labels_of_frames(np.zeros(3), 2, 5)


def test_single_frames_keep_the_form_in_which_they_are_given() -> None:
    q = _frames()
    alone = q.reshape(18, 1, 3, 4, 1)
    np.testing.assert_array_equal(np.asarray(single_frames(q)), alone)
    named, listed = single_frames({"a": q}), single_frames([q, q])
    assert isinstance(named, dict) and isinstance(listed, list)
    np.testing.assert_array_equal(named["a"], alone)
    np.testing.assert_array_equal(listed[1], alone)


def test_changes_go_on_from_what_was_sent_before() -> None:
    q = np.random.default_rng(0).integers(0, 256, (2, 9, 3, 4, 2), np.uint8)
    for theta in (1, 7):
        whole = changes(q, theta)
        first = changes(q[:, :4], theta)
        np.testing.assert_array_equal(changes(q[:, 4:], theta, first.sum(axis=1)), whole[:, 4:])
