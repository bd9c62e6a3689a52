"""Units, thresholds and the range audit of populations whose spikes carry payloads."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from ecc_lava.common import Array, Payload
from ecc_lava.errors import InvalidNetwork, RangeError
from ecc_lava.formats.loihi1 import LOIHI1
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.geometry import Dense
from ecc_lava.inputs import InputCoding
from ecc_lava.networks import Kind, Population, Projection, QuantisedNetwork, SpikingNetwork
from ecc_lava.quantisation import one_step_bound, quantise
from tests.helpers.networks import random_network, with_payloads


def _chain(payload: Payload, first: Array, second: Array, observed: float | None = None) -> SpikingNetwork:
    """Return input -> p -> q -> readout with dense weights; p and q send payloads."""
    sizes = {"x": len(first), "p": first.shape[1], "q": second.shape[1]}
    populations = [
        Population.ideal("x", (1, 1, sizes["x"]), Kind.INPUT),
        *(replace(Population.ideal(name, (1, 1, sizes[name]), Kind.IF), payload=payload) for name in ("p", "q")),
        Population.ideal("r", (1, 1, 1), Kind.READOUT),
    ]
    if observed is not None:
        populations = [replace(p, observed=np.full((1, 1, 1), observed)) if p.kind is not Kind.INPUT else p for p in populations]
    wires = [Projection("x", "p", Dense(first)), Projection("p", "q", Dense(second)), Projection("q", "r", Dense(np.ones((sizes["q"], 1))))]
    return SpikingNetwork(tuple(populations), tuple(wires), (InputCoding("rate"),), 2)


def _weights(inputs: int, outputs: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(inputs, outputs))


@pytest.mark.parametrize("bits", range(2, 9))
def test_a_payload_is_a_shift_of_the_potential(bits: int) -> None:
    network = quantise(_chain(Payload(bits), _weights(5, 4), _weights(4, 3)))
    for name in ("p", "q"):
        vth = network.by_name[name].vth
        assert (vth > 0).all() and not (vth & (vth - 1)).any()
        assert (vth.astype(np.int64) * 2 * Payload(bits).largest <= 2 * LOIHI2.potential_max).all()


def test_projections_of_other_proportions_in_one_channel_find_units() -> None:
    """By their medians they lie nine powers of two apart, in the first channel both are large."""
    inputs = [Population.ideal(name, (1, 1, 1), Kind.INPUT) for name in "xy"]
    q = replace(Population.ideal("q", (1, 1, 3), Kind.IF), payload=Payload(8), observed=np.array([[[59000.0, 250.0, 850.0]]]))
    weights = {"x": np.array([[3000.0, 0.5, 2.0]]), "y": np.array([[233000.0, 330.0, 1250.0]])}
    wires = [*(Projection(name, "q", Dense(w)) for name, w in weights.items()), Projection("q", "r", Dense(np.ones((3, 1))))]
    populations = (*inputs, q, Population.ideal("r", (1, 1, 1), Kind.READOUT))
    network = SpikingNetwork(populations, tuple(wires), (InputCoding("graded"), InputCoding("events")), 1)
    made = quantise(network)
    assert (made.by_name["q"].vth >= 1).all()
    for projection in made.into("q"):
        assert np.abs(projection.geometry.kernel[0]).max() > 0


def test_a_silent_channel_holds_the_largest_payload_twice() -> None:
    silent = _weights(5, 4)
    silent[:, 2] = 0
    network = quantise(_chain(Payload(8), silent, _weights(4, 3)))
    assert network.by_name["p"].vth.max() * 2 * 255 <= LOIHI2.potential_max


def test_a_threshold_that_is_no_shift_is_refused() -> None:
    network = with_payloads(random_network(0), 0, 4, False)
    odd = replace(network.populations[1], vth=network.populations[1].vth + 1)
    with pytest.raises(RangeError, match="it must be a power of two: a chip has no divider"):
        replace(network, populations=(network.populations[0], odd, *network.populations[2:]))
    one_bit = replace(odd, payload=Payload(1, True))  # compares with thresholds, and needs no shift
    assert replace(network, populations=(network.populations[0], one_bit, *network.populations[2:]))


def test_payloads_of_formats_and_populations_that_have_none_are_refused() -> None:
    with pytest.raises(RangeError, match=r"spikes of population 'p' carry 2 bits; those of loihi1 are binary"):
        quantise(_chain(Payload(2), _weights(5, 4), _weights(4, 3)), format=LOIHI1)
    with pytest.raises(RangeError, match="1 bits and a sign"):
        quantise(_chain(Payload(1, True), _weights(5, 4), _weights(4, 3)), format=LOIHI1)
    network = _chain(Payload(2), _weights(5, 4), _weights(4, 3))
    graded_readout = replace(network.populations[-1], payload=Payload(2))
    with pytest.raises(InvalidNetwork, match="'r' has payloads"):
        replace(network, populations=(*network.populations[:-1], graded_readout))
    wrong: tuple[Any, ...] = (0, 9, 2.0, True)
    for bits in wrong:
        with pytest.raises(InvalidNetwork, match="payload bits"):
            Payload(bits)


@pytest.mark.parametrize("payload", [Payload(2), Payload(3, True), Payload(1, True)])
def test_the_bound_of_one_step_is_the_largest_sum_there_is(payload: Payload) -> None:
    network = quantise(_chain(payload, _weights(3, 4), _weights(4, 2)))
    q = network.by_name["q"]
    projection = network.into("q")[0]
    sent = np.array(list(product((payload.least, payload.largest), repeat=4)))
    sums = sent @ projection.geometry.kernel.astype(np.int64) * 2 ** LOIHI2.shift(projection.exponent) + q.bias.ravel()
    bound = {r.name: r for r in one_step_bound(network)}["q"]
    assert (bound.one_step_low, bound.one_step_high) == (sums.min(), sums.max())
    assert bound.one_step_fits


def _units(network: QuantisedNetwork) -> int:
    return int(network.by_name["q"].vth.max())


def test_what_was_observed_and_a_margin_take_the_place_of_a_proof() -> None:
    wide, few = _weights(4000, 8, 1), _weights(3, 4000)
    proven = quantise(_chain(Payload(8), few, wide))
    assert all(r.one_step_fits for r in one_step_bound(proven))
    observed = quantise(_chain(Payload(8), few, wide, observed=500.0))
    audit = {r.name: r.one_step_fits for r in one_step_bound(observed)}
    assert audit == {"p": True, "q": False, "r": True}
    assert _units(observed) > _units(proven)
    assert 4 * 500 * _units(observed) <= LOIHI2.potential_max
    huge = quantise(_chain(Payload(8), few, wide, observed=1e9))  # no more than the proof
    assert _units(huge) == _units(proven)
