"""The mapper and payloads: what a chip cannot carry, what signs take of a core, and repeaters."""

from __future__ import annotations

import numpy as np
import pytest

from ecc_lava.backends.simulate import simulate
from ecc_lava.errors import DoesNotFit, RangeError
from ecc_lava.formats.loihi1 import LOIHI1 as LOIHI1_FORMAT
from ecc_lava.geometry import Dense
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.networks.format_checks import check_spikes
from hw_mappings import LOIHI2, map_network
from hw_mappings.partition.lower_bound import lower_bound_cores
from hw_mappings.partition.repeaters import chip_network
from hw_mappings.report.rows import misfit_summary
from tests.helpers.chips import chip_with
from tests.helpers.networks import chain, random_images, random_network, recoded, same_conv, with_payloads


def _network(bits: int, signed: bool) -> QuantisedNetwork:
    network = chain((4, 4, 2), same_conv(2, 4), same_conv(4, 4), Dense(np.zeros((64, 3), np.int8)))
    return recoded(with_payloads(network, 0, bits, signed), "rate")


@pytest.mark.parametrize(
    ("bits", "signed", "most", "message"),
    [
        (5, False, 4, r"carry 5 bits; those of tiny carry at most 4 .*payloads of 4 bits without a sign, .*payload_bits of at least 5$"),
        (5, True, 5, r"carry 6 bits with their sign; .*at most 5 \(1 more pop.*payloads of 4 bits and a sign, .*at least 6$"),
        (2, False, 1, r"population 'p0' carry 2 bits; .*at most 1 .*payloads of 1 bit without a sign, .*at least 2$"),
        (1, True, 1, r"carry 2 bits with their sign; .*at most 1 .*payloads of 1 bit without a sign, .*at least 2$"),
    ],
)
def test_payloads_that_a_chip_cannot_carry_and_the_change_that_fits(bits: int, signed: bool, most: int, message: str) -> None:
    network = _network(bits, signed)
    with pytest.raises(DoesNotFit, match=message):
        map_network(network, chip_with(payload_bits=most))
    map_network(network, chip_with(payload_bits=bits + signed))
    misfit = misfit_summary(network, chip_with(payload_bits=most))
    assert misfit["fits"] is False and misfit["models"]["strict"]["cores"] is None


def test_graded_inputs_are_payloads_too() -> None:
    network = recoded(_network(1, False), "graded")
    with pytest.raises(DoesNotFit, match=r"population 'input' carry 8 bits; those of tiny carry at most 7\."):
        map_network(network, chip_with(payload_bits=7))
    map_network(network, chip_with(payload_bits=8))


@pytest.mark.parametrize(("bits", "signed"), [(2, False), (1, True)])
def test_loihi1_takes_one_unsigned_bit(bits: int, signed: bool) -> None:
    """Its number format holds no other payload, so no network for it reaches the mapper."""
    with pytest.raises(RangeError, match="those of loihi1 are binary"):
        check_spikes(_network(bits, signed).by_name["p0"], LOIHI1_FORMAT)
    check_spikes(_network(1, False).by_name["p0"], LOIHI1_FORMAT)


def test_signs_take_memory_in_the_mapping_and_in_its_bound() -> None:
    """Cores whose memory holds exactly 16 unsigned neurons' state hold fewer with signs."""
    cores, bounds = {}, {}
    for signed in (False, True):
        network = _network(4, signed)
        chip = chip_with(memory_bits=6000, signed_state_bits=200)
        mapping = map_network(network, chip)
        mapping.check(network)
        cores[signed], bounds[signed] = len(mapping.cores), lower_bound_cores(network, chip)
        assert bounds[signed] <= cores[signed]
    assert cores[True] > cores[False] and bounds[True] > bounds[False]


@pytest.mark.parametrize("seed", range(8))
def test_mappings_of_payloads_are_within_limits(seed: int) -> None:
    network = with_payloads(random_network(seed, ports=seed % 3 == 2, sparse=seed >= 6), seed)
    for chip in (LOIHI2, chip_with(compartments=32, memory_bits=24_000)):
        mapping = map_network(network, chip)
        mapping.check(network)
        assert lower_bound_cores(network, chip) <= len(mapping.cores)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [1, 3, 8])
def test_repeaters_send_what_their_source_sent(bits: int, signed: bool) -> None:
    network = with_payloads(random_network(54, layers=5, timesteps=8), 0, bits, signed)
    on_chip = chip_network(network, chip_with(delay_max=0))
    assert len(on_chip.repeats) == 2
    images = random_images(network, 5)
    before = simulate(network, images, backend="golden", record=("p0", "p3"))
    after = simulate(on_chip.network, images, backend="golden", record=("p3", *on_chip.repeats))
    for name in on_chip.repeats:
        assert np.array_equal(after.raster[name], before.raster["p0"]) and not after.potential[name].any()
    assert np.array_equal(after.raster["p3"], before.raster["p3"])
    assert np.array_equal(np.asarray(before.readout), np.asarray(after.readout))
