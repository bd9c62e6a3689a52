"""What one step's input can reach, before its weights are rounded and after."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ecc_lava.conversion import convert
from ecc_lava.formats import number_format
from ecc_lava.graph import Graph
from ecc_lava.quantisation.measured import measured
from ecc_lava.quantisation.one_step import OneStep
from tests.helpers.graphs import graphs


@settings(max_examples=25)
@given(graphs(), st.integers(1, 4), st.integers(0, 6))
def test_the_bound_lies_where_it_is_without_rounding(graph: Graph, payload_bits: int, shift: int) -> None:
    x = np.random.default_rng(1).uniform(-1, 1, (4, *graph.input.shape))
    network = convert(graph, calibration=x, recipe="channel", payload_bits=payload_bits, timesteps=2)
    for population in network.populations[1:]:
        inputs = [measured(p, network.sent_range[p.source], number_format("loihi2"), 8) for p in network.into(population.name)]
        one_step = OneStep(population, inputs, number_format("loihi2"))
        units = np.random.default_rng(2).uniform(10, 1000, population.shape[2])
        shifts = [shift + number for number in range(len(inputs))]
        low, high = one_step.around(units, shifts)
        bound = one_step.bound(units, shifts)
        assert (low <= bound).all()
        assert (bound <= high).all()
