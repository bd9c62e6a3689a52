"""The mistakes of a first hour: files as users bring them, options and files in the wrong place -> a result, a warning or one message."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ecc_lava
import hw_mappings
from ecc_lava.cli import files
from ecc_lava.cli.commands import inspect
from ecc_lava.demo.data import MODEL
from tests.helpers.program import BAD_INPUT, DATA, FAILED, OK, Call, one_message
from tests.helpers.scaled import LABELS, PIXELS_OF, classifier, images


@dataclass(frozen=True)
class Hour:
    """A folder with a network of classes 0 to 3 on images (6, 6, 1), trained on [0, 1], and the files of an hour."""

    folder: Path

    def __getitem__(self, name: str) -> str:
        return str(self.folder / name)


def _network(path: Path, trained: str, given: np.ndarray[Any, Any]) -> ecc_lava.QuantisedNetwork:
    graph = classifier(trained)
    snn = ecc_lava.convert(graph, calibration=given, timesteps=4, recipe="channel")
    network = ecc_lava.quantise(snn)
    ecc_lava.save(path, network, snn=snn, graph=graph)
    return network


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Hour:
    folder = tmp_path_factory.mktemp("hour")
    network = _network(folder / "net.h5", "unit", PIXELS_OF)
    _network(folder / "pixels.h5", "pixels", PIXELS_OF)
    _network(folder / "signed.h5", "signed", PIXELS_OF)
    _network(folder / "right.h5", "signed", images("signed"))
    np.savez(folder / "data.npz", x_test=PIXELS_OF, y_test=LABELS)
    for name, (x, y) in FILES.items():
        np.savez(folder / f"{name}.npz", **({"x_test": x} if y is None else {"x_test": x, "y_test": y}))
    np.save(folder / "single.npy", PIXELS_OF)
    np.savez(folder / "keys.npz", X_test=PIXELS_OF, Y_test=LABELS)
    np.savez(folder / "positions.npz", PIXELS_OF, LABELS)
    (folder / "empty").mkdir()
    hw_mappings.map_network(network, hw_mappings.LOIHI2).save(folder / "map.json")
    other = ecc_lava.quantise(ecc_lava.convert(classifier("pixels"), calibration=images("pixels"), timesteps=2, recipe="channel"))
    hw_mappings.map_network(other, hw_mappings.LOIHI2).save(folder / "other.json")
    shutil.copy(MODEL, folder / "model.keras")
    return Hour(folder)


def _spoilt() -> np.ndarray[Any, Any]:
    x = images("unit")
    x[3, 1, 1] = np.nan
    return x


FILES: dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]] = {
    "onehot": (PIXELS_OF, np.eye(4)[LABELS]),
    "floatlab": (PIXELS_OF, LABELS.astype("f4")),
    "f16": (images("unit").astype("f2"), LABELS),
    "f64": (images("unit"), LABELS),
    "f255": (PIXELS_OF.astype("f4"), LABELS),
    "i16": (PIXELS_OF.astype("i2"), LABELS),
    "signed": (images("signed"), LABELS),
    "cf": (np.moveaxis(PIXELS_OF, -1, 1), LABELS),
    "flat": (PIXELS_OF.reshape(64, -1), LABELS),
    "unlabelled": (PIXELS_OF, None),
    "bool": (PIXELS_OF > 127, LABELS),
    "rgb": (np.repeat(PIXELS_OF, 3, -1), LABELS),
    "nan": (_spoilt(), LABELS),
    "lab1": (PIXELS_OF, LABELS + 1),
    "beyond": (PIXELS_OF, LABELS * 2),
    "text": (PIXELS_OF, LABELS.astype(str)),
}

ACCEPTED = ("data", "onehot", "floatlab", "f16", "f64", "cf", "flat", "bool", "keys", "positions")
"""Files that say the same in other forms."""


@pytest.mark.parametrize("name", ACCEPTED)
def test_forms_that_are_read_alike(name: str, call: Call, hour: Hour, caplog: pytest.LogCaptureFixture) -> None:
    facts = call("run", hour["net.h5"], "--data", hour[f"{name}.npz"], "--json").json
    assert facts["accuracy"] == 1.0
    assert facts["images"] == 64
    assert not facts["doubts"]
    assert not caplog.records


def test_a_folder_of_images_for_each_class(call: Call, hour: Hour, tmp_path: Path) -> None:
    for index, (x, k) in enumerate(zip(PIXELS_OF[:20], LABELS[:20], strict=True)):
        (tmp_path / f"class{k}").mkdir(exist_ok=True)
        Image.fromarray(x[..., 0]).save(tmp_path / f"class{k}" / f"{index}.png")
    facts = call("run", hour["net.h5"], "--data", tmp_path, "--limit", 12, "--json").json
    assert (facts["accuracy"], facts["images"]) == (1.0, 12)


def test_images_without_labels(call: Call, hour: Hour) -> None:
    for name in ("unlabelled.npz", "single.npy"):
        assert call("run", hour["net.h5"], "--data", hour[name], "--json").json["accuracy"] is None


WARNED: dict[str, tuple[str, str, str]] = {
    "floats of 0 to 255": ("net.h5", "f255.npz", "those of calibration in 0 to 1: divide them by 255"),
    "16-bit integers": ("net.h5", "i16.npz", "those of calibration in 0 to 1: divide them by 255"),
    "floats of -1 to 1": ("net.h5", "signed.npz", "those of calibration in 0 to 1: take x / 2 + 0.5"),
    "uint8 for a calibration on -1 to 1": ("right.h5", "data.npz", "give floats, x / 127.5 - 1, in place of uint8"),
    "a model of 0 to 255, calibrated on uint8": (
        "pixels.h5",
        "data.npz",
        "on 100 % if they lie in 0 to 255: uint8 is multiplied by 0.00392",
    ),
    "a model of -1 to 1, calibrated on uint8": ("signed.h5", "data.npz", "on 100 % if they lie in -1 to 1: give floats, x / 127.5 - 1"),
}


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize("name", WARNED)
def test_scales_that_cannot_be_right(
    name: str, command: str, call: Call, hour: Hour, without_lava: None, caplog: pytest.LogCaptureFixture
) -> None:
    network, data, warning = WARNED[name]
    few = ["--lava-limit", 1] if command == "check" else []
    outcome = call(command, hour[network], "--data", hour[data], *few)
    assert outcome.code == OK
    assert warning in " | ".join(record.getMessage() for record in caplog.records)
    assert "images: " in outcome.out
    assert "calibration saw" in outcome.out
    if command == "check" and "model of" in name:
        assert "every check passed; but the warnings above doubt the images or labels that the CNN itself was given" in outcome.out


def test_the_range_is_printed(call: Call, hour: Hour) -> None:
    line = "images: uint8 0 to 255, times 0.00392157 is 0 to 1; sent as q = x / 0.00392157; calibration saw 0 to 1"
    assert line in call("run", hour["net.h5"], "--data", hour["data.npz"]).out
    facts = call("run", hour["right.h5"], "--data", hour["signed.npz"], "--json").json["inputs"][0]
    assert (facts["offset"], facts["factor"], facts["range"], facts["calibrated"]) == (-1.0, 1.0, [-1.0, 1.0], [-1.0, 1.0])


@pytest.fixture(scope="module")
def examined() -> Any:
    """The layers and the graph of the demo's model, read once."""
    return files.examine_model(MODEL, None)


