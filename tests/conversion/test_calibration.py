"""What conversion calibrates on: the images that it draws and refuses; and that cores, order and an audience change nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.common import BINARY, threads
from ecc_lava.common.arrays import Array
from ecc_lava.conversion import calibration_subset, convert
from ecc_lava.conversion.passes.interface import IntegerOptions
from ecc_lava.conversion.recipes import RECIPES, passes_of
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.evaluate import forward
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Input, Linear, Node, Relu, Reshape
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.rates import rate_forward
from tests.helpers.cnns import named, samples, small_graph


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"timesteps": 0}, "timesteps 0"),
        ({"timesteps": -3}, "timesteps -3"),
        ({"recipe": "best ever"}, f"known: {', '.join(RECIPES)}"),
        ({"calibration": np.zeros((0, 5, 5, 2))}, "calibration: holds no image"),
        ({"calibration": np.zeros((4, 5, 5, 3))}, r"calibration: shape \(4, 5, 5, 3\) does not fit"),
        ({"calibration": np.full((4, 5, 5, 2), np.nan)}, "image 0 holds NaN or infinity \\(4 such"),
        ({"calibration": np.array([["a"]])}, "not numbers"),
    ],
)
def test_what_cannot_be_used_to_convert_is_refused(options: dict[str, Any], says: str) -> None:
    graph = small_graph()
    with pytest.raises(InvalidInput, match=says):
        ecc_lava.convert(graph, **{"calibration": samples(graph), **options})


def test_calibration_tells_how_far_it_is() -> None:
    graph, told = small_graph(), []
    x = samples(graph, 20)
    heard = convert(graph, calibration=x, timesteps=4, progress=lambda *step: told.append(step))
    assert told == [("calibrating populations", done, 3) for done in range(4)]
    silent = convert(graph, calibration=x, timesteps=4)
    assert heard.trace == silent.trace
    assert ecc_lava.quantise(heard).digest == ecc_lava.quantise(silent).digest


@pytest.mark.parametrize("payload_bits", [1, 4])
def test_the_number_of_cores_changes_nothing(payload_bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = small_graph()
    x = samples(graph, 80)

    def digest() -> str:
        return ecc_lava.quantise(convert(graph, calibration=x, timesteps=4, payload_bits=payload_bits)).digest

    whole = digest()
    monkeypatch.setattr(threads, "usable_cores", lambda: 1)
    monkeypatch.setattr(threads, "_WORTH_A_THREAD", 1)
    monkeypatch.setattr(threads._own, "is_worker", True, raising=False)
    assert digest() == whole


def test_uint8_images_calibrate_as_the_floats_they_stand_for() -> None:
    graph = small_graph()
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 5, 2)).astype(np.uint8)
    a, b = (ecc_lava.convert(graph, calibration=x) for x in (pixels, pixels / 255.0))
    assert a.codings == b.codings
    for p, q in zip(a.projections, b.projections, strict=True):
        np.testing.assert_allclose(p.geometry.kernel, q.geometry.kernel, rtol=1e-6)


def test_calibration_images_are_drawn_by_a_seed() -> None:
    drawn = calibration_subset(1000, seed=3, size=50)
    assert (np.diff(drawn) > 0).all() and drawn.max() < 1000 and len(drawn) == 50
    assert (drawn == calibration_subset(1000, seed=3, size=50)).all()
    assert (drawn != calibration_subset(1000, seed=4, size=50)).any()
    assert calibration_subset(20, size=50).tolist() == list(range(20))


def test_conversion_draws_from_whatever_it_is_given() -> None:
    """As on the command line: 256 images by the seed; None takes all."""
    graph = small_graph()
    x = samples(graph, 300)
    x[7] *= 50  # the largest image is not among those that seed 0 draws

    def lambdas(given: Array, **options: Any) -> list[list[float]]:
        snn = convert(graph, calibration=given, timesteps=4, recipe="channel", **options)
        return [p.lambda_.ravel().tolist() for p in snn.populations]

    assert 7 not in calibration_subset(300)
    assert lambdas(x) == lambdas(x[calibration_subset(300)]) != lambdas(x, calibration_images=None)
    assert lambdas(x, seed=2, calibration_images=20) == lambdas(x[calibration_subset(300, 2, 20)])
    with pytest.raises(InvalidInput, match="calibration_images 0; at least 1"):
        lambdas(x, calibration_images=0)
    x[7] = np.nan
    with pytest.raises(InvalidInput, match="image 7 holds NaN"):
        lambdas(x)


def test_calibration_takes_projections_in_any_order() -> None:
    """A source is kept until its last reader in order, which need not be listed last."""
    rng = np.random.default_rng(5)
    nodes: list[Node] = [
        Input("input", (4, 4, 2)),
        Linear("a", "input", Conv(rng.normal(size=(1, 1, 2, 3))), rng.normal(size=3)),
        Relu("p", "a"),
        Linear("b", "p", Conv(rng.normal(size=(1, 1, 3, 3))), rng.normal(size=3)),
        Relu("q", "b"),
        Add("sum", ("q", "p")),
        Relu("r", "sum"),
        Reshape("f", "r", (1, 1, 48)),
        Linear("out", "f", Dense(rng.normal(size=(48, 3))), rng.normal(size=3)),
    ]
    graph = Graph(tuple(nodes))
    x = samples(graph, 8)
    listed = replace(lower(graph).network, timesteps=4)
    for projections in (listed.projections, listed.projections[::-1]):
        network = replace(listed, projections=projections)
        for step in passes_of("best", BINARY, IntegerOptions("loihi2", 8, graph)):
            network = step(network, named(graph, x))
        np.testing.assert_allclose(rate_forward(network, x), forward(graph, x), atol=1e-9 * np.abs(forward(graph, x)).max())
