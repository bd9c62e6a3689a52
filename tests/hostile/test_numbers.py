"""Numbers of files at the ends of their types and beyond: refused, or right."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import ecc_lava
from ecc_lava.backends.fast.synapses import TapSynapses, cut_synapses, numbered_synapses
from ecc_lava.errors import FileError, InvalidInput, InvalidNetwork, RangeError
from ecc_lava.geometry import Conv, Dense
from ecc_lava.geometry.counting import TOGETHER, axis_fan_out
from ecc_lava.graph.nodes import MaxPool
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.storage.arrays import TIMES_READ_MAX, Reader
from ecc_lava.storage.envelope import seal
from ecc_lava.studies.settings import Setting
from hw_mappings.chips import chip_from_json, chip_to_json
from tests.helpers.chips import TINY
from tests.helpers.networks import chain
from tests.helpers.tiny_networks import one_projection, one_readout


def _header(change: Callable[[dict[str, Any]], None], tmp_path: Path) -> Path:
    """Return a network file whose description was changed under a right checksum."""
    path = tmp_path / "net.h5"
    ecc_lava.save(path, one_projection((3, 3, 2), Conv(np.ones((1, 1, 2, 2), np.int8))))
    buffer = io.BytesIO(path.read_bytes())
    with h5py.File(buffer, "r+") as file:
        header = json.loads(file["integer/network"][()].tobytes())
        change(header)
        del file["integer/network"]
        file["integer/network"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    path.write_bytes(seal(buffer.getvalue()))
    return path


def _set(*keys: Any) -> Callable[[dict[str, Any]], None]:
    def change(header: dict[str, Any]) -> None:
        inner: Any = header
        for key in keys[:-2]:
            inner = inner[key]
        inner[keys[-2]] = keys[-1]

    return change


NUMBERS: dict[str, Callable[[dict[str, Any]], None]] = {
    "timesteps": _set("timesteps", 2 * 10**30),
    "timesteps beyond 20 bits": _set("timesteps", 2**20 + 1),
    "timesteps as text": _set("timesteps", "6"),
    "bits": _set("bits", 2**31),
    "true bits": _set("bits", True),
    "depth": _set("populations", 1, "depth", 10**30),
    "shape": _set("populations", 0, "shape", [2**40, 1, 1]),
    "fractional shape": _set("populations", 0, "shape", [3.0, 3, 2]),
    "delay": _set("projections", 0, "delay", -1),
    "exponent": _set("projections", 0, "exponent", 2**63),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_a_file_have_bounds(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="must be a whole number from"):
        ecc_lava.load(_header(NUMBERS[name], tmp_path))


def test_sizes_of_networks_have_bounds() -> None:
    network = one_readout()
    with pytest.raises(InvalidNetwork, match="1048576"):
        replace(network, timesteps=2**20 + 1)
    wide = Conv(np.ones((1, 1, 1, 1), np.int8))
    with pytest.raises(InvalidNetwork, match="neurons"):
        chain((2**13, 2**13, 1), wide, wide)
    with pytest.raises(InvalidNetwork, match="H and W"):
        chain((2**22, 1, 1), wide, wide)
    with pytest.raises(InvalidNetwork, match="window"):
        MaxPool("pool", "x", (2**15, 2**15), (1, 1))
    with pytest.raises(InvalidInput, match="1048576"):
        Setting.of(2**20 + 1, 8)


def test_spikes_beyond_16_bits_are_counted() -> None:
    steps = 2**16 + 5
    network = replace(one_projection((1, 1, 2), Conv(np.ones((1, 1, 2, 2), np.int8))), timesteps=steps)
    eager = replace(network.populations[1], bias=np.full((1, 1, 1), 64, np.int32), vth=np.full((1, 1, 1), 64, np.int32))
    silent = replace(network.projections[1], geometry=Dense(np.zeros((2, 3), np.int8)))
    network = replace(network, populations=(network.populations[0], eager, network.populations[2]))
    network = replace(network, projections=(network.projections[0], silent))
    x = np.zeros((1, 1, 1, 2), np.uint8)
    assert (ecc_lava.simulate(network, x, record=["p"]).counts["p"] == steps).all()


def test_synapses_of_long_maps_are_counted_in_parts() -> None:
    taps = 2 * TOGETHER // 2**20 + 1
    assert axis_fan_out(2**20, 2**20, taps, 1, 1, taps // 2, 1).sum() == sum(2**20 - abs(taps // 2 - t) for t in range(taps))


@pytest.mark.parametrize("kernel", [1, 0])
def test_a_gain_of_the_least_integer_is_refused(kernel: int) -> None:
    gain = np.full((2, 2), 1, np.int32)
    gain[0, 0] = -(2**31)
    with pytest.raises(RangeError, match="gain"):
        one_projection((2, 2, 1), Conv(np.full((1, 1, 1, 1), kernel, np.int8), gain=gain))


@pytest.fixture(scope="module")
def on_the_rails() -> QuantisedNetwork:
    """A network whose weights, gains and potentials are at the ends of their formats."""
    geometry = Conv(np.full((2, 2, 2, 2), 1, np.int8), gain=np.full((2, 2), 127, np.int32))
    network = one_projection((3, 3, 2), geometry)
    rail = network.format.potential_max
    ends = np.array([-rail, rail], np.int32).reshape(1, 1, 2)
    fires = replace(network.populations[1], v_init=ends, vth=np.full((1, 1, 1), network.format.vth_max, np.int32))
    projections = (replace(network.projections[0], exponent=network.format.exponent_max), network.projections[1])
    return replace(network, populations=(network.populations[0], fires, network.populations[2]), projections=projections)


def test_sums_at_the_rails_are_equal_or_refused(on_the_rails: QuantisedNetwork) -> None:
    x = np.full((2, 3, 3, 2), 255, np.uint8)
    golden = ecc_lava.simulate(on_the_rails, x, backend="golden", record=["p"])
    fast = ecc_lava.simulate(on_the_rails, x, record=["p"])
    assert golden.saturated_high == fast.saturated_high
    assert golden.saturated_high["p"] > 0
    np.testing.assert_array_equal(golden.potential["p"], fast.potential["p"])
    np.testing.assert_array_equal(golden.logits, fast.logits)


def test_more_rows_of_weights_than_have_numbers_are_cut_in_parts() -> None:
    dense = Conv(np.zeros((2**11, 2**14, 1, 1), np.int8))
    parts = numbered_synapses(TapSynapses("input", (2**11, 2**14, 1), dense, 0, False, False))
    assert sum(part.conv.kernel.size for part in parts) == 2**25
    assert all(part.conv.kernel.size < 2**16 for part in parts)
    for part in (parts[0], parts[-1]):
        piece = cut_synapses(part, 0, 64, (1, 1))
        assert piece is not None
        assert len(piece.weights) <= 2**16


def test_arrays_that_stand_in_many_places_are_read_once() -> None:
    with h5py.File(io.BytesIO(), "w") as file:
        file["a"] = np.arange(100, dtype=np.int32)
        file["b"] = file["a"]
        reader = Reader(400, 2**20)
        assert reader.array(file, "a", "int32") is reader.array(file, "b", "int32")
        for _ in range(TIMES_READ_MAX - 2):
            reader.array(file, "a", "int32")
        with pytest.raises(InvalidNetwork, match="so often"):
            reader.array(file, "a", "int32")


def test_figures_of_a_chip_have_bounds() -> None:
    for name, value in (("cores", 2**20), ("chips", 2**20), ("mesh_columns", 2**40), ("synop_fj", 2**60), ("delay_max", True)):
        data = chip_to_json(TINY)
        data["figures"][name]["value"] = value
        with pytest.raises(InvalidInput, match=name.partition("_")[0]):
            chip_from_json(data)
