"""Chip pages, made once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ecc_lava.backends.result import Result
from ecc_lava.geometry import Dense
from ecc_lava.networks import QuantisedNetwork
from hw_mappings import Mapping, chip_page, map_network
from tests.helpers.chip_pages import EVIL, PRICED, activity_of, renamed, two_chips
from tests.helpers.chips import chip_with
from tests.helpers.networks import chain, random_network, recoded, same_conv


@pytest.fixture(scope="session")
def made() -> tuple[QuantisedNetwork, Mapping, Result]:
    """A network on several small chips, one of its layers and the chip named by an attacker."""
    network = renamed(recoded(random_network(1), "rate"), "p1", EVIL)
    activity = activity_of(network)
    return network, map_network(network, replace(two_chips(PRICED), name=EVIL), activity), activity


@pytest.fixture(scope="session")
def html(made: tuple[QuantisedNetwork, Mapping, Result]) -> str:
    network, mapping, activity = made
    return chip_page(mapping, network, activity, title=EVIL, about={"placer": EVIL})


@pytest.fixture(scope="session")
def large() -> tuple[QuantisedNetwork, Mapping]:
    """Over a thousand cores on nine chips, with many messages among them."""
    network = chain((32, 32, 1), same_conv(1, 8), same_conv(8, 8), same_conv(8, 8), Dense(np.zeros((8192, 10), np.int8)))
    chip = chip_with(compartments=24, memory_bits=None, board_columns=3, board_rows=3, chips=9)
    return network, map_network(network, chip, placer="row-major")