@pytest.fixture
def read_once(examined: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `inspect` and `convert` find the demo's model read already."""
    for module in (inspect, files):
        monkeypatch.setattr(module, "examine_model", lambda path, shapes: examined)


def test_conversion_and_inspection_print_the_range_too(call: Call, read_once: None, tmp_path: Path) -> None:
    options = ["--calibration", DATA, "--calibration-images", 32]
    facts = call("inspect", MODEL, *options, "--json").json["inputs"][0]
    made = call("convert", MODEL, *options, "-o", tmp_path / "net.h5", "--recipe", "channel", "--timesteps", 2, "--json").json["inputs"][0]
    assert facts["factor"] == made["factor"] == pytest.approx(1 / 255)
    assert facts["range"] == made["range"] == [0.0, 1.0]
    assert made["coding"] == "graded"
    assert "images: uint8 0 to 255, times 0.00392157 is 0 to 1" in call("inspect", MODEL, *options).out
    assert "uint8 is multiplied by 0.00392157, other types are taken as they are" in call("inspect", MODEL).out


def test_inspection_doubts_images_and_labels(call: Call, read_once: None, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with np.load(DATA) as archive:
        x, y = archive["x_test"][:64], archive["y_test"][:64]
    for arrays, doubt in (
        ({"x_train": x / 127.5 - 1}, "images of 0 to 1 would fit"),
        ({"x_train": x, "y_train": y + 1}, "labels start at 1"),
    ):
        np.savez(tmp_path / "data.npz", **arrays)
        caplog.clear()
        assert call("inspect", MODEL, "--calibration", tmp_path / "data.npz").code == OK
        assert doubt in caplog.records[0].getMessage()


MISTAKES: dict[str, tuple[list[str], str]] = {
    "labels from 1": (
        ["run", "net.h5", "--data", "lab1.npz"],
        "labels start at 1 and reach 4; output 'out' has 4 classes, 0 to 3: subtract 1",
    ),
    "labels from 1 beyond the limit": (["run", "net.h5", "--data", "lab1.npz", "--limit", "2"], "labels start at 1"),
    "labels beyond the outputs": (["check", "net.h5", "--data", "beyond.npz"], "labels lie in 0 to 6; output 'out' has classes 0 to 3"),
    "labels that are text": (["run", "net.h5", "--data", "text.npz"], "no numbers; number the classes from 0"),
    "three channels": (["run", "net.h5", "--data", "rgb.npz"], "shape (64, 6, 6, 3) does not fit; the network takes (N, 6, 6, 1)"),
    "NaN": (["run", "net.h5", "--data", "nan.npz"], "image 3 holds NaN or infinity"),
    "an empty folder of images": (["run", "net.h5", "--data", "empty"], "only a folder without PNG or JPEG images"),
    "a missing folder of images": (["run", "net.h5", "--data", "none"], "there is no such file"),
    "a missing folder for the network": (
        ["convert", "model.keras", "--calibration", str(DATA), "-o", "none/net.h5"],
        "none; make it first",
    ),
    "a model as images": (
        ["convert", "model.keras", "--calibration", "model.keras", "-o", "out.h5"],
        "it is a Keras model; give the images' file",
    ),
    "images as the model": (
        ["convert", "data.npz", "--calibration", "model.keras", "-o", "out.h5"],
        "it is an .npz of arrays, and the model's file",
    ),
    "a network as the model": (["convert", "net.h5", "--calibration", "data.npz", "-o", "out.h5"], "a network that is converted already"),
    "a network as images": (["run", "net.h5", "--data", "net.h5"], "an HDF5 file, a model or a network, not images"),
    "a model as the network": (["run", "model.keras", "--data", "data.npz"], "make one with `ecc-lava convert`"),
    "images as the network": (["run", "data.npz", "--data", "net.h5"], "make one with `ecc-lava convert`"),
    "files in the wrong order": (["deploy", "map.json", "net.h5"], "make one with `ecc-lava convert`"),
    "a mapping of another network": (["deploy", "net.h5", "other.json", "--limit", "1"], "map the network again"),
    "no option before the images": (["run", "net.h5", "data.npz"], "Missing option '--data'"),
    "an option that is cut": (["check", "net.h5", "--data", "data.npz", "--max-los", "1"], "--max-loss"),
    "a command that is misspelt": (["convret", "model.keras"], "Did you mean 'convert'?"),
    "a task that does not exist": (
        ["check", "net.h5", "--data", "data.npz", "--task", "chess"],
        "known: classes, regression, maps, labels",
    ),
    "a limit of another task": (
        ["check", "net.h5", "--data", "data.npz", "--lava-limit", "1", "--min-iou", "50"],
        "there is no mean_iou to limit",
    ),
    "a loss of numbers": (["check", "net.h5", "--data", "f64.npz", "--task", "out=regression", "--max-loss", "1"], "for 64 images"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name: str, call: Call, hour: Hour, without_lava: None) -> None:
    arguments, message = MISTAKES[name]
    known = {path.name for path in hour.folder.iterdir()} | {"none", "none/net.h5", "out.h5"}
    assert message in one_message(call(*(hour[a] if a in known else a for a in arguments)), BAD_INPUT)


LIMITS = {"--min-agreement": "101", "--max-error": "0", "--max-loss": "-101"}


@pytest.mark.parametrize("option", LIMITS)
def test_limits_fail_the_check(option: str, call: Call, hour: Hour, tmp_path: Path, without_lava: None) -> None:
    task = ["--task", "regression"] if option == "--max-error" else []
    data = hour["unlabelled.npz"] if task else hour["data.npz"]
    outcome = call("check", hour["net.h5"], "--data", data, "--lava-limit", 1, option, LIMITS[option], *task)
    assert outcome.code == FAILED
    assert "FAILED: " in outcome.out
