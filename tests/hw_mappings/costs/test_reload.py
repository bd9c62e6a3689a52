"""Other weights for a mapped population: which cores are written, and how much."""

from __future__ import annotations

import pytest

from ecc_lava.errors import InvalidInput, InvalidNetwork
from hw_mappings import LOIHI2, map_network
from hw_mappings.costs import reload_cost
from tests.helpers.chips import chip_with
from tests.helpers.networks import chain, random_network, same_conv


def test_a_population_on_one_core_is_what_its_core_holds() -> None:
    network = chain((4, 4, 2), same_conv(2, 3), same_conv(3, 2))
    mapping = map_network(network, LOIHI2)
    assert len(mapping.cores) == 1
    first, last = (reload_cost(mapping, network, p.name) for p in network.populations[1:])
    assert (first.cores, last.cores) == (1, 1)
    assert (first.weight_bits, last.weight_bits) == (8 * 9 * 2 * 3, 8 * 9 * 3 * 2)
    assert first.written_bits + last.written_bits == first.chip_bits == mapping.cores[0].usage["synapse_bits"]
    assert last.written_bits > last.weight_bits


def test_every_core_of_a_population_is_written() -> None:
    network = chain((6, 6, 2), same_conv(2, 4), same_conv(4, 4))
    mapping = map_network(network, chip_with(compartments=30))
    last = network.populations[-1].name
    found = reload_cost(mapping, network, last)
    holding = [core for core in mapping.cores if any(shard.population == last for shard in core.shards)]
    assert found.cores == len(holding) > 1
    assert found.chip_bits == sum(core.usage["synapse_bits"] for core in mapping.cores)
    assert found.weight_bits == 8 * 9 * 4 * 4


def test_what_is_not_there_is_refused() -> None:
    network = chain((4, 4, 2), same_conv(2, 3), same_conv(3, 2))
    mapping = map_network(network, LOIHI2)
    with pytest.raises(InvalidInput, match="no population 'input' is on cores"):
        reload_cost(mapping, network, "input")
    with pytest.raises(InvalidNetwork, match="map the network again"):
        reload_cost(mapping, random_network(0, 3), "p0")
