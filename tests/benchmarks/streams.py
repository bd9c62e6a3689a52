"""Sigma-delta streams against their networks frame by frame: messages and synops of a frame, error of thresholds. A table, and JSON.

    uv run python tests/benchmarks/streams.py --data FOLDER [--payload-bits 8 6 5 ...] [--frames 60] [--out streams.json]

Two networks. The emotion CNN of the package `fer` sees the face: a fixed window of the sequence `carphone`, 64x64 pixels in grey. The
convolutions and pools of the VGG of half width see whole frames of it, 144x176 pixels in colour. A fixed camera is the first frame of these
with a piece of itself that moves across it, two pixels a frame, and no noise. The first half of `carphone` calibrates the networks, and its
frames choose thresholds by population for a stated error; a fixed camera's thresholds are chosen on another background. The second half is
measured.

`error` is the RMS error of the outputs against the network frame by frame, over their deviation; `share` is of the synops frame by frame,
input included. `of the CNN` is the same error against the CNN, of the stream and of the network frame by frame. `by_size` says
which share of a stream's synops is of changes of 1, 2 to 3, 4 to 7, 8 to 15, and 16 units or more.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import ecc_lava
from ecc_lava.backends import output_error
from ecc_lava.common.arrays import Array
from ecc_lava.conversion import ThresholdSearch, uniform_thresholds
from ecc_lava.geometry import fan_out
from ecc_lava.graph.graph import Graph
from tests.benchmarks.environment import environment

CALIBRATION = 60
WINDOW = slice(10, 106), slice(32, 128)
"""Rows and columns of the face in the sequence."""

THRESHOLDS = (1, 2, 4, 8)
LIMITS = (0.01, 0.02, 0.05)
"""Errors for which thresholds are chosen by population."""

CHOOSING = 20
"""Frames on which thresholds are chosen."""

SIZES = (1, 2, 4, 8, 16)
"""Least changes of the classes of sizes."""


def grey(frames: Array) -> Array:
    """Return windows of 96x96 pixels in colour as the CNN takes them: 64x64 in grey, -1 to 1, in whole steps of a 255th."""
    mixed = frames.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    doubled = mixed.repeat(2, axis=1).repeat(2, axis=2)
    small = doubled.reshape(len(doubled), 64, 3, 64, 3).mean(axis=(2, 4))[..., None]
    whole: Array = (np.rint(small) / 127.5 - 1.0).astype(np.float32)
    return whole


def face(folder: Path) -> Array:
    """Return the face's window of every frame, (F, 64, 64, 1)."""
    with np.load(folder / "video.npz", allow_pickle=False) as stored:
        return grey(stored["carphone"][:, WINDOW[0], WINDOW[1]])


def fixed_camera(background: Array, frames: int, size: int = 12) -> Array:
    """Return a still background (H, W, C) in front of which a square piece of it moves two pixels a frame to and fro."""
    height, width = background.shape[:2]
    top, left, line, span = 2 * height // 5, 2 * width // 5, 5 * height // 8, width - size
    piece, places = background[top : top + size, left : left + size], np.abs((2 * np.arange(frames) + span) % (2 * span) - span)
    moving = np.repeat(background[None], frames, axis=0)
    for frame, place in zip(moving, places, strict=True):
        frame[line : line + size, place : place + size] = piece
    return moving


def convolutions(folder: Path, height: int, width: int) -> Any:
    """Return the part of the VGG up to its last pool, with its weights, for images of another size."""
    import keras

    given = ecc_lava.load_model(folder / "vgg16_half_cifar10.keras")
    last = max(index for index, layer in enumerate(given.layers) if "Pooling" in type(layer).__name__)
    first = tensor = keras.Input((height, width, 3))
    for layer in given.layers[: last + 1]:
        if not isinstance(layer, keras.layers.InputLayer):
            same = type(layer).from_config(layer.get_config())
            tensor = same(tensor)
            same.set_weights(layer.get_weights())
    return keras.Model(first, tensor)


@dataclass(frozen=True)
class Row:
    """What a stream did on one sequence."""

    sequence: str
    payload_bits: int
    thresholds: str
    share: float
    share_of_messages: float
    synops_per_frame: float
    messages_per_frame: float
    error: float
    same_answer: float | None
    cnn_error: float | None
    cnn_error_frame_by_frame: float | None
    by_size: list[float]
    changed_inputs: float
    seconds_per_frame: float


