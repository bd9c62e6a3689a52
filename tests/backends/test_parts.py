"""Runs in parts without a cluster: sources that are read by range, and journals that resume."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ecc_lava import simulate
from ecc_lava.backends.images import RunSettings
from ecc_lava.backends.parts import PartsOptions, run_parts
from ecc_lava.common import Array, Images
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import ImageSource
from ecc_lava.networks import QuantisedNetwork
from tests.helpers.networks import random_images, random_network, recoded
from tests.helpers.results import assert_equal_results

IMAGES = 21


class _Counted(ImageSource):
    """Images in memory, of which it is noted what was read."""

    def __init__(self, x: dict[str, Array]) -> None:
        self._x, self.reads = x, list[tuple[int, int]]()

    def __len__(self) -> int:
        return IMAGES

    def part(self, first: int, end: int) -> Images:
        self.reads.append((first, end))
        return {name: array[first:end] for name, array in self._x.items()}


@pytest.fixture(scope="module")
def network() -> QuantisedNetwork:
    return recoded(random_network(5), "poisson")


@pytest.fixture(scope="module")
def x(network: QuantisedNetwork) -> dict[str, Array]:
    return random_images(network, IMAGES)


@pytest.mark.parametrize("part_images", [1, 4, 20, 100])
def test_any_size_of_parts_gives_the_whole(network: QuantisedNetwork, x: dict[str, Array], part_images: int) -> None:
    source, names = _Counted(x), tuple(network.by_name)
    found = run_parts(network, source, RunSettings(over_time=True, recorded=names), 3, PartsOptions(part_images=part_images))
    assert_equal_results(found, simulate(network, x, record=names, over_time=True, first_sample=3))
    assert max(end - first for first, end in source.reads) <= part_images


def test_a_journal_goes_on_where_a_run_ended(network: QuantisedNetwork, x: dict[str, Array], tmp_path: Path) -> None:
    whole = simulate(network, x)

    class Ended(Exception):
        pass

    def end_in_the_middle(done: int, total: int) -> None:
        if done >= 10:
            raise Ended

    with pytest.raises(Ended):
        run_parts(network, x, RunSettings(), 0, PartsOptions(None, tmp_path, end_in_the_middle, part_images=5))
    assert len(list(tmp_path.iterdir())) == 3
    told: list[int] = []
    options = PartsOptions(None, tmp_path, lambda done, total: told.append(done), part_images=4)  # parts of another size
    assert_equal_results(run_parts(network, x, RunSettings(), 0, options), whole)
    assert told == [IMAGES - 6, IMAGES - 3, IMAGES]
    source = _Counted(x)
    assert_equal_results(run_parts(network, source, RunSettings(), 0, options), whole)
    edges = sorted(source.reads)
    assert all(one[1] <= two[0] for one, two in pairwise(edges))  # read once, for its digest


def test_other_images_and_damaged_parts_run_again(network: QuantisedNetwork, x: dict[str, Array], tmp_path: Path) -> None:
    options = PartsOptions(None, tmp_path, part_images=7)
    run_parts(network, x, RunSettings(), 0, options)
    other = {name: array.copy() for name, array in x.items()}
    for array in other.values():
        array[9] = 255 - array[9]
    assert_equal_results(run_parts(network, other, RunSettings(), 0, options), simulate(network, other))
    for path in tmp_path.iterdir():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
    assert_equal_results(run_parts(network, x, RunSettings(), 0, options), simulate(network, x))


def test_runs_of_other_settings_share_a_folder(network: QuantisedNetwork, x: dict[str, Array], tmp_path: Path) -> None:
    for timesteps in (2, 3):
        assert_equal_results(simulate(network, x, timesteps=timesteps, journal=tmp_path), simulate(network, x, timesteps=timesteps))


def test_a_journal_keeps_no_recorded_populations(network: QuantisedNetwork, x: dict[str, Array], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="record nothing"):
        simulate(network, x, record=list(network.by_name)[:1], journal=tmp_path)


def test_parts_warn_once_with_the_numbers_of_all_images(caplog: pytest.LogCaptureFixture) -> None:
    network = random_network(5)
    x = {name: array.astype(np.float64) * 2.0 for name, array in random_images(network, IMAGES).items()}
    with caplog.at_level(logging.WARNING):
        whole = simulate(network, x)
        said = [record.getMessage() for record in caplog.records]
        caplog.clear()
        assert_equal_results(run_parts(network, x, RunSettings(), 0, PartsOptions(part_images=4)), whole)
    assert [record.getMessage() for record in caplog.records] == said
    assert any("were clipped" in line for line in said)
