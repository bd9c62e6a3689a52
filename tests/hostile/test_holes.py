"""Holes that an attack found: small files that claim much, numbers at the ends of their types, text that computes or moves a cursor."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import ecc_lava
from ecc_lava.backends.fast.synapses import TapSynapses, cut_synapses
from ecc_lava.cli.app import _failed, _PrintableLines
from ecc_lava.cli.show.output import show_lines, show_table
from ecc_lava.common import as_cell, as_message, printable, read_bytes
from ecc_lava.demo.data import MODEL
from ecc_lava.errors import EccLavaError, FileError, InvalidInput, InvalidNetwork, RangeError, UnsupportedModel
from ecc_lava.geometry import Conv, Dense
from ecc_lava.geometry.counting import TOGETHER, axis_fan_out
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, MaxPool
from ecc_lava.importers.keras.files.reading import stored
from ecc_lava.importers.keras.files.sizes import held_bytes
from ecc_lava.inputs import load_dataset
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.storage.arrays import TIMES_READ_MAX, Reader
from ecc_lava.storage.envelope import seal
from ecc_lava.studies.settings import Setting
from hw_mappings.chips import chip_from_json, chip_to_json
from tests.helpers.chips import TINY
from tests.helpers.images import as_array
from tests.helpers.networks import chain, one_projection, one_readout

NAMES = ("\ud800x", "\x1b[2J\x1b[31mgone\x07", "a\nERROR: fake\nb", "", "\u202egnp", "a" * 1001)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_printable_and_short(name: str, tmp_path: Path) -> None:
    network = one_readout()
    with pytest.raises(InvalidNetwork, match="printable"):
        replace(network, populations=(replace(network.populations[0], name=name), *network.populations[1:]))
    with pytest.raises(InvalidNetwork, match="printable"):
        Graph((Input(name, (2, 2, 1)),))
    with pytest.raises(EccLavaError):
        replace(TINY, name=name)


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


def test_rows_of_weights_beyond_32_bits_are_refused() -> None:
    dense = Conv(np.zeros((2**11, 2**14, 1, 1), np.int8))
    with pytest.raises(RangeError, match="golden"):
        cut_synapses(TapSynapses("input", (2**11, 2**14, 1), dense, 0, False, False), 0, 64, (1, 1))


def test_arrays_that_stand_in_many_places_are_read_once() -> None:
    with h5py.File(io.BytesIO(), "w") as file:
        file["a"] = np.arange(100, dtype=np.int32)
        file["b"] = file["a"]
        reader = Reader(400)
        assert reader.array(file, "a", "int32") is reader.array(file, "b", "int32")
        for _ in range(TIMES_READ_MAX - 2):
            reader.array(file, "a", "int32")
        with pytest.raises(InvalidNetwork, match="so often"):
            reader.array(file, "a", "int32")


# --- sizes of files ----------------------------------------------------------------------------------------------------------------------


def test_a_file_of_holes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    path.touch()
    os.truncate(path, 2**33)
    with pytest.raises(FileError, match="holes"):
        read_bytes(path)
    with pytest.raises(FileError, match="at most 10"):
        read_bytes(path, 10)


def _npz(path: Path, shape: tuple[int, ...], stored: int, **headers: Any) -> Path:
    """Return an archive of zeros that claims a shape."""
    head = io.BytesIO()
    write: Callable[..., None] = np.lib.format.write_array_header_1_0
    write(head, {"descr": "|u1", "fortran_order": False, "shape": shape} | headers)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("x_test.npy", head.getvalue() + bytes(stored))
    return path


def test_images_are_read_from_their_header_on(tmp_path: Path) -> None:
    bomb = _npz(tmp_path / "bomb.npz", (2**30, 8, 8, 1), 2**12)
    with pytest.raises(InvalidInput, match="savez"):
        load_dataset(bomb, "test")
    assert as_array(load_dataset(bomb, "test", limit=3).x).shape == (3, 8, 8, 1)
    with pytest.raises(FileError, match="ends after"):
        load_dataset(bomb, "test", limit=100)
    column_first = _npz(tmp_path / "bomb.npz", (2**30, 8, 8, 1), 2**12, fortran_order=True)
    with pytest.raises(InvalidInput, match="savez"):
        load_dataset(column_first, "test", limit=3)


def _model(path: Path, **changed: bytes | Callable[[bytes], bytes]) -> Path:
    """Return the demo's model with some members changed."""
    with zipfile.ZipFile(MODEL) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            change = changed.get(name.partition(".")[0], old.read(name))
            new.writestr(name, change if isinstance(change, bytes) else change(old.read(name)))
    return path


