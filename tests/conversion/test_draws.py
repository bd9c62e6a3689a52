"""Several draws of calibration images: which one is kept, who judges, and that workers change nothing."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from ecc_lava import convert, forward, quantise, simulate
from ecc_lava.conversion import DrawReport, calibration_subset
from ecc_lava.conversion.drawing import VALIDATION_MAX, VALIDATION_MIN, validation_subset
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.networks import SpikingNetwork
from tests.helpers.cnns import samples, small_graph
from tests.helpers.rows import NotedRows

SIZE = 12
HOW: dict[str, Any] = {"timesteps": 3, "bits": 3, "calibration_images": SIZE, "recipe": "channel"}
GRAPH = small_graph()
X = samples(GRAPH, 4 * SIZE + 130)


def _drawn(draws: int, seed: int = 0) -> tuple[SpikingNetwork, DrawReport]:
    told: list[DrawReport] = []
    network = convert(GRAPH, calibration=X, draws=draws, seed=seed, report=told.append, **HOW)
    return network, told[0]


def _digest(snn: SpikingNetwork) -> str:
    return quantise(snn, bits=3).digest


def test_one_draw_is_what_it_always_was() -> None:
    told: list[DrawReport] = []
    alone = convert(GRAPH, calibration=X, **HOW)
    assert _digest(convert(GRAPH, calibration=X, draws=1, report=told.append, **HOW)) == _digest(alone)
    assert _digest(convert(GRAPH, calibration=X[calibration_subset(len(X), 0, SIZE)], **HOW)) == _digest(alone)
    assert told == []


def test_every_draw_is_the_conversion_of_its_seed_judged_on_images_of_no_draw() -> None:
    network, report = _drawn(4, seed=2)
    seeds = [2, 3, 4, 5]
    drawn = {int(i) for seed in seeds for i in calibration_subset(len(X), seed, SIZE)}
    judges = X[[i for i in range(len(X)) if i not in drawn]]
    assert report.validation_images == len(judges)
    answers = forward(GRAPH, judges)
    assert isinstance(answers, np.ndarray)
    kept = []
    for seed in seeds:
        integers = quantise(convert(GRAPH, calibration=X, seed=seed, **HOW), bits=3)
        kept.append(float((simulate(integers, judges).predictions == answers.argmax(axis=1)).mean()))
    assert [(draw.seed, draw.kept) for draw in report.draws] == list(zip(seeds, kept, strict=True))
    assert len(set(kept)) > 1  # else the test would show nothing
    assert report.best == kept.index(max(kept))
    assert _digest(network) == _digest(convert(GRAPH, calibration=X, seed=seeds[report.best], **HOW))
    assert report.figure == "agreement"
    assert report.mean == pytest.approx(np.mean(kept))
    assert report.interval is not None
    half = 3.182446 * np.std(kept, ddof=1) / 2  # Student's t with 3 degrees of freedom
    assert report.interval == pytest.approx((report.mean - half, min(1.0, report.mean + half)))


def test_of_equal_draws_the_first_is_kept() -> None:
    many = np.repeat(X[:1], len(X), axis=0)
    told: list[DrawReport] = []
    convert(GRAPH, calibration=many, draws=3, report=told.append, **HOW)
    assert (told[0].best, len({draw.kept for draw in told[0].draws})) == (0, 1)


@pytest.mark.parametrize(("images", "size", "needed"), [(111, 12, 124), (100, 256, 612), (300, None, 700)])
def test_too_few_images_to_judge_are_told_with_the_number_needed(images: int, size: int | None, needed: int) -> None:
    with pytest.raises(InvalidInput, match=f"2 draws of .* of {images} images to judge .* give {needed} images"):
        convert(GRAPH, calibration=samples(GRAPH, images), draws=2, **HOW | {"calibration_images": size})


def test_at_most_so_many_images_judge() -> None:
    found = validation_subset(5000, range(3), 256)
    assert len(found) == VALIDATION_MAX
    for seed in range(3):
        assert not np.isin(found, calibration_subset(5000, seed, 256)).any()
    assert len(validation_subset(2 * SIZE + VALIDATION_MIN, range(2), SIZE)) >= VALIDATION_MIN
    with pytest.raises(InvalidInput, match="draws 0"):
        convert(GRAPH, calibration=X, draws=0, **HOW)


def test_a_draw_out_of_range_is_never_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from ecc_lava.conversion import prepared

    whole = prepared.Prepared.converted
    bad = {0, 2}

    def converted(self: prepared.Prepared, drawn: Any, seed: int, progress: Any = None) -> SpikingNetwork:
        if seed in bad:
            raise RangeError(f"seed {seed}")
        return whole(self, drawn, seed, progress)

    monkeypatch.setattr(prepared.Prepared, "converted", converted)
    _, report = _drawn(3)
    assert report.best == 1
    assert [draw.error for draw in report.draws] == ["seed 0", "", "seed 2"]
    assert report.interval is None
    bad.add(1)
    with pytest.raises(RangeError, match=r"every one of 3 draws .* seed 0"):
        _drawn(3)


def test_doubts_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        convert(GRAPH, calibration=np.rint(255 * np.abs(X)), draws=3, **HOW)
    assert len(caplog.records) <= 1


def test_of_a_source_only_what_is_drawn_is_read() -> None:
    rows = NotedRows(X)
    network = convert(GRAPH, calibration=rows.source(), **HOW)
    assert _digest(network) == _digest(convert(GRAPH, calibration=X, **HOW))
    assert rows.seen == set(calibration_subset(len(X), 0, SIZE).tolist())
    told: list[DrawReport] = []
    convert(GRAPH, calibration=rows.source(), draws=3, report=told.append, **HOW)
    assert told == [_drawn(3)[1]]
