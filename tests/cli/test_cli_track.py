"""`ecc-lava track`: boxes in a table, as JSON and in a file; and one message for every bad input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ecc_lava
from ecc_lava.common import Array
from ecc_lava.tracking import Siamese, success_auc, track
from tests.helpers.embeddings import EXEMPLAR, SEARCH, embedding, integers, moving_square
from tests.helpers.program import OK, Call, one_message

FRAMES, BOXES = moving_square(4)
BOX = ("--box", 10, 14, 12, 12)
SIZE = ("--exemplar", 16, 16)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("embedding") / "net.h5"
    ecc_lava.save(path, integers(embedding()))
    return path


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frames") / "frames.npz"
    np.savez(path, x_test=FRAMES, y_test=BOXES)
    return path


def test_boxes_are_those_of_the_library(net: Path, frames: Path, call: Call, tmp_path: Path) -> None:
    wanted = track(Siamese(ecc_lava.load(net)[0], EXEMPLAR, SEARCH), FRAMES, BOXES[0])
    out = tmp_path / "boxes.csv"
    outcome = call("track", net, "--data", frames, *SIZE, "-o", out, "--json")
    assert outcome.code == OK, outcome.err
    facts = outcome.json
    assert (facts["sequences"], facts["frames"], facts["output"]) == (1, 4, str(out))
    np.testing.assert_allclose(facts["boxes"][0], wanted, atol=5e-4)
    assert facts["success_auc"] == success_auc(wanted[1:], BOXES[1:])
    assert facts["precision"] == 1.0
    lines = out.read_text().splitlines()
    assert lines[0] == "sequence,frame,x,y,width,height"
    np.testing.assert_allclose(np.loadtxt(lines[1:], delimiter=","), np.c_[np.zeros(4), np.arange(4), wanted], atol=5e-4)


def test_a_table_says_how_well_it_went(net: Path, frames: Path, call: Call) -> None:
    outcome = call("track", net, "--data", frames, *BOX, *SIZE)
    assert outcome.code == OK, outcome.err
    assert "success AUC" in outcome.out and "precision at 20 % of the size" in outcome.out and "100.00 %" in outcome.out


def test_several_sequences_and_a_stream(net: Path, call: Call, tmp_path: Path) -> None:
    stream, both = tmp_path / "stream.h5", tmp_path / "both.npz"
    ecc_lava.save(stream, ecc_lava.sigma_delta(ecc_lava.load(net)[0]))
    np.savez(
        both, x_test=np.stack([FRAMES, FRAMES[:, :, ::-1]]), y_test=np.stack([BOXES, [60, 0, 0, 0] + BOXES * [-1, 1, 1, 1] - [12, 0, 0, 0]])
    )
    one, other = (call("track", path, "--data", both, *SIZE, "--json").json for path in (net, stream))
    assert one["sequences"] == 2
    assert one["boxes"] == other["boxes"]
    assert one["success_auc"] > 0.6


def test_a_folder_of_frames(net: Path, frames: Path, call: Call, tmp_path: Path) -> None:
    for at, frame in enumerate(FRAMES):
        Image.fromarray(frame).save(tmp_path / f"{at:03}.png")
    found = call("track", net, "--data", tmp_path, *BOX, *SIZE, "--json").json
    assert found["boxes"] == call("track", net, "--data", frames, *SIZE, "--json").json["boxes"]
    assert found["success_auc"] is None


def test_the_tracking_network_can_be_mapped(net: Path, frames: Path, call: Call, tmp_path: Path) -> None:
    made = tmp_path / "tracker.h5"
    assert call("track", net, "--data", frames, *SIZE, "--network", made, "--json").json["network"] == str(made)
    assert ecc_lava.load(made)[0].readout.shape == (5, 5, 1)
    facts = call("map", made, "--chip", "loihi2", "-o", tmp_path / "mapping.json", "--json").json
    assert facts["fits"] and facts["cores"] == 1
    assert "give the embedding that it was made from" in one_message(call("track", made, "--data", frames, "--exemplar", 10, 10))


def _npz(**arrays: Array) -> Callable[[Path], list[object]]:
    def make(folder: Path) -> list[object]:
        np.savez(folder / "data.npz", **arrays)
        return ["--data", folder / "data.npz"]

    return make


def _mixed_folder(folder: Path) -> list[object]:
    Image.fromarray(FRAMES[0]).save(folder / "0.png")
    Image.fromarray(FRAMES[1][1:]).save(folder / "1.png")
    return ["--data", folder]


NAN = np.where(np.arange(4)[:, None, None, None] == 2, np.nan, FRAMES / 255.0)

BAD: dict[str, tuple[Callable[[Path], list[object]], tuple[object, ...], str]] = {
    "no box": (_npz(x_test=FRAMES), SIZE, "has no boxes y_test; give the object in the first frame with --box X Y W H"),
    "a box outside": (_npz(x_test=FRAMES), ("--box", 50, 14, 12, 12, *SIZE), "its part inside is 50 14 10 12"),
    "three numbers": (_npz(x_test=FRAMES), ("--box", 50, 14, 12, *SIZE), "--box 50 14 12: give four numbers"),
    "NaN": (_npz(x_test=NAN), (*BOX, *SIZE), "sequence 0, frame 2: a frame holds NaN or infinity"),
    "no frames": (_npz(x_test=FRAMES[:0]), (*BOX, *SIZE), "holds no image"),
    "sequences without frames": (_npz(x_test=FRAMES[None, :0]), (*BOX, *SIZE), "holds no frames"),
    "flat frames": (_npz(x_test=FRAMES.reshape(4, -1)), (*BOX, *SIZE), "frames are (F, H, W, C)"),
    "grey frames": (_npz(x_test=FRAMES[..., :1]), (*BOX, *SIZE), "the embedding takes frames of (height, width, 3)"),
    "classes": (_npz(x_test=FRAMES, y_test=np.arange(4)), (*BOX, *SIZE), "boxes are x, y, width, height for every frame"),
    "one box for two": (_npz(x_test=np.stack([FRAMES, FRAMES])), (*BOX, *SIZE), "store their boxes as y_test, (N, F, 4)"),
    "frames of another size": (_mixed_folder, (*BOX, *SIZE), "is 47 x 60 pixels in colour; 0.png is 48 x 60 pixels in colour"),
    "an exemplar that does not fit": (_npz(x_test=FRAMES), (*BOX, "--exemplar", 14, 14), "even multiple of the embedding's stride"),
    "an exemplar of one size": (_npz(x_test=FRAMES), (*BOX, "--exemplar", 16), "give two whole numbers, height and width"),
    "no file": (lambda folder: ["--data", folder / "none.npz"], (*BOX, *SIZE), "there is no such file"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str, net: Path, call: Call, tmp_path: Path) -> None:
    make, options, words = BAD[name]
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    given = make(tmp_path / "in")
    outcome = call("track", net, *given, *options, "-o", tmp_path / "out" / "boxes.csv", "--network", tmp_path / "out" / "t.h5")
    assert words in one_message(outcome)
    assert not list((tmp_path / "out").iterdir())


def test_a_classifier_is_no_embedding(network: Path, frames: Path, call: Call) -> None:
    assert "It needs convolutions, pools and activations alone" in one_message(call("track", network, "--data", frames))
