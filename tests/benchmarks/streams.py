"""Sigma-delta streams against their networks frame by frame: messages and synops of a frame, error of thresholds. A table, and JSON.

    uv run python tests/benchmarks/streams.py --data FOLDER [--payload-bits 8 5 ...] [--out streams.json]

The network is the emotion CNN of the package `fer`. The face is a fixed window of the sequence `carphone`, of which the first 60 frames
calibrate the network and choose nothing else; the last 60 frames are measured, at 64x64 pixels in grey. The fixed camera is the first of
these windows with a piece of itself that moves across it, two pixels a frame, and no noise. `error` is the RMS error of the outputs against
the network frame by frame, over their deviation; `share` is of the synops frame by frame, input included.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import ecc_lava
from ecc_lava.common.arrays import Array
from ecc_lava.graph.graph import Graph
from tests.benchmarks.speed import environment

CALIBRATION = 60
WINDOW = slice(10, 106), slice(32, 128)
"""Rows and columns of the face in the sequence."""

THRESHOLDS = (1, 2, 4, 8, 16)


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


def fixed_camera(background: Array, frames: int) -> Array:
    """Return a still background (64, 64, 1) in front of which a piece of it, 12x12 pixels, moves two pixels a frame to and fro."""
    piece, places = background[26:38, 26:38], np.abs((2 * np.arange(frames) + 52) % 104 - 52)
    moving = np.repeat(background[None], frames, axis=0)
    for frame, place in zip(moving, places, strict=True):
        frame[40:52, place : place + 12] = piece
    return moving


@dataclass(frozen=True)
class Row:
    """What a stream did on one sequence."""

    sequence: str
    payload_bits: int
    threshold: int
    share: float
    share_of_messages: float
    synops_per_frame: float
    error: float
    same_answer: float
    cnn_answer: float
    cnn_answer_frame_by_frame: float
    seconds_per_frame: float


def measured(name: str, bits: int, threshold: int, network: ecc_lava.QuantisedNetwork, graph: Graph, frames: Array) -> Row:
    """Return one row of the table."""
    exact = ecc_lava.sigma_delta(network)
    sending = {p.name: min(threshold, p.payload.largest) for p in exact.populations if p.theta}
    stream = ecc_lava.sigma_delta(network, sending)
    ecc_lava.simulate(stream, frames[None, :2])  # the plan is made once
    started = time.perf_counter()
    ecc_lava.simulate(stream, frames[None])
    seconds = time.perf_counter() - started
    report = ecc_lava.check_stream(stream, frames[None], graph=graph, lava=False)
    assert report.ok
    return Row(
        name,
        bits,
        threshold,
        report.events,
        report.messages,
        float(np.mean(report.events_by_frame)),
        report.error,
        report.agreement,
        report.cnn_agreement or 0.0,
        report.cnn_agreement_frame_by_frame or 0.0,
        seconds / len(frames),
    )


def quantised(graph: Graph, frames: Array, bits: int) -> tuple[ecc_lava.QuantisedNetwork, float]:
    """Return the integer network of payloads of so many bits, and the RMS error of its outputs against the CNN on the last frames."""
    snn = ecc_lava.convert(graph, calibration=frames[:CALIBRATION], payload_bits=bits, timesteps=1)
    network = ecc_lava.quantise(snn)
    cnn, found = ecc_lava.forward(graph, frames[CALIBRATION:]), ecc_lava.simulate(network, frames[CALIBRATION:])
    own, cnn = np.asarray(found.logits), np.asarray(cnn)
    return network, float(np.sqrt(np.mean((own - cnn) ** 2)) / cnn.std())


def main() -> None:
    """Measure, print the table, and write the JSON."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--payload-bits", type=int, nargs="+", default=[8, 6, 5, 4])
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    graph = ecc_lava.from_keras(ecc_lava.load_model(given.data / "fer_mini_xception.hdf5"))
    frames = face(given.data)
    sequences = {"face": frames[CALIBRATION:], "fixed camera": fixed_camera(frames[0], len(frames) - CALIBRATION)}
    rows, errors = [], dict[int, float]()
    print("sequence      bits theta   share messages    error   same   CNN's  frame by frame")
    for bits in given.payload_bits:
        network, errors[bits] = quantised(graph, frames, bits)
        for name, sequence in sequences.items():
            for threshold in THRESHOLDS if bits == max(given.payload_bits) else (1, 2):
                row = measured(name, bits, threshold, network, graph, sequence)
                rows.append(row)
                shares = f"{row.share:7.3f} {row.share_of_messages:8.3f} {row.error:8.4f}"
                answers = f"{row.same_answer:6.3f} {row.cnn_answer:7.3f} {row.cnn_answer_frame_by_frame:7.3f}"
                print(f"{name:13} {bits:4} {threshold:5} {shares} {answers}", flush=True)
    print("RMS error of the integers against the CNN on the face:", {bits: round(error, 4) for bits, error in errors.items()})
    if given.out is not None:
        found: dict[str, Any] = {"environment": environment(), "rows": [asdict(row) for row in rows], "error_against_cnn": errors}
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
