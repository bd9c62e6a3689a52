"""The bound with axons between populations: below every partition, at any prices, and above the bound without them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ecc_lava.geometry import Conv, Dense
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.chips import LOIHI1, LOIHI2, RESOURCES, ChipSpec
from hw_mappings.partition.box_demand import BOUNDED
from hw_mappings.partition.joint_bound import joint_bound_cores, joint_least
from hw_mappings.partition.joint_demand import MOST, Ranges
from hw_mappings.partition.joint_kernel import by_length, by_span
from hw_mappings.partition.lower_bound import lower_bound
from hw_mappings.partition.repeaters import chip_network
from hw_mappings.partition.search import PartitionSearch
from hw_mappings.resources import SynapseModel, Tiling, demands, fits, limits_of, usage_of
from hw_mappings.resources.tiling import Cut
from tests.helpers.chips import CHIPS, DISCRETE, chip_with, for_chip
from tests.helpers.networks import chain, random_network, same_conv

TIGHT = chip_with(compartments=60, memory_bits=None, synapse_bits=20_000, input_axons=60, output_axons=90)
TRIED = {**CHIPS, "discrete": DISCRETE, "pool": chip_with(compartments=40, memory_bits=30_000), "tight": TIGHT}


def _cut(random: np.random.Generator, length: int) -> Cut:
    """Cut an axis in up to six spans of any lengths."""
    inner = random.choice(np.arange(1, length), int(random.integers(0, min(length, 6))), replace=False).tolist()
    return tuple(pairwise([0, *sorted(inner), length]))


def _tilings(random: np.random.Generator, network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel) -> dict[str, Tiling]:
    """Draw tilings: some that the mapper would try, some with cuts anywhere."""
    search = PartitionSearch(network, chip, model)
    found = {}
    for name, demand in demands(network, chip, model).items():
        tried = search.fitting(name)
        rows, columns, channels = (_cut(random, length) for length in demand.shape)
        found[name] = Tiling(name, (rows, columns, channels))
        if tried and random.random() < 0.7:
            found[name] = tried[int(len(tried) * random.random() ** 2)].tiling
    return found


@pytest.mark.parametrize("chip", TRIED.values(), ids=list(TRIED))
@pytest.mark.parametrize("seed", [0, 5, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (3, *range(8, 30)))])
def test_no_tilings_take_less_at_any_prices(seed: int, chip: ChipSpec) -> None:
    model = list(SynapseModel)[seed % 2]
    network = chip_network(for_chip(random_network(seed, ports=seed % 3 == 2, sparse=seed % 4 == 3), chip), chip).network
    random, limits = np.random.default_rng(seed), limits_of(chip)
    limited = np.array([chip.limit(name) is not None for name in BOUNDED])
    every = [limited * random.random(len(BOUNDED)) for _ in range(2)]
    prices = [np.array([lower_bound(network, chip, model).prices[name] for name in BOUNDED]), *(each / each.sum() for each in every)]
    least = [joint_least(network, chip, each, model) for each in prices]
    bounded = [RESOURCES.index(name) for name in BOUNDED]
    for _ in range(30):
        usage = usage_of(network, _tilings(random, network, chip, model), chip, model)
        if all(fits(each, limits) for each in usage.values()):
            taken = sum(each.reshape(-1, len(RESOURCES))[:, bounded].sum(axis=0) for each in usage.values()) / limits[bounded]
            for price, bound in zip(prices, least, strict=True):
                assert bound <= taken @ price + 1e-6


@pytest.mark.parametrize("chip", [LOIHI1, LOIHI2], ids=lambda chip: chip.name)
def test_axons_between_wide_layers_tighten_the_bound(chip: ChipSpec) -> None:
    network = for_chip(chain((8, 8, 32), same_conv(32, 256), same_conv(256, 256), Dense(np.zeros((16384, 4), np.int8))), chip)
    bound = lower_bound(network, chip)
    assert joint_bound_cores(network, chip, bound) > 1.02 * bound.cores


def test_nothing_is_least_where_no_tiling_fits() -> None:
    """A position of the first layer reaches so many shards of the second that no neuron of it fits."""
    chip = chip_with(compartments=8, memory_bits=None, output_axons=30)
    network = chain((2, 2, 1), same_conv(1, 2), Conv(np.zeros((1, 1, 2, 256), np.int8)))
    prices = np.full(len(BOUNDED), 1 / len(BOUNDED))
    assert joint_least(network, chip, prices, SynapseModel.STRICT) >= MOST
    assert joint_bound_cores(network, chip, lower_bound(network, chip)) == lower_bound(network, chip).cores


def test_ranges_cover_every_number_once() -> None:
    for most in (1, 2, 7, 100, 2048):
        ranges = Ranges.up_to(most, 1.06)
        held = [n for first, last in zip(ranges.first, ranges.last, strict=True) for n in range(first, last + 1)]
        assert held == list(range(1, most + 1))


def test_cuts_cost_at_least_what_the_kernels_say() -> None:
    """Against every cut of a short axis."""
    random = np.random.default_rng(1)
    for length in (1, 2, 5, 7):
        costs = np.where(random.random((length + 1, length + 1)) < 0.1, np.inf, random.random((length + 1, length + 1)))
        of_span = np.arange((length + 1) ** 2).reshape(length + 1, length + 1)
        exact = by_span(costs.reshape(1, -1), of_span)[0]
        by_lengths = by_length(costs[:1, 1:], length)[0]
        least = np.full((2, length), np.inf)
        for inner in range(2 ** (length - 1)):
            cuts = [0, *(n + 1 for n in range(length - 1) if inner >> n & 1), length]
            spans = list(pairwise(cuts))
            sums = sum(costs[start, stop] for start, stop in spans), sum(costs[0, stop - start] for start, stop in spans)
            least[:, len(spans) - 1] = np.minimum(least[:, len(spans) - 1], sums)
        np.testing.assert_allclose(exact, least[0])
        assert (by_lengths <= least[1] + 1e-12).all()
