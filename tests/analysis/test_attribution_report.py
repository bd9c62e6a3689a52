"""What an attribution shows: uncertainty, a report that sums, a picture."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import ecc_lava
from ecc_lava.analysis.attribution import draw
from ecc_lava.analysis.attribution.change import Change, Flips
from ecc_lava.analysis.attribution.ladder import RUNGS
from ecc_lava.analysis.attribution.picture import PICTURES
from ecc_lava.conversion.passes.current_normalisation import CurrentNormalisation
from ecc_lava.conversion.passes.input_encoding import InputEncoding
from ecc_lava.conversion.passes.residual_elimination import ResidualElimination
from ecc_lava.errors import InvalidNetwork
from tests.helpers.attributions import (
    assert_bars_are_inside,
    attributed,
    random_pixels,
)
from tests.helpers.cnns import small_graph


def test_the_uncertainty_is_that_of_paired_predictions() -> None:
    """The standard error of the mean of +1 (lost), -1 (won) and 0."""
    flips = Flips(7, 3, 50)
    each = np.array([1] * 7 + [-1] * 3 + [0] * 40)
    assert flips.points == pytest.approx(100 * each.mean())
    assert flips.uncertainty == pytest.approx(100 * each.std() / np.sqrt(50))
    assert not flips.certain
    assert Flips(30, 2, 50).certain
    assert not Flips(0, 30, 50).certain


def test_a_report_that_does_not_sum_is_no_report() -> None:
    found = attributed(ecc_lava.convert(small_graph(), calibration=random_pixels(), recipe="channel"), small_graph(), random_pixels())
    first, *others = found.layers
    wrong = replace(first, in_network=Change(None, Flips(99, 0, 40), 0.0))
    with pytest.raises(InvalidNetwork, match="losses of the layers"):
        replace(found, layers=(wrong, *others))


def test_the_picture_is_a_png_of_any_network() -> None:
    recipe = (InputEncoding(), CurrentNormalisation("channel", 60.0), ResidualElimination(0.5))
    snn = ecc_lava.convert(small_graph(), calibration=random_pixels(), timesteps=2, recipe=recipe)
    found = attributed(snn, small_graph(), random_pixels(), bits=2)
    for format, start in zip(PICTURES, (b"\x89PNG", b"<?xml", b"%PDF"), strict=True):
        assert draw(found, format).startswith(start)
    first, last = found.rungs[0], found.rungs[-1]
    assert last.change is not None
    unsure = replace(last.change, agreement=Flips(3, 3, 6))  # as many lost as won: the bar is long and the step short
    assert_bars_are_inside(SimpleNamespace(rungs=(first, replace(last, agreeing=first.agreeing, change=unsure)), timesteps=2, images=40))


def test_a_report_is_json() -> None:
    found = attributed(
        ecc_lava.convert(small_graph(), calibration=random_pixels(), timesteps=2, recipe="ecc"), small_graph(), random_pixels()
    )
    values = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert values["largest_rung"] in RUNGS
    assert [rung["name"] for rung in values["rungs"]] == [name for name in RUNGS if name not in ("payload", "calibration")]
    assert values["rungs"][0]["accuracy"] is None
    assert values["loss_points"] == pytest.approx(sum(rung["change"]["agreement_points"] for rung in values["rungs"][1:]))