@dataclass(frozen=True)
class Sequence:
    """A network, frames that choose thresholds, and frames that are measured; answers are asked of the emotion CNN alone."""

    name: str
    payload_bits: int
    network: ecc_lava.QuantisedNetwork
    choosing: Array
    frames: Array
    graph: Graph | None

    def rows(self, thetas: tuple[int, ...], limits: tuple[float, ...]) -> Iterator[Row]:
        """Measure uniform thresholds, and those that are chosen for an error."""
        whole = ecc_lava.simulate(self.network, self.frames)
        cnn = None if self.graph is None else ecc_lava.forward(self.graph, self.frames)
        row = partial(self._row, whole, cnn)
        for theta in thetas:
            yield row(str(theta), uniform_thresholds(self.network, theta))
        search = ThresholdSearch(self.network, self.choosing[None]) if limits else None
        for limit in limits:
            assert search is not None
            yield row(f"for {100 * limit:g} %", search.within_error(limit).thresholds)

    def _row(self, whole: ecc_lava.Result, cnn: Any, words: str, thresholds: dict[str, int]) -> Row:
        stream = ecc_lava.sigma_delta(self.network, thresholds)
        ecc_lava.simulate(stream, self.frames[None, :2])  # the plan is made once
        started = time.perf_counter()
        found = ecc_lava.simulate(stream, self.frames[None])
        seconds = (time.perf_counter() - started) / len(self.frames)
        error = output_error(found.logits, whole.logits)
        assert error == 0 or max(thresholds.values()) > 1
        answers = [np.asarray(result.logits).reshape(len(self.frames), -1).argmax(axis=1) for result in (found, whole)]
        return Row(
            self.name,
            self.payload_bits,
            words,
            float(found.events.sum() / whole.events.sum()),
            _messages(found) / _messages(whole),
            float(found.events.mean()),
            _messages(found) / len(self.frames),
            error,
            None if cnn is None else float((answers[0] == answers[1]).mean()),
            None if cnn is None else output_error(found.logits, cnn),
            None if cnn is None else output_error(whole.logits, cnn),
            sizes_of_changes(stream, self.frames[: 2 * CHOOSING]),
            float(found.spike_counts[stream.inputs[0].name].sum() / (len(self.frames) * stream.inputs[0].neurons)),
            seconds,
        )


def _messages(result: ecc_lava.Result) -> int:
    return sum(int(spikes.sum()) for spikes in result.spike_counts.values())


def sizes_of_changes(stream: ecc_lava.QuantisedNetwork, frames: Array) -> list[float]:
    """Return the shares of the synops by the size of the change that makes them, of all frames but the first."""
    sending = [p.name for p in stream.populations if p.theta]
    synapses = {name: np.zeros(stream.by_name[name].shape) for name in sending}
    for p in stream.projections:
        synapses[p.source] += fan_out(p.geometry, stream.by_name[p.source].shape)
    total = np.zeros(len(SIZES) + 1)
    raster = ecc_lava.simulate(stream, frames[None], record=sending).raster
    for name, fan in synapses.items():
        for change in raster[name][0, 1:]:
            total += np.bincount(np.digitize(np.abs(change), SIZES), fan.ravel(), len(total))
    return [float(share) for share in total[1:] / total[1:].sum()]


def quantised(graph: Graph, frames: Array, bits: int) -> ecc_lava.QuantisedNetwork:
    """Return the integer network of payloads of so many bits."""
    return ecc_lava.quantise(ecc_lava.convert(graph, calibration=frames, payload_bits=bits, timesteps=1))


def sequences(folder: Path, bits: int, frames: int, widest: bool) -> Iterator[Sequence]:
    """Return the face and a fixed camera at any width of payloads, and whole frames at the widest."""
    window, measured = face(folder), slice(CALIBRATION, CALIBRATION + frames)
    graph = ecc_lava.from_keras(ecc_lava.load_model(folder / "fer_mini_xception.hdf5"))
    network, choosing = quantised(graph, window[:CALIBRATION], bits), slice(CALIBRATION - CHOOSING, CALIBRATION)
    yield Sequence("face", bits, network, window[choosing], window[measured], graph)
    yield Sequence("fixed camera", bits, network, fixed_camera(window[30], CHOOSING), fixed_camera(window[0], frames), graph)
    if widest:
        with np.load(folder / "video.npz", allow_pickle=False) as stored:
            video = stored["carphone"]
        network = quantised(ecc_lava.from_keras(convolutions(folder, *video.shape[1:3])), video[:CALIBRATION:6], bits)
        yield Sequence("whole frames", bits, network, video[choosing], video[measured], None)
        yield Sequence(
            "fixed camera, whole", bits, network, fixed_camera(video[30], CHOOSING, 24), fixed_camera(video[0], frames, 24), None
        )


def main() -> None:
    """Measure, print the table, and write the JSON."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--payload-bits", type=int, nargs="+", default=[8, 6, 5])
    options.add_argument("--frames", type=int, default=60)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    rows: list[Row] = []
    print("sequence            bits thresholds   synops messages    error   same  of the CNN, frame by frame  changes of 1 2 4 8 16")
    for bits in given.payload_bits:
        widest = bits == max(given.payload_bits)
        for sequence in sequences(given.data, bits, given.frames, widest):
            for row in sequence.rows(THRESHOLDS if widest else (1, 2), LIMITS if widest else ()):
                rows.append(row)
                shares = f"{row.share:8.3f} {row.share_of_messages:8.3f} {row.error:8.4f}"
                other = (row.same_answer, row.cnn_error, row.cnn_error_frame_by_frame)
                answers = " ".join("   n/a" if value is None else f"{value:6.3f}" for value in other)
                sizes = " ".join(f"{share:.2f}" for share in row.by_size)
                print(f"{row.sequence:19} {row.payload_bits:4} {row.thresholds:10} {shares} {answers}  {sizes}", flush=True)
    if given.out is not None:
        found: dict[str, Any] = {"environment": environment(), "rows": [asdict(row) for row in rows]}
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
