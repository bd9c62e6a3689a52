"""Studies: what is varied, what a trial says, and what is shared."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.analysis import costs
from ecc_lava.conversion.passes.current_normalisation import CurrentNormalisation
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, Relu, Reshape
from ecc_lava.studies.conversions import Conversions
from ecc_lava.studies.problem import Problem
from ecc_lava.studies.results import StudyResult
from ecc_lava.studies.running import TrialProgress
from ecc_lava.studies.settings import Setting, grid
from ecc_lava.studies.show.page import page
from ecc_lava.studies.trials.optuna_values import shown_parameters
from ecc_lava.studies.trials.trial import Mapped
from tests.helpers.demo_studies import CALIBRATION, IMAGES, LABELS, study_of
from tests.helpers.studies import SETTINGS, figures_of


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

    @pytest.mark.parametrize("bits", [2, 16, {"default": 16, "signs": 24}])
    def test_every_width_is_in_the_ranges_that_optuna_shows(self, bits: Any) -> None:
        shown, ranges = shown_parameters(Setting.of(1, bits))
        assert all(ranges[name]._contains(ranges[name].to_internal_repr(value)) for name, value in shown.items())

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
            run = ecc_lava.simulate(network, IMAGES)
            cnn = ecc_lava.forward(graph, IMAGES).argmax(axis=1)
            assert f.network_digest == network.digest
            assert f.accuracy == (run.predictions == LABELS).mean()
            assert f.agreement == (run.predictions == cnn).mean()
            assert f.ann_accuracy == result.ann_accuracy == (cnn == LABELS).mean()
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
        problem = Problem(Conversions(graph, CALIBRATION), IMAGES, LABELS)
        others = [
            Problem(Conversions(graph, CALIBRATION[:32]), IMAGES, LABELS),
            Problem(Conversions(graph, CALIBRATION, seed=1), IMAGES, LABELS),
            Problem(Conversions(ecc_lava.Graph(graph.nodes, 0.5), CALIBRATION), IMAGES, LABELS),
            Problem(Conversions(graph, CALIBRATION), IMAGES[:60], LABELS[:60]),
            Problem(Conversions(graph, CALIBRATION), IMAGES),
            Problem(Conversions(graph, CALIBRATION), IMAGES, LABELS, mapper_name="chip"),
        ]
        keys = {p.key(s) for p in (problem, *others) for s in SETTINGS}
        assert len(keys) == 7 * len(SETTINGS)
        assert Problem(Conversions(graph, CALIBRATION.copy()), IMAGES.copy(), LABELS.copy()).key(SETTINGS[0]) == problem.key(SETTINGS[0])

    def test_a_setting_whose_integers_cannot_be_is_a_trial_that_says_so(self, graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(self: Conversions, setting: Setting) -> Any:
            if setting.bits == 3:
                raise ecc_lava.errors.RangeError("too large")
            return real(self, setting)

        real = Conversions.network
        monkeypatch.setattr(Conversions, "network", refused)
        found = study_of(graph, bits=(3, 8), timesteps=4)
        assert [t.error for t in found.trials] == ["too large", None]
        assert found.best().setting.bits == 8
        errors = found.to_frame()["error"]
        assert errors[0] == "too large"
        assert errors.isna().tolist() == [False, True]  # None or NaN, as pandas's version has it
        with pytest.raises(InvalidInput, match="no setting of the study could run: too large"):
            study_of(graph, bits=3, timesteps=4).best()

    def test_without_labels_it_is_agreement_that_counts(self, graph: Graph) -> None:
        found = study_of(graph, bits=8, timesteps=(4, 16), labels=None)
        assert found.ann_accuracy is None
        assert [figures_of(t).accuracy for t in found.trials] == [None, None]
        assert [figures_of(t).loss for t in found.trials] == [None, None]
        assert figures_of(found.best()).score == max(figures_of(t).kept for t in found.trials)

    def test_a_mapper_is_asked_about_every_network(self, graph: Graph) -> None:
        found = study_of(
            graph, bits=(3, 8), timesteps=4, mapper=lambda network, x: Mapped("c", network.bits, 1, 5.0, None), mapper_name="c"
        )
        assert [t.mapped and t.mapped.cores for t in found.trials] == [3, 8]
        assert [t.energy_uj for t in found.trials] == [5.0, 5.0]
        assert [row["cores"] for row in found.rows] == [3, 8]

    def test_labels_that_do_not_fit_are_refused(self, graph: Graph) -> None:
        with pytest.raises(InvalidInput, match=r"labels of shape \(3,\) for 120 images"):
            study_of(graph, labels=LABELS[:3])

    def test_events_and_images_are_not_mixed(self, graph: Graph) -> None:
        with pytest.raises(InvalidInput, match="run one study for each"):
            study_of(graph, codings=("events", "rate"))

    def test_a_study_goes_on_where_it_was(self, graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first = study_of(graph, bits=8, timesteps=(4, 8), storage=tmp_path / "trials.db")
        steps: list[TrialProgress] = []
        more = study_of(graph, bits=8, timesteps=(4, 8, 16), storage=tmp_path / "trials.db", progress=steps.append)
        assert more.trials[:2] == first.trials
        assert [s.finished.setting.timesteps for s in steps if s.finished] == [16]
        monkeypatch.setattr(Problem, "run", None)
        assert study_of(graph, bits=8, timesteps=(4, 8, 16), storage=tmp_path / "trials.db").trials == more.trials


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
