"""The Siamese tracker in float, in graded spikes, as a stream and in binary spikes: success, precision, events. A table, and JSON.

    uv run python tests/benchmarks/tracking.py --data FOLDER [--sequences 50] [--out tracking.json]

The embedding is `notebooks/siamese_embedding.keras`, which `embedding.py` trains on sequences of CIFAR-10 training images. Windows of
such sequences calibrate. The numbers of the search were chosen on 40 sequences of the 2,000 training images that trained nothing.
Figures are of sequences of test images, 40 frames of 128x128 pixels each, which chose nothing: success AUC and precision at 20 % of the
object's size over the frames after the first, means over sequences. Events are of one frame, which is three search windows. `carphone` is a
face in a car, followed through 120 frames from its first box; the true boxes of four frames were marked by hand.
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
import hw_mappings
from ecc_lava.backends import Result
from ecc_lava.common import Array
from ecc_lava.graph import Graph
from ecc_lava.importers.keras import with_input_shapes
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.tracking import ObjectSequence, Siamese, moving_object, overlaps, precision, success_auc, track
from hw_mappings.costs import reload_cost
from tests.benchmarks.embedding import EXEMPLAR, SEARCH, TRAINING_IMAGES, pairs
from tests.benchmarks.environment import environment

MODEL = Path(__file__).parents[2] / "notebooks" / "siamese_embedding.keras"
SHAPES = (EXEMPLAR, EXEMPLAR, 3), (SEARCH, SEARCH, 3)
CALIBRATION_SEQUENCES = 24
LOST = 0.3
"""A sequence of a lower success AUC counts as lost."""

FACES = {0: (64.0, 38.0, 50.0, 63.0), 40: (53.0, 38.0, 51.0, 67.0), 80: (43.0, 28.0, 52.0, 70.0), 119: (45.0, 31.0, 53.0, 71.0)}
"""Frame of `carphone` -> box of the face, marked by hand."""


@dataclass(frozen=True)
class Row:
    """What one tracker did."""

    kind: str
    timesteps: int
    sequences: int
    success_auc: float
    precision: float
    lost: int
    overlap_with_float: float
    synops_per_frame: float
    messages_per_frame: float
    seconds_per_frame: float


@dataclass
class Tally:
    """Events of the steps of a tracker, summed up."""

    steps: int = 0
    synops: float = 0.0
    messages: float = 0.0

    def add(self, result: Result | None, inputs: set[str]) -> None:
        """Add those of the last frame."""
        self.steps += 1
        if result is None:
            return
        last = slice(None) if result.synops.ndim == 1 else (slice(None), -1)
        self.synops += float((result.synops + result.graded_synops + result.input_macs)[last].sum())
        self.messages += float(sum(counts[last].sum() for name, counts in result.spike_counts.items() if name not in inputs))


def followed(tracker: Siamese, frames: Array, box: Array, inputs: set[str], tally: Tally) -> Array:
    """Return the boxes of all frames, and count events."""
    tracker.start(frames[0], box)
    boxes = [tuple(box)]
    for frame in frames[1:]:
        boxes.append(tracker.step(frame))
        tally.add(tracker.result, inputs)
    return np.array(boxes)


def row(kind: str, embedding: Graph | QuantisedNetwork, sequences: list[ObjectSequence], by_float: list[Array]) -> tuple[Row, list[Array]]:
    """Return a row of the table, and the boxes."""
    tracker, tally, boxes = Siamese(embedding, *SHAPES), Tally(), list[Array]()
    inputs, began = {p.name for p in embedding.inputs}, time.perf_counter()
    for sequence in sequences:
        boxes.append(followed(tracker, sequence.frames, sequence.boxes[0], inputs, tally))
    seconds = time.perf_counter() - began
    scored = [(found[1:], sequence.boxes[1:]) for found, sequence in zip(boxes, sequences, strict=True)]
    aucs = [success_auc(*pair) for pair in scored]
    alike = [overlaps(found, other).mean() for found, other in zip(boxes, by_float or boxes, strict=False)]
    return Row(
        kind,
        embedding.timesteps if isinstance(embedding, QuantisedNetwork) else 0,
        len(sequences),
        float(np.mean(aucs)),
        float(np.mean([precision(*pair) for pair in scored])),
        int(np.less(aucs, LOST).sum()),
        float(np.mean(alike)),
        tally.synops / tally.steps,
        tally.messages / tally.steps,
        seconds / tally.steps,
    ), boxes


def reloaded(embedding: QuantisedNetwork, sequence: ObjectSequence) -> dict[str, Any]:
    """Return what the tracker of a sequence takes on Loihi 2, and what another exemplar costs the host."""
    tracker = Siamese(embedding, *SHAPES)
    tracker.start(sequence.frames[0], sequence.boxes[0])
    network = tracker.network
    assert isinstance(network, QuantisedNetwork)
    mapping = hw_mappings.map_network(network, chip=hw_mappings.LOIHI2)
    cost = reload_cost(mapping, network, network.readout.name)
    return {
        "cores": len(mapping.cores),
        "lower_bound_cores": mapping.lower_bound_cores,
        **{f"reload_{k}": v for k, v in cost._asdict().items()},
    }


def main() -> None:
    """Measure, print the table, and write the JSON."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--sequences", type=int, default=50)
    options.add_argument("--timesteps", type=int, nargs="+", default=[4, 8, 16, 32])
    options.add_argument("--stream-sequences", type=int, default=10)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    about = environment()
    graph = ecc_lava.from_keras(with_input_shapes(ecc_lava.load_model(MODEL), {"": SHAPES[1]}))
    with np.load(given.data / "cifar10.npz", allow_pickle=False) as stored:
        calibration = pairs(stored["x_train"][:TRAINING_IMAGES], CALIBRATION_SEQUENCES, seed=1).windows
        sequences = [moving_object(stored["x_test"], seed) for seed in range(given.sequences)]
    with np.load(given.data / "video.npz", allow_pickle=False) as stored:
        video = stored["carphone"]

    def integers(bits: int, timesteps: int) -> QuantisedNetwork:
        return ecc_lava.quantise(ecc_lava.convert(graph, calibration=calibration, payload_bits=bits, timesteps=timesteps))

    graded = integers(8, 1)
    embeddings: dict[str, Graph | QuantisedNetwork] = {"float": graph, "graded, 8 bits": graded}
    embeddings |= {f"binary, T={timesteps}": integers(1, timesteps) for timesteps in given.timesteps}
    embeddings["stream, theta=1"] = ecc_lava.sigma_delta(graded)
    rows, by_float, faces = [], list[Array](), dict[str, Any]()
    print("embedding        sequences     AUC precision lost as float    synops messages  s/frame")
    for kind, embedding in embeddings.items():
        some = sequences[: given.stream_sequences] if kind.startswith("stream") else sequences
        found, boxes = row(kind, embedding, some, by_float)
        by_float = by_float or boxes
        rows.append(found)
        scores = f"{found.success_auc:7.3f} {found.precision:9.3f} {found.lost:4} {found.overlap_with_float:8.3f}"
        events = f"{found.synops_per_frame:9,.0f} {found.messages_per_frame:8,.0f} {found.seconds_per_frame:8.4f}"
        print(f"{kind:16} {found.sequences:9} {scores} {events}", flush=True)
        if not kind.startswith("stream"):
            face = track(Siamese(embedding, *SHAPES), video, FACES[0])
            faces[kind] = {"overlaps": {at: float(overlaps(face[[at]], np.array([box]))[0]) for at, box in FACES.items()}}
            faces[kind] |= {"boxes": face.round(2).tolist()}
            print(f"{'':16} face in frames {', '.join(f'{at}: {o:.2f}' for at, o in faces[kind]['overlaps'].items())} overlap", flush=True)
    chip = {kind: reloaded(e, sequences[0]) for kind, e in embeddings.items() if isinstance(e, QuantisedNetwork)}
    for kind, facts in chip.items():
        print(f"{kind:16} on Loihi 2: {facts}")
    if given.out is not None:
        found_all = {"environment": about, "rows": [asdict(r) for r in rows], "carphone": faces, "loihi2": chip}
        given.out.write_text(json.dumps(found_all, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
