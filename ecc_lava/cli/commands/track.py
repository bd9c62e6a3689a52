"""`ecc-lava track`: follow an object through frames with a network file as the embedding."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Optional

import numpy as np
import typer

from ecc_lava.backends import BACKENDS
from ecc_lava.cli.choices import choice
from ecc_lava.cli.options import Json, Limit, Network
from ecc_lava.cli.several import Several, Words, values
from ecc_lava.cli.show.output import as_percent, emit_json, provenance, show_lines, show_table
from ecc_lava.cli.show.progress import stages
from ecc_lava.common import Array, Float, check_writable, first_output, write_bytes
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import digest, load_dataset
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.storage import load, read_calibration, save
from ecc_lava.tracking import Siamese, precision, success_auc
from ecc_lava.tracking import track as boxes_of

__all__ = ["command"]

Frames = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="FRAMES",
        help="Frames x_test (F, H, W, C), or sequences of them (N, F, H, W, C), and optionally their boxes y_test, (F, 4) or (N, F, 4): "
        ".npz, .npy or a folder of PNG or JPEG files in the order of their names.",
    ),
]
FirstBox = Annotated[
    Words,
    typer.Option(
        "--box", metavar="X Y W H", help="The object in the first frame: upper left corner, width, height in pixels (default: of y_test)."
    ),
    Several(r"-?[\d.]+"),
]
Exemplar = Annotated[
    Words,
    typer.Option("--exemplar", metavar="H W", help="Pixels of the exemplar in the network's window (default: half of the window)."),
    Several(r"-?\d+"),
]
Output = Annotated[
    Optional[Path], typer.Option("-o", "--output", metavar="BOXES.csv", help="Write sequence, frame, x, y, width, height of every frame.")
]
Tracking = Annotated[
    Optional[Path],
    typer.Option("--network", metavar="TRACKER.h5", help="Write the network with the last exemplar as weights, for map, check and deploy."),
]
Integers = Annotated[
    str,
    choice((name for name, b in BACKENDS.items() if b.network_type is QuantisedNetwork), help="The back end that runs the network."),
]


def command(
    network: Network,
    data: Frames,
    box: FirstBox = None,
    exemplar: Exemplar = None,
    output: Output = None,
    tracking: Tracking = None,
    backend: Integers = "fast",
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Track and print or write boxes."""
    started = time.perf_counter()
    for written in (output, tracking):
        if written is not None:
            check_writable(written, inputs=(network, data))
    integer, _, _ = load(network)
    search = integer.input_specs[0].shape
    tracker = Siamese(integer, (*_exemplar(exemplar, search[:2]), search[2]), search, backend=backend)
    sequences, truth = _sequences(data, limit)
    firsts = _first_boxes(data, box, sequences, truth)
    found = np.empty((*sequences.shape[:2], 4))
    with stages() as stage:
        for at, frames in enumerate(sequences):
            try:
                found[at] = boxes_of(tracker, frames, firsts[at], partial(stage, f"sequence {at}"))
            except InvalidInput as error:
                raise InvalidInput(f"{data}: sequence {at}, {error}") from error
    facts = {"sequences": found.shape[0], "frames": found.shape[1], "backend": backend, **_scores(found, truth)}
    if output is not None:
        write_bytes(output, _csv(found))
    if tracking is not None:
        assert isinstance(tracker.network, QuantisedNetwork)
        save(tracking, tracker.network, calibration=read_calibration(network))
    seconds = round(time.perf_counter() - started, 3)
    files = {"output": output and str(output), "network": tracking and str(tracking)}
    if json:
        about = provenance(network_digest=integer.digest, data_digest=digest(sequences))
        emit_json({**about, **facts, **files, "boxes": np.round(found, 3).tolist(), "seconds": seconds})
        return
    _show(facts, found, seconds, f"{network.name} on {data.name}")
    show_lines(*(f"written: {file}" for file in files.values() if file is not None))


