"""What a file or a caller asks for is compared with a limit of memory before anything of its size is built."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ecc_lava
import hw_mappings
from ecc_lava.backends.lava.cores import synapses as lava_synapses
from ecc_lava.common import NEURON_BYTES, check_memory, memory_limit
from ecc_lava.common.memory import MEMORY_BYTES
from ecc_lava.errors import FileError, InvalidInput, InvalidNetwork
from ecc_lava.geometry import Conv
from ecc_lava.networks import QuantisedNetwork, network_bytes
from hw_mappings.partition import chip_network
from hw_mappings.vectors import export_vectors, memory_image
from tests.helpers.chips import TINY
from tests.helpers.networks import chain, random_images, random_network
from tests.helpers.tiny_networks import one_projection

ONE = Conv(np.ones((1, 1, 1, 1), np.int8))


def test_the_limit_is_given_or_of_the_environment_or_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECC_LAVA_MAX_MEMORY", raising=False)
    assert memory_limit() == MEMORY_BYTES == 2 * 2**30
    monkeypatch.setenv("ECC_LAVA_MAX_MEMORY", "5000")
    assert memory_limit() == 5000
    assert memory_limit(7) == 7
    with pytest.raises(InvalidInput, match="max_memory is 0"):
        memory_limit(0)


@pytest.mark.parametrize("told", ["2GB", "-1", "0", "1.5", " ", "9" * 5000, "\u0663"])
def test_a_limit_that_is_no_number_is_refused(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECC_LAVA_MAX_MEMORY", told)
    with pytest.raises(InvalidInput, match="whole number of bytes") as refused:
        memory_limit()
    assert len(str(refused.value)) < 200


def test_a_claim_is_refused_with_both_numbers_and_the_remedy() -> None:
    check_memory("a thing", 10, 10)
    with pytest.raises(InvalidInput, match=r"a thing would take 11 bytes .* limit is 10. Set ECC_LAVA_MAX_MEMORY=11, or use less"):
        check_memory("a thing", 11, 10, "use less")
    with pytest.raises(InvalidInput, match=r"more than 2\*\*64"):
        check_memory("a thing", 10**5000, 10)


def _large(edge: int) -> QuantisedNetwork:
    return chain((edge, edge, 1), ONE, ONE)


def test_a_file_claims_no_more_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, network = tmp_path / "net.h5", _large(2800)  # 23.5 million neurons in a few kilobytes
    ecc_lava.save(path, network)
    assert path.stat().st_size < 2**16
    needed = network_bytes(network)
    assert needed > NEURON_BYTES * 3 * 2800**2 > MEMORY_BYTES
    with pytest.raises(FileError, match=rf"net.h5: its network would take {needed} bytes .* Set ECC_LAVA_MAX_MEMORY={needed}"):
        ecc_lava.load(path)
    assert ecc_lava.load(path, max_memory=needed)[0].digest == network.digest
    monkeypatch.setenv("ECC_LAVA_MAX_MEMORY", str(needed))
    assert ecc_lava.load(path)[0].digest == network.digest
    with pytest.raises(FileError, match="limit is 1000"):
        ecc_lava.load(path, max_memory=1000)


def test_an_honest_network_of_the_largest_kind_loads(tmp_path: Path) -> None:
    ecc_lava.save(tmp_path / "net.h5", _large(2500))  # 18.75 million neurons; VGG16 has 13.6
    ecc_lava.load(tmp_path / "net.h5")


TABLES = {
    "taps": Conv(np.ones((2**14, 1, 1, 1), np.int8), padding=(2**13, 2**13 - 1, 0, 0)),
    "padding": Conv(np.ones((1, 1, 1, 1), np.int8), strides=(2**13, 2**13), padding=(0, 2**27 - 2**14, 0, 2**13)),
    "stretching": Conv(np.ones((1, 1, 1, 1), np.int8), strides=(2**20, 1), input_dilation=(2**20, 1)),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_that_a_small_kernel_makes_count(name: str, tmp_path: Path) -> None:
    network = one_projection((2**14, 1, 1), TABLES[name])
    assert network_bytes(network) > MEMORY_BYTES
    ecc_lava.save(tmp_path / "net.h5", network)
    with pytest.raises(FileError, match="bytes of memory"):
        ecc_lava.load(tmp_path / "net.h5")
    with pytest.raises(InvalidInput, match="one image of this network"):
        ecc_lava.simulate(network, np.zeros((1, 2**14, 1, 1), np.uint8))
    with pytest.raises(InvalidInput, match="mapping this network"):
        hw_mappings.map_network(network, TINY)


@pytest.mark.parametrize("backend", ["fast", "golden"])
def test_a_run_takes_no_more_than_the_larger_limit(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(0)
    x = random_images(network, 2)
    monkeypatch.setenv("ECC_LAVA_MAX_MEMORY", "100")
    with pytest.raises(InvalidInput, match="one image of this network"):
        ecc_lava.simulate(network, x, backend=backend)
    ecc_lava.simulate(network, x, backend=backend, max_memory=2**30)
    long = replace(network, timesteps=2**20)
    monkeypatch.delenv("ECC_LAVA_MAX_MEMORY")
    enough = network_bytes(network)
    monkeypatch.setenv("ECC_LAVA_MAX_MEMORY", str(enough))
    with pytest.raises(InvalidInput, match=r"one image at 1048576 timesteps .* use fewer timesteps"):
        ecc_lava.simulate(long, x, backend=backend)


def test_repeaters_are_counted_before_they_are_made() -> None:
    network = random_network(0)
    late = replace(network.projections[-1])
    object.__setattr__(late, "delay", 2**28)
    far = replace(network)
    object.__setattr__(far, "projections", (*network.projections[:-1], late))
    with pytest.raises(InvalidNetwork, match="a network has at most"):
        chip_network(far, TINY)


def test_the_lists_and_taps_of_a_core_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(0)
    mapping, x = hw_mappings.map_network(network, TINY), random_images(network, 1)
    monkeypatch.setattr(memory_image, "SYNAPSE_BYTES", 2**40)
    with pytest.raises(InvalidInput, match="on one core would take"):
        export_vectors(network, mapping, x, tmp_path / "out")
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(lava_synapses, "TAP_BYTES", 2**40)
    with pytest.raises(InvalidInput, match="smaller shards"):
        export_vectors(network, mapping, x, tmp_path / "out")
