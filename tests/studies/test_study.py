"""Studies: what is varied, what a trial says, what is shared, and what is searched."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.analysis import costs
from ecc_lava.conversion.passes.current_normalisation import CurrentNormalisation
from ecc_lava.demo import data as demo
from ecc_lava.demo.data import MODEL
from ecc_lava.errors import InvalidInput, MissingDependency
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, Relu, Reshape
from ecc_lava.studies.conversions import Conversions
from ecc_lava.studies.objectives import OBJECTIVES, front
from ecc_lava.studies.problem import Problem
from ecc_lava.studies.results import StudyResult
from ecc_lava.studies.running import TrialProgress
from ecc_lava.studies.search.search import Search
from ecc_lava.studies.search.space import Space
from ecc_lava.studies.settings import Setting, grid
from ecc_lava.studies.show.page import page
from ecc_lava.studies.show.picture import draw, draw_on, set_apart, tick_labels
from ecc_lava.studies.trials.trial import Mapped, Trial
from tests.helpers.images import as_array
from tests.helpers.studies import SETTINGS, figures, figures_of

CALIBRATION = as_array(demo.calibration_images().x)[:64]
X, Y = as_array(demo.test_images().x)[:120], as_array(demo.test_images().y)[:120]


@pytest.fixture(scope="module")
def graph() -> Graph:
    return ecc_lava.from_keras(ecc_lava.load_model(MODEL))


@pytest.fixture(scope="module")
def result(graph: Graph) -> StudyResult:
    return _study(graph, bits=(3, 8), timesteps=(4, 16), formats=("loihi1", "loihi2"))


def _study(model: Any, **options: Any) -> StudyResult:
    given_: dict[str, Any] = {"calibration": CALIBRATION, "data": X, "labels": Y, "recipes": "channel"}
    return ecc_lava.study(model, **given_ | options)


def _widths(setting: Setting) -> dict[str, int]:
    assert not isinstance(setting.bits, int)
    return dict(setting.bits)


class TestSettings:
    def test_none_is_what_conversion_takes_by_default(self) -> None:
        assert Setting.of(8, 4) == Setting(8, 4, "loihi2", "best", "graded", 99.9)
        assert Setting.of(8, 4, "loihi1", "ecc") == Setting(8, 4, "loihi1", "ecc", "rate", 100.0)

    def test_widths_by_population_are_one_setting_in_any_order(self) -> None:
        assert Setting.of(8, {"b": 2, "a": 3}) == Setting.of(8, {"a": 3, "b": 2})
        assert Setting.of(8, {"b": 2, "a": 3}).widths == {"a": 3, "b": 2}

    @pytest.mark.parametrize("setting", [Setting.of(8, 4), Setting.of(3, {"default": 8, "a": 2}, "loihi1", "channel", "poisson", 99)])
    def test_a_setting_survives_json(self, setting: Setting) -> None:
        assert Setting.from_dict(setting.as_dict()) == setting

    def test_the_percentile_is_the_lambda_of_the_recipe(self) -> None:
        passes = Setting.of(8, 4, "loihi2", "best", None, 98.5).passes
        assert [s for s in passes if isinstance(s, CurrentNormalisation)] == [CurrentNormalisation("channel", 98.5)]
        assert Setting.of(8, 4).passes == ecc_lava.RECIPES["best"]

    @pytest.mark.parametrize(
        ("given_", "match"),
        [
            ({"timesteps": 0}, "timesteps 0"),
            ({"bits": 17}, "2 to 8"),
            ({"format": "loihi3"}, "loihi3"),
            ({"recipe": "none"}, "'none' is not known"),
            ({"coding": "none"}, "'none' is not known"),
            ({"percentile": 0.0}, "percentile 0"),
            ({"format": "loihi1", "coding": "graded"}, "graded"),
        ],
    )
    def test_what_cannot_be_is_refused(self, given_: dict[str, Any], match: str) -> None:
        with pytest.raises(InvalidInput, match=match):
            Setting.of(**{"timesteps": 8, "bits": 4} | given_)

    def test_a_grid_is_all_combinations_once_without_those_that_no_chip_does(self) -> None:
        found = grid(bits=(4, 8, 4), timesteps=(8, 16), formats=("loihi1", "loihi2"), codings=("graded", "rate"), percentiles=(None, 99.9))
        assert len(found.settings) == len(set(found.settings)) == 2 * 2 * 3
        assert {(s.format, s.coding) for s in found.settings} == {("loihi1", "rate"), ("loihi2", "graded"), ("loihi2", "rate")}
        assert found.left_out == ("loihi1 with graded input: its spikes are binary",)
        with pytest.raises(InvalidInput, match="no setting to run: loihi1 with graded"):
            grid(bits=(4,), timesteps=(8,), formats=("loihi1",), codings=("graded",))


class TestTrials:
    def test_a_trial_is_what_the_stages_one_by_one_say(self, graph: Graph, result: StudyResult) -> None:
        for trial in (result.trials[0], result.trials[-1]):
            s, f = trial.setting, figures_of(trial)
            assert f.ann_accuracy is not None and f.accuracy is not None
            snn = ecc_lava.convert(graph, calibration=CALIBRATION, timesteps=s.timesteps, recipe=s.recipe, format=s.format, bits=s.widths)
            network = ecc_lava.quantise(snn, format=s.format, bits=s.widths)
            run = ecc_lava.simulate(network, X)
            cnn = ecc_lava.forward(graph, X).argmax(axis=1)
            assert f.network_digest == network.digest
            assert f.accuracy == (run.predictions == Y).mean()
            assert f.agreement == (run.predictions == cnn).mean()
            assert f.ann_accuracy == result.ann_accuracy == (cnn == Y).mean()
            assert f.loss == f.ann_accuracy - f.accuracy
            counted = costs(run, network).as_dict()  # what `run` shows
            assert counted["synops_per_image"] == run.synops.mean()
            assert {name: value for name, value in counted.items() if "ann" not in name}.items() <= asdict(f).items()
            assert f.latency_steps == run.latency_steps
            assert f.synaptic_bits == sum(p.geometry.kernel.size * p.bits for p in network.projections)

    def test_energy_is_said_where_it_is_published(self, result: StudyResult) -> None:
        for trial in result.trials:
            assert (trial.energy_uj is not None) == (trial.setting.format == "loihi1")
        assert result.trials[0].energy_uj == figures_of(result.trials[0]).energy_high_uj_per_image

    def test_settings_share_what_does_not_depend_on_them(self, graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
        runs = []
        real = CurrentNormalisation.__call__

        def counted(*arguments: Any) -> Any:
            runs.append(arguments[0])
            return real(*arguments)

        monkeypatch.setattr(CurrentNormalisation, "__call__", counted)
        made = Conversions(graph, CALIBRATION)
        for setting in grid(bits=(3, 8), timesteps=(4, 16), formats=("loihi1", "loihi2"), recipes=("channel", "ecc")).settings:
            network, _ = made.network(setting)
            assert made.network(setting) == (network, 0.0)
        assert len(runs) == 4  # per coding and recipe

    def test_settings_that_share_are_as_if_alone(self, graph: Graph) -> None:
        made = Conversions(graph, CALIBRATION)
        for setting in (Setting.of(4, 3, recipe="channel"), Setting.of(8, 3, recipe="channel", percentile=99.0), Setting.of(2, 3)):
            alone = Conversions(graph, CALIBRATION).network(setting)[0]
            assert made.network(setting)[0].digest == alone.digest
            assert made.network(setting)[0].trace == alone.trace

    def test_keys_follow_the_setting_the_model_and_the_images(self, graph: Graph) -> None:
        problem = Problem(Conversions(graph, CALIBRATION), X, Y)
        others = [
            Problem(Conversions(graph, CALIBRATION[:32]), X, Y),
            Problem(Conversions(graph, CALIBRATION, seed=1), X, Y),
            Problem(Conversions(ecc_lava.Graph(graph.nodes, 0.5), CALIBRATION), X, Y),
            Problem(Conversions(graph, CALIBRATION), X[:60], Y[:60]),
            Problem(Conversions(graph, CALIBRATION), X),
            Problem(Conversions(graph, CALIBRATION), X, Y, mapper_name="chip"),
        ]
        keys = {p.key(s) for p in (problem, *others) for s in SETTINGS}
        assert len(keys) == 7 * len(SETTINGS)
        assert Problem(Conversions(graph, CALIBRATION.copy()), X.copy(), Y.copy()).key(SETTINGS[0]) == problem.key(SETTINGS[0])

    def test_a_setting_whose_integers_cannot_be_is_a_trial_that_says_so(self, graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(self: Conversions, setting: Setting) -> Any:
            if setting.bits == 3:
                raise ecc_lava.errors.RangeError("too large")
            return real(self, setting)

        real = Conversions.network
        monkeypatch.setattr(Conversions, "network", refused)
        found = _study(graph, bits=(3, 8), timesteps=4)
        assert [t.error for t in found.trials] == ["too large", None]
        assert found.best().setting.bits == 8
        errors = found.to_frame()["error"]
        assert errors[0] == "too large"
        assert errors.isna().tolist() == [False, True]  # None or NaN, as pandas's version has it
        with pytest.raises(InvalidInput, match="no setting of the study could run: too large"):
            _study(graph, bits=3, timesteps=4).best()

    def test_without_labels_it_is_agreement_that_counts(self, graph: Graph) -> None:
        found = _study(graph, bits=8, timesteps=(4, 16), labels=None)
        assert found.ann_accuracy is None
        assert [figures_of(t).accuracy for t in found.trials] == [None, None]
        assert [figures_of(t).loss for t in found.trials] == [None, None]
        assert figures_of(found.best()).score == max(figures_of(t).kept for t in found.trials)

    def test_a_mapper_is_asked_about_every_network(self, graph: Graph) -> None:
        found = _study(graph, bits=(3, 8), timesteps=4, mapper=lambda network, x: Mapped("c", network.bits, 1, 5.0, None), mapper_name="c")
        assert [t.mapped and t.mapped.cores for t in found.trials] == [3, 8]
        assert [t.energy_uj for t in found.trials] == [5.0, 5.0]
        assert [row["cores"] for row in found.rows] == [3, 8]

    def test_labels_that_do_not_fit_are_refused(self, graph: Graph) -> None:
        with pytest.raises(InvalidInput, match=r"labels of shape \(3,\) for 120 images"):
            _study(graph, labels=Y[:3])

    def test_events_and_images_are_not_mixed(self, graph: Graph) -> None:
        with pytest.raises(InvalidInput, match="run one study for each"):
            _study(graph, codings=("events", "rate"))

    def test_a_study_goes_on_where_it_was(self, graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first = _study(graph, bits=8, timesteps=(4, 8), storage=tmp_path / "trials.db")
        steps: list[TrialProgress] = []
        more = _study(graph, bits=8, timesteps=(4, 8, 16), storage=tmp_path / "trials.db", progress=steps.append)
        assert more.trials[:2] == first.trials
        assert [s.finished.setting.timesteps for s in steps if s.finished] == [16]
        monkeypatch.setattr(Problem, "run", None)
        assert _study(graph, bits=8, timesteps=(4, 8, 16), storage=tmp_path / "trials.db").trials == more.trials


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
@settings(derandomize=True, deadline=None, max_examples=60)
def test_the_front_is_what_nothing_beats(points: list[tuple[int, int]]) -> None:
    trials = _random_trials(points)
    found = [int(t.key) for t in front(trials, ("accuracy", "memory"))]
    kept = [points[i] for i in found]
    assert len(set(kept)) == len(kept)
    for a, b in points:
        beaten = any(c >= a and d <= b and (c, d) != (a, b) for c, d in points)
        assert beaten != ((a, b) in kept)


class TestSearch:
    def test_it_begins_with_uniform_widths_and_then_the_small_layers_wider(self, graph: Graph) -> None:
        asked = grid(bits=(2, 4, 8), timesteps=(4, 8))
        space = Space.of(graph, asked)
        starts = space.starts(asked)
        assert starts[:6] == list(asked.settings)
        assert len(set(starts)) == len(starts) == 6 + 2 * 3  # 2 with 4, 2 with 8, 4 with 8
        largest = max(zip(space.sizes, space.names, strict=True))[1]
        assert all(_widths(s)[largest] == min(_widths(s).values()) for s in starts[6:])
        assert all(_widths(s)["default"] == 8 for s in starts[6:])

    @pytest.mark.parametrize("sampler", ["nsga2", pytest.param("tpe", marks=pytest.mark.slow)])
    def test_it_finds_a_front_without_labels_and_says_so_on_other_images(self, graph: Graph, sampler: str, tmp_path: Path) -> None:
        search = Search(trials=14, objectives=("accuracy", "memory"), sampler=sampler, selection=60)
        found = _study(graph, bits=(2, 3, 8), timesteps=8, search=search, storage=tmp_path / "trials.journal")
        assert all(figures_of(t).images == 60 and figures_of(t).accuracy is None for t in found.searched)
        assert all(figures_of(t).images == 60 and figures_of(t).accuracy is not None for t in found.trials)
        assert [t.setting for t in found.trials[:3]] == list(grid(bits=(2, 3, 8), timesteps=(8,), recipes=("channel",)).settings)
        assert len({t.setting for t in found.searched}) == len(found.searched) > 8
        chosen = {t.setting for t in front(found.searched, search.objectives)}
        mixed = list(found.trials[3:])
        assert mixed
        assert all(t.setting in chosen for t in mixed)
        assert set(found.front()) <= set(found.trials)
        again = _study(graph, bits=(2, 3, 8), timesteps=8, search=search, storage=tmp_path / "trials.journal")
        assert again == found

    def test_the_same_seed_finds_the_same(self, graph: Graph) -> None:
        def settings_of(seed: int) -> list[Setting]:
            found = _study(graph, bits=(2, 3, 8), timesteps=4, search=Search(trials=10, selection=60, seed=seed))
            return [t.setting for t in found.searched]

        assert settings_of(0) == settings_of(0) != settings_of(1)

    def test_by_default_it_aims_at_all_that_there_are_figures_for(self, graph: Graph) -> None:
        found = _study(graph, bits=(3, 8), timesteps=4, search=Search(trials=3))
        assert found.objectives == ("accuracy", "memory", "events", "latency")
        options: dict[str, Any] = {"formats": "loihi1", "mapper": lambda network, x: Mapped("c", 1, 1, 2.0, 3.0), "mapper_name": "c"}
        found = _study(graph, bits=(3, 8), timesteps=4, search=Search(trials=3), **options)
        assert found.objectives == ("accuracy", "memory", "cores", "energy", "latency")
        assert set(found.objectives) <= set(OBJECTIVES)

    @pytest.mark.parametrize(
        ("options", "match"),
        [
            ({"objectives": ("beauty",)}, "'beauty' is not known"),
            ({"objectives": ("cores",)}, "give `mapper`"),
            ({"objectives": ("energy",)}, "'energy' has no value for loihi2"),
            ({"sampler": "grid"}, "'grid' is not known"),
            ({"trials": 1}, "at least 2"),
            ({"selection": 120}, "1 must be left"),
        ],
    )
    def test_what_cannot_be_searched_is_refused(self, graph: Graph, options: dict[str, Any], match: str) -> None:
        with pytest.raises(InvalidInput, match=match):
            _study(graph, bits=(3, 8), timesteps=4, search=Search(**{"trials": 4} | options))

    def test_mixed_widths_beat_uniform_ones_at_no_more_memory(self, graph: Graph) -> None:
        """The layers that hold few weights are those that need their bits."""
        search = Search(trials=12, objectives=("accuracy", "memory"), selection=60)
        found = _study(graph, bits=(3, 4, 8), timesteps=16, search=search)
        uniform = {t.setting.bits: t for t in found.trials if isinstance(t.setting.bits, int)}
        mixed = [t for t in found.trials if not isinstance(t.setting.bits, int)]
        within = [t for t in mixed if figures_of(t).synaptic_bits <= figures_of(uniform[4]).synaptic_bits]
        best, at_three = max(figures_of(t).accuracy or 0.0 for t in within), figures_of(uniform[3]).accuracy
        assert at_three is not None and best > at_three + 0.1

    def test_averages_take_no_width(self, graph: Graph) -> None:
        assert not any("pool" in name for name in Space.of(graph, grid(bits=(2, 8), timesteps=(4,))).names)


def test_a_keras_model_and_arrays_are_enough() -> None:
    """Ten lines."""
    import keras

    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten()])
    model.add(keras.layers.Dense(3))
    x = np.random.default_rng(0).random((20, 6, 6, 1)).astype(np.float32)
    found = ecc_lava.study(model, calibration=x, data=x, bits=(4, 8), timesteps=(4, 8))
    assert found.to_frame()[["bits", "timesteps"]].to_numpy().tolist() == [[4, 4], [8, 4], [4, 8], [8, 8]]
    assert figures_of(found.best()).kept > 0.5


def test_numbers_are_scored_by_error_and_not_by_classes() -> None:
    """A regressor of one output agrees with itself in its only class, whatever it answers."""
    regressor = Graph(
        (
            Input("x", (6, 6, 1)),
            Linear("conv", "x", Conv(np.random.default_rng(1).normal(0, 0.4, (3, 3, 1, 4))), np.zeros(4)),
            Relu("relu", "conv"),
            Reshape("flat", "relu", (1, 1, 64)),
            Linear("out", "flat", Dense(np.random.default_rng(2).normal(0, 0.3, (64, 1))), np.zeros(1)),
        )
    )
    x = np.random.default_rng(3).random((40, 6, 6, 1))
    found = ecc_lava.study(regressor, calibration=x, data=x, bits=(2, 8), timesteps=(1, 16), recipes="channel")
    best = found.best()
    assert best.figures is not None
    assert (best.setting.bits, best.setting.timesteps) == (8, 16)
    assert best.figures.accuracy is None
    assert best.figures.score == pytest.approx(1 - (best.figures.relative_rms_error or 0) ** 2)
    assert (best.figures.correlation or 0) > 0.9
    worst = min(found.rows, key=lambda row: row["kept_variance"])
    assert worst["relative_rms_error"] > 0.5
    assert worst["kept_variance"] < 0.75
    assert worst["agreement"] is None, "numbers agree on nothing"
    assert found.score_name == "variance kept of the CNN"
    assert "agreement" not in page(found).split("<script", maxsplit=1)[0]
    labelled = ecc_lava.study(regressor, calibration=x, data=x, labels=x.mean((1, 2, 3)), bits=8, timesteps=16, recipes="channel")
    assert labelled.trials[0].figures is not None
    assert labelled.trials[0].figures.accuracy is None
