"""The CNN's own answers: what labels say of a wrong scale, of labels from 1, of chance; and silence where all is well."""

from __future__ import annotations

import numpy as np
import pytest

import ecc_lava
from ecc_lava.analysis.plausibility import doubts_of_labels, doubts_of_run
from ecc_lava.common import Array
from tests.helpers.scaled import LABELS, PIXELS_OF, RANGES, classifier, images


def _told(trained: str, x: Array, labels: Array = LABELS) -> tuple[str, ...]:
    graph = classifier(trained)
    return doubts_of_labels(graph, x, labels, graph.input_specs)


@pytest.mark.parametrize(
    ("trained", "given", "remedy"),
    [
        ("pixels", PIXELS_OF, "convert with --input-scale 1"),
        ("signed", PIXELS_OF, "give floats, x / 127.5 - 1"),
        ("pixels", images("unit"), "multiply them by 255"),
        ("pixels", images("signed"), "take 127.5 * x + 127.5"),
    ],
)
def test_labels_tell_the_scale(trained: str, given: Array, remedy: str) -> None:
    told = _told(trained, given)
    assert len(told) == 1
    assert "the CNN itself is right on 25 % of 48 images as they are scaled, and on 100 % if they lie in" in told[0]
    assert remedy in told[0]


@pytest.mark.parametrize("name", RANGES)
def test_right_answers_raise_no_doubt(name: str) -> None:
    assert not _told(name, images(name))


def test_labels_from_one_and_chance() -> None:
    x = images("unit")
    from_one = np.where(LABELS == 3, 1, LABELS + 1)  # reaches no further than the outputs
    assert "if 1 is taken off the labels" in _told("unit", x, from_one)[0]
    shuffled = np.random.default_rng(1).permutation(LABELS)
    assert "no more than chance among 4 classes" in _told("unit", x, shuffled)[0]
    assert not _told("unit", x[:8], shuffled[:8]), "too few images to tell"


def test_a_mediocre_network_is_not_doubted() -> None:
    some = np.where(np.arange(64) % 3 == 0, (LABELS + 2) % 4, LABELS)  # two thirds right
    assert not _told("unit", images("unit"), some)


def test_labels_that_cannot_be_right_are_told_of_in_conversion() -> None:
    assert "labels start at 1" in _told("unit", images("unit"), LABELS + 1)[0]


def test_check_and_run_say_so() -> None:
    graph = classifier("pixels")
    snn = ecc_lava.convert(graph, calibration=PIXELS_OF, timesteps=4, recipe="channel")
    network = ecc_lava.quantise(snn)
    report = ecc_lava.check(network, PIXELS_OF[:32], graph=graph, labels=LABELS[:32], exact_images=1, lava=False)
    assert report.ok, "the integers are the CNN's"
    assert "convert with --input-scale 1" in report.doubts[0]
    assert doubts_of_run(network, graph, PIXELS_OF, LABELS, 0.25) == doubts_of_labels(graph, PIXELS_OF, LABELS, graph.input_specs)
    assert not doubts_of_run(network, graph, PIXELS_OF, LABELS, 0.95)
