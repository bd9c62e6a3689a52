"""Another readout for an integer network: it computes what its operators say, and changes nothing else."""

from __future__ import annotations

import numpy as np
import pytest

import ecc_lava
from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput, InvalidNetwork
from ecc_lava.geometry import Conv, Dense, apply
from ecc_lava.networks import Kind, Projection
from ecc_lava.quantisation import with_readout
from tests.helpers.networks import random_images, random_network, with_payloads
from tests.helpers.streams import random_frame_network


def _spiking(seed: int, payloads: bool) -> ecc_lava.QuantisedNetwork:
    network = random_network(seed, 3, timesteps=4)
    return with_payloads(network, seed) if payloads else network


@pytest.mark.parametrize("payloads", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_logits_are_those_of_the_operators(seed: int, payloads: bool) -> None:
    network, rng = _spiking(seed, payloads), np.random.default_rng(seed)
    last = [p for p in network.populations if p.kind.spikes][-2:]
    neurons = {p.name: p.neurons for p in last}
    operators: dict[str, Array] = {name: rng.normal(size=(count, 6)) for name, count in neurons.items()}
    constant = rng.normal(size=(1, 1, 6))
    made = with_readout(network, [Projection(name, "other", Dense(kernel)) for name, kernel in operators.items()], constant)
    x = random_images(network, 3)
    result = ecc_lava.simulate(made, x, record=list(operators))
    rates = {name: result.counts[name] / made.timesteps for name in operators}
    wanted = sum(apply(Dense(kernel), rates[name]) for name, kernel in operators.items()) + constant
    assert np.abs(result.logits - wanted.reshape(3, 6)).max() < 0.02 * np.abs(wanted).max()
    np.testing.assert_equal(result.readout, ecc_lava.simulate(made, x, backend="golden").readout)


def test_nothing_else_changes() -> None:
    network = random_network(1, 3, timesteps=4)
    source = next(p for p in network.populations if p.kind is Kind.IF)
    made = with_readout(network, [Projection(source.name, "other", Conv(np.ones((1, 1, source.shape[2], 2))))], np.zeros((1, 1, 1)))
    assert made.populations[:-1] == tuple(p for p in network.populations if p.kind is not Kind.READOUT)
    assert made.projections[:-1] == tuple(p for p in network.projections if network.by_name[p.target].kind is not Kind.READOUT)
    assert (made.format, made.bits, made.codings, made.timesteps) == (network.format, network.bits, network.codings, network.timesteps)
    assert made.trace[-1] == "with_readout('other')"


def test_what_does_not_fit_is_refused() -> None:
    network = random_network(1, 3, timesteps=4)
    source = next(p for p in network.populations if p.kind is Kind.IF)
    fitting = Conv(np.ones((1, 1, source.shape[2], 2)))
    with pytest.raises(InvalidNetwork, match="the same name"):
        with_readout(network, [Projection(source.name, source.name, fitting)], np.zeros((1, 1, 1)))
    with pytest.raises(InvalidNetwork, match="cannot read"):
        with_readout(network, [Projection(source.name, "other", Conv(np.ones((1, 1, source.shape[2] + 1, 2))))], np.zeros((1, 1, 1)))
    stream = ecc_lava.sigma_delta(random_frame_network(3))
    with pytest.raises(InvalidInput, match="takes no stream"):
        with_readout(stream, [Projection("p0", "other", fitting)], np.zeros((1, 1, 1)))
