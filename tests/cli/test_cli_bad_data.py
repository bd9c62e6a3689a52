"""The command line: one message for network files and data files that are not what they should be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecc_lava.demo.data import MODEL
from tests.helpers.program import DATA, OK, Call, in_process_of_its_own, one_message


def _altered(network: Path, folder: Path) -> Path:
    content = bytearray(network.read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "net.h5").write_bytes(content)
    return folder / "net.h5"


def _truncated(network: Path, folder: Path) -> Path:
    (folder / "net.h5").write_bytes(network.read_bytes()[:-100])
    return folder / "net.h5"


def _text(network: Path, folder: Path) -> Path:
    (folder / "net.h5").write_text("text")
    return folder / "net.h5"


BAD_NETWORKS: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "missing": (lambda network, folder: folder / "none.h5", "no such file"),
    "a folder": (lambda network, folder: folder, "only a folder"),
    "truncated": (_truncated, "cut short"),
    "altered": (_altered, "altered"),
    "text": (_text, "not a network file"),
    "a model": (lambda network, folder: MODEL, "ecc-lava convert"),
}

NETWORK_COMMANDS: dict[str, Callable[[Path, Path], list[object]]] = {
    "run": lambda network, out: ["run", network, "--data", DATA, "--limit", 2, "--predictions", out / "p.npz"],
    "run float": lambda network, out: ["run", network, "--data", DATA, "--backend", "float"],
    "check": lambda network, out: ["check", network, "--data", DATA, "--limit", 2],
    "stream": lambda network, out: ["stream", network, "-o", out / "stream.h5"],
    "export": lambda network, out: ["export", network, "--to", "nir", "-o", out / "net.nir"],
    "map": lambda network, out: ["map", network, "-o", out / "mapping.json"],
    "track": lambda network, out: ["track", network, "--data", DATA, "-o", out / "boxes.csv"],
}


@pytest.mark.parametrize("command", NETWORK_COMMANDS)
@pytest.mark.parametrize("name", BAD_NETWORKS)
def test_bad_networks(name: str, command: str, call: Call, network: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    make, reason = BAD_NETWORKS[name]
    outcome = call(*NETWORK_COMMANDS[command](make(network, tmp_path / "in"), tmp_path / "out"), "--json")
    assert reason in one_message(outcome)
    assert not list((tmp_path / "out").iterdir())


def _images(**arrays: Any) -> Callable[[Path, str], Path]:
    def make(folder: Path, split: str) -> Path:
        np.savez(folder / "data.npz", **{f"{key}_{split}": value for key, value in arrays.items()})
        return folder / "data.npz"

    return make


def _nan(folder: Path, split: str) -> Path:
    x = np.zeros((5, 8, 8, 1), np.float32)
    x[3, 2, 2, 0] = np.nan
    return _images(x=x)(folder, split)


def _other_split(folder: Path, split: str) -> Path:
    return _images(x=np.zeros((5, 8, 8, 1)))(folder, "other")


def _cut_data(folder: Path, split: str) -> Path:
    (folder / "data.npz").write_bytes(DATA.read_bytes()[:5000])
    return folder / "data.npz"


def _flipped_data(folder: Path, split: str) -> Path:
    content = bytearray(DATA.read_bytes())
    content[1000] ^= 0xFF
    content[-6000] ^= 0xFF
    (folder / "data.npz").write_bytes(content)
    return folder / "data.npz"


BAD_DATA: dict[str, tuple[Callable[[Path, str], Path], str]] = {
    "missing": (lambda folder, split: folder / "none.npz", "no such file"),
    "a folder": (lambda folder, split: folder, "only a folder"),
    "truncated": (_cut_data, "damaged"),
    "altered": (_flipped_data, "damaged"),
    "a model": (lambda folder, split: MODEL, "has no x_"),
    "objects": (_images(x=np.array([[None]] * 5)), "plain arrays"),
    "text values": (_images(x=np.full((5, 8, 8, 1), "a")), "not numbers"),
    "complex values": (_images(x=np.zeros((5, 8, 8, 1), complex)), "not numbers"),
    "another shape": (_images(x=np.zeros((5, 9, 8, 1))), "does not fit"),
    "three channels": (_images(x=np.zeros((5, 8, 8, 3))), "does not fit"),
    "channels in the middle": (_images(x=np.zeros((5, 8, 1, 8))), "does not fit"),
    "one image": (_images(x=np.zeros((8, 8))), "does not fit"),
    "empty": (_images(x=np.zeros((0, 8, 8, 1))), "no image"),
    "NaN": (_nan, "image 3 holds NaN"),
    "another split": (_other_split, "has no x_"),
}

BAD_LABELS: dict[str, tuple[Callable[[Path, str], Path], str]] = {
    "too few labels": (_images(x=np.zeros((5, 8, 8, 1)), y=np.arange(4)), "5 labels are needed"),
    "one-hot labels of fewer classes": (_images(x=np.zeros((5, 8, 8, 1)), y=np.eye(5)), "one-hot rows"),
}


@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_calibration(name: str, call: Call, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    make, reason = BAD_DATA[name]
    path = make(tmp_path, "train")
    message = one_message(call("convert", MODEL, "--calibration", path, "-o", tmp_path / "out" / "net.h5", "--json"))
    assert reason in message
    assert str(path) in message
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("command", ["run", "check", "run closed-form"])
@pytest.mark.parametrize("name", [*BAD_DATA, *BAD_LABELS])
def test_bad_data(name: str, command: str, call: Call, network: Path, tmp_path: Path) -> None:
    make, reason = (BAD_DATA | BAD_LABELS)[name]
    path = make(tmp_path, "test")
    backend = ["--backend", command.split()[1]] if " " in command else []
    message = one_message(call(command.split()[0], network, "--data", path, *backend, "--json"))
    assert reason in message
    assert str(path) in message


CLIPPED = (
    "2560 of 2560 input values lie outside [0, 1] and were clipped; the images lie in 1.5 to 1.5, those of calibration in 0 to 1: "
    "scale them alike, or calibrate with images like these"
)


def test_values_outside_the_coding_are_warned_of_once(network: Path, tmp_path: Path) -> None:
    path = _images(x=np.full((40, 8, 8, 1), 1.5))(tmp_path, "test")
    outcome = in_process_of_its_own("run", network, "--data", path, "--json")
    assert outcome.code == OK
    assert outcome.json["images"] == 40
    lines = outcome.err.splitlines()
    assert lines[0] == f"WARNING: {CLIPPED}"
    assert len(lines) == 2
    assert "unlike those of training" in lines[1]


def test_check_warns_of_clipped_values_once(call: Call, bare: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = _images(x=np.full((40, 8, 8, 1), 1.5))(tmp_path, "test")
    assert call("check", bare, "--data", path, "--lava-limit", 1).code == OK
    assert [r.getMessage() for r in caplog.records] == [CLIPPED]