def _exemplar(words: Words, search: tuple[int, int]) -> tuple[int, int]:
    """Return the height and width of the exemplar, half of the window's unless they are given."""
    given = values(words)
    if not given:
        return search[0] // 2, search[1] // 2
    if len(given) != 2 or not all(word.isdigit() for word in given):
        raise InvalidInput(f"--exemplar {' '.join(given)}: give two whole numbers, height and width")
    return int(given[0]), int(given[1])


def _sequences(path: Path, limit: int | None) -> tuple[Array, Float | None]:
    """Return the sequences of a file, (N, F, H, W, C) or without C, and their boxes (N, F, 4) if it holds some."""
    stored = load_dataset(path, "test", limit)
    x, y = first_output(stored.x), stored.y
    if path.is_dir() and y is not None:
        raise InvalidInput(f"{path}: holds folders of images; a sequence is one folder of frames")
    if x.ndim not in (3, 4, 5):
        raise InvalidInput(f"{path}: x_test of shape {x.shape}; frames are (F, H, W, C), sequences of them (N, F, H, W, C)")
    many = x.ndim == 5
    x, y = (x, y) if many else (x[None], None if y is None else y[None])
    if not x.shape[1]:
        raise InvalidInput(f"{path}: holds no frames: x_test of shape {x.shape}")
    if y is not None and y.shape != (*x.shape[:2], 4):
        raise InvalidInput(f"{path}: y_test of shape {y.shape if many else y.shape[1:]}; boxes are x, y, width, height for every frame")
    return x, y


def _first_boxes(path: Path, words: Words, sequences: Array, truth: Float | None) -> Float:
    """Return the box of each sequence's first frame, (N, 4)."""
    given = values(words)
    if not given:
        if truth is None:
            raise InvalidInput(f"{path}: has no boxes y_test; give the object in the first frame with --box X Y W H")
        return truth[:, 0]
    try:
        box = np.array([float(word) for word in given])
    except ValueError as error:
        raise InvalidInput(f"--box {' '.join(given)}: give four numbers, x, y, width, height in pixels") from error
    if len(box) != 4:
        raise InvalidInput(f"--box {' '.join(given)}: give four numbers, x, y, width, height in pixels")
    if len(sequences) > 1:
        raise InvalidInput(f"--box is of one sequence; {path} holds {len(sequences)}: store their boxes as y_test, (N, F, 4)")
    return box[None]


def _scores(found: Float, truth: Float | None) -> dict[str, float | None]:
    """Return means over sequences, without the first frame, whose box is given."""
    if truth is None or found.shape[1] < 2:
        return {"success_auc": None, "precision": None}
    pairs = [(boxes[1:], true[1:]) for boxes, true in zip(found, truth, strict=True)]
    return {
        "success_auc": float(np.mean([success_auc(*pair) for pair in pairs])),
        "precision": float(np.mean([precision(*pair) for pair in pairs])),
    }


def _csv(found: Float) -> bytes:
    rows = (
        f"{sequence},{frame},{','.join(f'{value:.3f}' for value in found[sequence, frame])}"
        for sequence, frame in np.ndindex(found.shape[:2])
    )
    return "\n".join(["sequence,frame,x,y,width,height", *rows, ""]).encode()


def _show(facts: dict[str, Any], found: Float, seconds: float, title: str) -> None:
    """Print the figures, and the last box of the first sequence."""
    scores = [("success AUC", facts["success_auc"]), ("precision at 20 % of the size", facts["precision"])]
    rows = [
        ("sequences", f"{facts['sequences']:,}"),
        ("frames of each", f"{facts['frames']:,}"),
        *((name, f"{value:.3f}" if name == "success AUC" else as_percent(value)) for name, value in scores if value is not None),
        ("last box of sequence 0", " ".join(f"{value:.1f}" for value in found[0, -1])),
        ("seconds", f"{seconds:.1f}"),
    ]
    show_table(title, ("", "value"), rows)
