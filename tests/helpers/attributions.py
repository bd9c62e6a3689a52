"""Attributions of a small network and of the demo's."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import ecc_lava
from ecc_lava.analysis.attribution import Attribution
from ecc_lava.analysis.attribution.picture import _draw_ladder
from ecc_lava.common.arrays import Array
from ecc_lava.conversion.rescaling import rescaled
from ecc_lava.demo import data as demo
from ecc_lava.graph.graph import Graph
from ecc_lava.networks.spiking import SpikingNetwork
from ecc_lava.quantisation.quantise import quantise
from tests.helpers.cnns import small_graph
from tests.helpers.images import as_array

__all__ = [
    "IMAGES",
    "assert_bars_are_inside",
    "attributed",
    "demo_converted",
    "demo_graph",
    "demo_images",
    "found_by",
    "random_pixels",
    "saturating",
]

IMAGES = 100


def random_pixels(samples: int = 40, seed: int = 1) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (samples, 5, 5, 2)).astype(np.uint8)


def attributed(snn: SpikingNetwork, graph: Graph, x: Array, **options: Any) -> Attribution:
    return ecc_lava.attribute(quantise(snn, **options), x, snn=snn, graph=graph)


def saturating() -> tuple[SpikingNetwork, Array]:
    """Return a network one of whose thresholds is so small that its potential leaves the range, and images."""
    snn = ecc_lava.convert(small_graph(), calibration=random_pixels(), timesteps=64, recipe="channel")
    return rescaled(snn, {"q": snn.by_name["q"].lambda_ * 0.005}), random_pixels()


@cache
def demo_graph() -> Graph:
    return ecc_lava.from_keras(ecc_lava.load_model(demo.MODEL))


@cache
def demo_converted(recipe: str, timesteps: int = 32) -> SpikingNetwork:
    return ecc_lava.convert(demo_graph(), calibration=demo.calibration_images().x, timesteps=timesteps, recipe=recipe)


def demo_images(count: int = IMAGES) -> Array:
    """Return images of the demo."""
    return as_array(demo.test_images().x)[:count]


def found_by(snn: SpikingNetwork, graph: Graph | None = None, bits: Any = 8, images: int = IMAGES) -> Attribution:
    data = demo.test_images()
    assert data.y is not None
    network = quantise(snn, bits=bits)
    return ecc_lava.attribute(network, demo_images(images), data.y[:images], snn=snn, graph=graph or demo_graph())


def assert_bars_are_inside(found: Any) -> None:
    """Whether the axes of the ladder hold its error bars whole."""
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    _draw_ladder(axes, found, "accuracy")
    low, high = axes.get_xlim()
    bars = [segment for bar in axes.containers if len(bar) == 3 for lines in bar[2] for segment in lines.get_segments()]
    assert bars and all(low < x < high for segment in bars for x, _ in segment)
