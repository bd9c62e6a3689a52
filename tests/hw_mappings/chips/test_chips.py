"""Chip descriptions: the built-in ones, and files with every kind of nonsense."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecc_lava.errors import FileError, InvalidInput
from hw_mappings import LOIHI1, LOIHI2, chip, load_chip
from hw_mappings.chips import BOARDS, CHIPS, COSTS, ChipSpec, Figure, chip_from_json, chip_to_json
from hw_mappings.chips.bounds import BOUNDS
from hw_mappings.chips.spec import figure_names


@pytest.mark.parametrize("spec", CHIPS.values(), ids=list(CHIPS))
def test_built_in_chips_go_through_a_file(spec: ChipSpec, tmp_path: Path) -> None:
    path = tmp_path / "chip.json"
    path.write_text(json.dumps(chip_to_json(spec)))
    assert load_chip(path) == spec
    assert chip(path) == spec
    assert chip(spec.name) is spec


def test_published_figures() -> None:
    assert (LOIHI1.amount("cores"), LOIHI1.amount("compartments"), LOIHI1.amount("synapse_bits")) == (128, 1024, 8 * 131072)
    assert (LOIHI1.amount("input_axons"), LOIHI1.amount("output_axons")) == (4096, 4096)
    assert LOIHI1.amount("compartments_per_neuron") == 2
    assert (LOIHI1.amount("payload_bits"), LOIHI2.amount("payload_bits")) == (1, 32)
    assert (LOIHI2.amount("cores"), LOIHI2.amount("compartments"), LOIHI2.amount("memory_bits")) == (128, 8192, 8 * 196608)


@pytest.mark.parametrize("spec", CHIPS.values(), ids=list(CHIPS))
def test_every_figure_says_where_it_comes_from(spec: ChipSpec) -> None:
    for name in figure_names():
        figure: Figure = getattr(spec, name)
        assert figure.source.strip()
        assert not (figure.public and figure.value is None)


@pytest.mark.parametrize(("spec", "bits", "state"), [(LOIHI1, 1, 0), (LOIHI2, 8, 24)], ids=["loihi1", "loihi2"])
def test_files_without_payloads_take_the_format_s(spec: ChipSpec, bits: int, state: int) -> None:
    data = chip_to_json(spec)
    data["schema"] = 2
    for name in ("payload_bits", "signed_state_bits", "multicast"):
        del data["figures"][name]
    found = chip_from_json(data)
    assert (found.amount("payload_bits"), found.amount("signed_state_bits")) == (bits, state)
    assert not found.payload_bits.public
    assert replace(found, payload_bits=spec.payload_bits, signed_state_bits=spec.signed_state_bits, multicast=spec.multicast) == spec


def test_files_without_multicast_send_a_message_to_each_core() -> None:
    data = chip_to_json(LOIHI2)
    data["schema"] = 3
    del data["figures"]["multicast"]
    found = chip_from_json(data)
    assert found.amount("multicast") == 0 and LOIHI2.amount("multicast") == 1 and not found.multicast.public
    assert replace(found, multicast=LOIHI2.multicast) == LOIHI2


def test_boards_are_meshes_of_chips() -> None:
    sizes = {board.name: board.amount("chips") for board in BOARDS}
    assert sizes == {"kapoho-bay": 2, "nahuku": 32, "pohoiki-springs": 768, "oheo-gulch": 1, "kapoho-point": 8, "hala-point": 1152}
    assert chip("hala-point").cores_in_all == 140_544
    assert (LOIHI1.amount("synop_fj"), LOIHI1.amount("barrier_max_ps")) == (23_600, 465_000)
    assert all(LOIHI2.limit(name) is None for name in COSTS)


def test_blocked_cores() -> None:
    board = replace(chip("kapoho-bay"), blocked=((None, 3), (1, 0), (1, 3)))
    assert board.cores_in_all == 256 - 2 - 1
    assert board.usable(0)[:4] == (0, 1, 2, 4) and board.usable(1)[:3] == (1, 2, 4)
    assert chip_from_json(chip_to_json(board)) == board
    assert (board.most_usable, replace(board, blocked=()).most_usable) == (127, 128)
    assert replace(board, blocked=tuple((0, core) for core in range(5))).most_usable == 128
    with pytest.raises(InvalidInput, match="every core"):
        replace(board, blocked=tuple((None, core) for core in range(128)))


def _edited(path: tuple[str, ...], value: object) -> dict[str, Any]:
    data = copy.deepcopy(chip_to_json(LOIHI2))
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return data


NONSENSE: dict[str, tuple[tuple[str, ...], object, str]] = {
    "unknown key": (("colour",), "red", "unknown keys colour"),
    "missing key": (("format",), ..., "lacks format"),
    "missing figure": (("figures", "cores"), ..., "lacks cores"),
    "unknown figure": (("figures", "sores"), {"value": 1, "public": "x"}, "unknown keys sores"),
    "figure is a number": (("figures", "cores"), 128, "cores is int"),
    "no source": (("figures", "cores"), {"value": 128}, "lacks assumed"),
    "both sources": (("figures", "cores"), {"value": 128, "public": "a", "assumed": "b"}, "unknown keys assumed"),
    "empty source": (("figures", "cores"), {"value": 128, "public": " "}, "does not name its source"),
    "source is a number": (("figures", "cores"), {"value": 128, "public": 2021}, "does not name its source"),
    "negative": (("figures", "cores"), {"value": -1, "assumed": "x"}, "cores of chip 'loihi2' is -1"),
    "zero": (("figures", "list_word_bits"), {"value": 0, "assumed": "x"}, "from 1"),
    "float": (("figures", "cores"), {"value": 12.5, "assumed": "x"}, "12.5"),
    "bool": (("figures", "cores"), {"value": True, "assumed": "x"}, "True"),
    "text": (("figures", "cores"), {"value": "128", "assumed": "x"}, "'128'"),
    "huge": (("figures", "compartments"), {"value": 10**30, "assumed": "x"}, "whole number"),
    "unlimited cores": (("figures", "cores"), {"value": None, "assumed": "x"}, "unlimited"),
    "mesh too small": (("figures", "mesh_rows"), {"value": 7, "assumed": "x"}, "16 x 7"),
    "format": (("format",), "loihi3", "loihi3"),
    "format is a list": (("format",), [], "known: loihi1, loihi2"),
    "empty name": (("name",), "", "needs a name"),
    "name is a number": (("name",), 7, "needs a name"),
    "mesh too large": (("figures", "mesh_rows"), {"value": 2**14, "assumed": "x"}, "at most 65536 places"),
    "board too small": (("figures", "board_rows"), {"value": 7, "assumed": "x"}, "36 x 7"),
    "other schema": (("schema",), 1, "this version reads 2 to 4"),
    "schema is true": (("schema",), True, "this version reads 2 to 4"),
    "payloads without a limit": (
        ("figures", "payload_bits"),
        {"value": None, "assumed": "x"},
        "payload_bits of chip 'loihi2' is unlimited",
    ),
    "payloads of no bit": (("figures", "payload_bits"), {"value": 0, "assumed": "x"}, "from 1"),
    "payloads in a file without": (("schema",), 2, "unknown keys multicast, payload_bits, signed_state_bits"),
    "blocked is a number": (("blocked",), 3, "must be a list"),
    "blocked core is a number": (("blocked",), [3], "must be a list"),
    "blocked core beyond the chip": (("blocked",), [[0, 128]], "does not exist"),
    "blocked chip beyond the board": (("blocked",), [[1152, 0]], "does not exist"),
    "blocked core is a list": (("blocked",), [[0, [1]]], "does not exist"),
    "blocked core of three": (("blocked",), [[0, 1, 2]], "a chip"),
    "blocked twice": (("blocked",), [[0, 1], [0, 1]], "twice"),
    "figures is a list": (("figures",), [], "figures is list"),
}


def test_every_figure_has_bounds_that_leave_room() -> None:
    """Real chips stay far below; the product of two figures of a core stays below 2**63, but for its bits of memory."""
    assert set(BOUNDS) == set(figure_names())
    small = [name for name, bounds in BOUNDS.items() if bounds.most <= 2**16]
    assert len(small) >= 17
    for name, bounds in BOUNDS.items():
        if name == "multicast":  # yes or no
            continue
        values = [spec.limit(name) for spec in CHIPS.values()]
        assert all(value is None or 2 * value <= bounds.most for value in values)
        assert bounds.most <= 2**40


@pytest.mark.parametrize("name", BOUNDS)
def test_a_figure_beyond_its_bounds_is_refused(name: str) -> None:
    least, most, may_be_none = BOUNDS[name]
    for value in (least - 1, most + 1, *([] if may_be_none else [None])):
        with pytest.raises(InvalidInput, match=f"{name} of chip 'loihi2' is"):
            chip_from_json(_edited(("figures", name), {"value": value, "assumed": "x"}))


@pytest.mark.parametrize("case", NONSENSE.values(), ids=list(NONSENSE))
def test_nonsense_in_a_chip_file_is_refused(case: tuple[tuple[str, ...], object, str], tmp_path: Path) -> None:
    where, value, message = case
    path = tmp_path / "chip.json"
    path.write_text(json.dumps(_edited(where, value)))
    with pytest.raises(FileError, match=message) as caught:
        load_chip(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, "\x00"])
def test_files_that_are_no_chip(text: str, tmp_path: Path) -> None:
    path = tmp_path / "chip.json"
    path.write_text(text)
    with pytest.raises(FileError):
        load_chip(path)


def test_missing_files_and_unknown_names() -> None:
    with pytest.raises(FileError):
        load_chip("/nonexistent/chip.json")
    with pytest.raises(InvalidInput, match=rf"neither built in \({', '.join(CHIPS)}\) nor a file"):
        chip("loihi7")
    with pytest.raises(InvalidInput):
        chip_from_json(None)
    with pytest.raises(InvalidInput, match="must be a figure"):
        replace(LOIHI2, cores=128)  # type: ignore[arg-type]
