"""What a study shows: tables, the page, the picture and the front."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecc_lava.errors import MissingDependency
from ecc_lava.studies.objectives import front
from ecc_lava.studies.results import StudyResult
from ecc_lava.studies.settings import Setting
from ecc_lava.studies.show.picture import draw, draw_on, set_apart, tick_labels
from ecc_lava.studies.trials.trial import Trial
from tests.helpers.studies import SETTINGS, figures, figures_of


class TestTables:
    def test_a_frame_has_a_row_for_every_trial(self, result: StudyResult) -> None:
        frame = result.to_frame()
        assert len(frame) == 8
        assert frame["bits"].tolist() == [3, 8] * 4
        assert frame["timesteps"].tolist() == [4, 4, 16, 16] * 2
        assert frame["accuracy"].tolist() == [figures_of(t).accuracy for t in result.trials]
        assert {"loss", "agreement", "synops_per_image", "energy_high_uj_per_image", "latency_steps", "key"} <= set(frame.columns)

    def test_csv_and_parquet_hold_the_same(self, result: StudyResult, tmp_path: Path) -> None:
        import pandas
        import pyarrow.parquet

        mixed = Trial("m", Setting.of(4, {"a": 2, "default": 8}), figures(Setting.of(4, {"a": 2, "default": 8})))
        both = StudyResult((*result.trials, mixed))
        both.to_csv(tmp_path / "t.csv")
        both.to_parquet(tmp_path / "t.parquet")
        with (tmp_path / "t.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [float(row["accuracy"]) for row in rows] == [figures_of(t).accuracy for t in both.trials]
        assert rows[-1]["bits_by_population"] == '{"a": 2, "default": 8}'
        stored = pyarrow.parquet.read_table(tmp_path / "t.parquet").to_pandas()
        pandas.testing.assert_frame_equal(stored, both.to_frame(), check_dtype=False)

    def test_without_pandas_or_pyarrow_one_message_says_what_to_install(
        self, result: StudyResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pandas", None)
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(MissingDependency, match="pip install pandas"):
            result.to_frame()
        with pytest.raises(MissingDependency, match=r"ecc-lava\[parquet\]"):
            result.to_parquet(tmp_path / "t.parquet")
        assert not list(tmp_path.iterdir())
        assert result.csv().count("\n") == 9

    def test_the_picture_is_drawn_and_its_edge_is_below_what_is_shown(self, result: StudyResult) -> None:
        assert draw(result).startswith(b"\x89PNG")
        assert draw(StudyResult(result.trials[:1])).startswith(b"\x89PNG")

    def test_the_legend_hides_no_point_and_bars_stay_inside(self, result: StudyResult) -> None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(11, 4.4), layout="constrained")
        axes = figure.subplots(1, 3, sharey=True)
        draw_on(axes, result)
        figure.draw_without_rendering()
        legend = figure.legends[0].get_window_extent()
        assert all(not axis.get_window_extent().overlaps(legend) and axis.get_legend() is None for axis in axes)
        low, high = axes[0].get_ylim()
        assert all(low <= y <= high for axis in axes for line in axis.lines for y in line.get_ydata() if line.get_alpha())


def test_points_of_the_picture_that_coincide_stand_side_by_side() -> None:
    assert set_apart([(0.0, 1.0), (10.0, 3.0)]) == [0, 0]
    moves = set_apart([(0.0, 1.0), (0.0, 1.0), (10.0, 3.0), (0.05, 1.0)])
    places = [x + move for x, move in zip((0.0, 0.0, 10.0, 0.05), moves, strict=True)]
    assert len({round(place, 9) for place in places}) == 4 and places[2] == 10.0
    assert places[1] == pytest.approx(0.0)  # the middle of three


def test_ticks_of_the_picture_have_the_digits_they_need() -> None:
    assert tick_labels([4.0, 8.0, 133_120.0]) == ["4", "8", "133,000"]
    assert tick_labels([98.25, 98.26]) == ["98.25", "98.26"]
    assert tick_labels([0.0625]) == ["0.0625"]


def _random_trials(points: Sequence[tuple[int, int]]) -> list[Trial]:
    from dataclasses import replace

    base = figures(SETTINGS[0])
    made = (replace(base, accuracy=a / 10, synaptic_bits=b) for a, b in points)
    return [Trial(str(i), SETTINGS[0], f) for i, f in enumerate(made)]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
@settings(max_examples=60)
def test_the_front_is_what_nothing_beats(points: list[tuple[int, int]]) -> None:
    trials = _random_trials(points)
    found = [int(t.key) for t in front(trials, ("accuracy", "memory"))]
    kept = [points[i] for i in found]
    assert len(set(kept)) == len(kept)
    for a, b in points:
        beaten = any(c >= a and d <= b and (c, d) != (a, b) for c, d in points)
        assert beaten != ((a, b) in kept)