def _many_units(config: bytes) -> bytes:
    value = json.loads(config)
    value["config"]["layers"][-1]["config"]["units"] = 2 * 10**7
    return json.dumps(value).encode()


def test_a_description_claims_no_more_weights_than_the_file_holds(tmp_path: Path) -> None:
    path = _model(tmp_path / "huge.keras", config=_many_units)
    with pytest.raises(FileError, match=r"describes at least \d+ weights and holds"):
        held_bytes(path, stored(path))
    assert held_bytes(MODEL, stored(MODEL)) == sum(info.file_size for info in zipfile.ZipFile(MODEL).infolist())


def test_an_archive_unpacks_to_little_more_than_it_stores(tmp_path: Path) -> None:
    path = _model(tmp_path / "bomb.keras", model=bytes(2**26 + 2**22))
    with pytest.raises(FileError, match="unpacks to"):
        held_bytes(path, stored(path))


def _chunked(file: Any) -> None:
    file.create_dataset("w", (2**20, 2**10), "f4", chunks=(1024, 1024), compression="gzip")


def _outside(file: Any) -> None:
    file.create_dataset("w", (8,), "u1", external=[("/etc/passwd", 0, 8)])


def _virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((8,), "u1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (8,))
    file.create_virtual_dataset("w", layout)


def _soft(file: Any) -> None:
    file["w"] = h5py.SoftLink("/elsewhere")


def _far(file: Any) -> None:
    file["w"] = h5py.ExternalLink("/etc/passwd", "/x")


def _text_of_any_length(file: Any) -> None:
    file.create_dataset("w", data="text", dtype=h5py.string_dtype())


@pytest.mark.parametrize("plant", [_chunked, _outside, _virtual, _soft, _far, _text_of_any_length], ids=lambda f: f.__name__.strip("_"))
@pytest.mark.parametrize("kind", ["archive", "hdf5"])
def test_weights_lie_in_the_file_itself(plant: Callable[[Any], None], kind: str, tmp_path: Path) -> None:
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        plant(file)
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": []}})
        file["cycle"] = file["/"]
    path = tmp_path / f"model.{kind}"
    if kind == "archive":
        _model(path, model=weights.getvalue())
    else:
        path.write_bytes(weights.getvalue())
    with pytest.raises(FileError, match=r"leads elsewhere|lie in the file|unpacks to"):
        held_bytes(path, stored(path))


def test_figures_of_a_chip_have_bounds() -> None:
    for name, value in (("cores", 2**20), ("chips", 2**20), ("mesh_columns", 2**40), ("synop_fj", 2**60), ("delay_max", True)):
        data = chip_to_json(TINY)
        data["figures"][name]["value"] = value
        with pytest.raises(InvalidInput, match=name.partition("_")[0]):
            chip_from_json(data)


# --- text --------------------------------------------------------------------------------------------------------------------------------


def test_control_characters_are_escaped_on_their_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "a\x1b[2J\x9b\u202e\ud800\x07b"
    assert printable("plain ä 漢\n") == "plain ä 漢\n"
    show_lines(evil)
    show_table(evil, [evil], [[evil]])
    _failed(f"{evil}\n{'x' * 10_000}", 2)
    record = logging.LogRecord("x", logging.WARNING, "", 1, evil, (), None)
    shown = "".join(capsys.readouterr()) + _PrintableLines("%(message)s").format(record)
    assert "\\x1b[2J" in shown
    assert shown.isascii() or all(c.isprintable() or c == "\n" for c in shown)
    assert max(map(len, as_message("x" * 10_000).splitlines())) < 2_100
    assert str(UnsupportedModel((("a\nfake", "why"),))).count("\n") == 1


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx"])
def test_no_cell_of_a_table_is_a_formula(text: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([as_cell(text), as_cell(-1), as_cell(None), as_cell("conv")])
    assert next(csv.reader(io.StringIO(buffer.getvalue())))[0].startswith("'")
    assert (as_cell(-1), as_cell(None), as_cell("conv")) == (-1, None, "conv")
