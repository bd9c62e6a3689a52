"""Measure what conversion loses, in the chip's integers, time-stepped: mean over calibration subsets, beside the recipe `ecc`.

    uv run python tests/benchmarks/quality.py --data FOLDER [--models vgg16_half resnet20] [--timesteps 8 16 32 64] [--seeds 5]
                                              [--payloads 8:1 4:1 4:2 2:4] [--bits 8] [--format loihi2] [--coding graded]
                                              [--fold-limit 2] [--select] [--dask local:2] [--out quality.json]

Calibration takes 256 images of `x_train`, as many as the command line does, without labels, drawn by each seed. Recipes are chosen with
`--select` (`x_test[:1000]`); the table is of `x_test[1000:]`. `--payloads` adds graded spikes, each as payload bits:timesteps. Loss is in
points of accuracy against the CNN on the same images, its interval is of the paired differences over images and seeds (95 %, normal). The
recipe `ecc` has nothing random but its images and runs on the first seed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import ecc_lava
from ecc_lava.analysis.energy import ImageEvents, image_events
from ecc_lava.backends import Network
from ecc_lava.cli.show.output import provenance
from ecc_lava.cluster import own_client
from ecc_lava.common.arrays import Array, Images
from ecc_lava.conversion import CALIBRATION_IMAGES, calibration_subset, over_draws
from ecc_lava.conversion.passes.interface import Pass
from ecc_lava.graph.evaluate import forward
from ecc_lava.graph.graph import Graph
from ecc_lava.inputs.dataset import digest
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.quantisation import Bits

__all__ = ["CALIBRATION", "SELECTION", "Cell", "Numbers", "Run", "converted", "ran", "summary"]

FILES = {name: f"{name}_cifar10.keras" for name in ("vgg16_half", "vgg16", "resnet20", "mobilenet")}
DEFAULT_MODELS = ("vgg16_half", "resnet20")
CALIBRATION = CALIBRATION_IMAGES
SELECTION = 1000
"""Test images that recipes may be chosen on; the table has the others."""


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", nargs="*", default=list(DEFAULT_MODELS), choices=list(FILES))
    parser.add_argument("--timesteps", nargs="*", type=int, default=[8, 16, 32, 64])
    parser.add_argument("--payloads", nargs="*", type=_cell, default=[], metavar="P:T")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--bits", type=int, default=8)
    parser.add_argument("--format", default="loihi2")
    parser.add_argument("--coding")
    parser.add_argument("--fold-limit", type=float, default=2.0)
    parser.add_argument("--select", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("benchmark-results/quality.json"))
    parser.add_argument("--dask", metavar="ADDRESS|local:N", help="run draws on the workers of a cluster")
    asked = parser.parse_args()
    with own_client(asked.dask) as client:
        _measure(asked, client)


def _measure(asked: argparse.Namespace, client: Any) -> None:
    with np.load(asked.data / "cifar10.npz") as stored:
        train, test, labels = stored["x_train"], stored["x_test"], stored["y_test"].ravel()
    part = slice(SELECTION) if asked.select else slice(SELECTION, None)
    test, labels = test[part], labels[part]
    rows: list[dict[str, Any]] = []
    for model in asked.models:
        graph = ecc_lava.from_keras(ecc_lava.load_model(asked.data / FILES[model]))
        ann = forward(graph, test).argmax(axis=1)
        print(f"{model}: CNN {100 * (ann == labels).mean():.2f} % on {len(test)} images")
        cells = [Cell(1, timesteps, recipe) for timesteps in asked.timesteps for recipe in ("best", "ecc")]
        for cell in [Cell(p, t, "best") for p, t in asked.payloads] + cells:
            numbers = Numbers(asked.format, asked.bits, asked.coding, asked.fold_limit)
            runs = draws(client, graph, train, test, cell, range(1 if cell.recipe == "ecc" else asked.seeds), numbers)
            rows.append({"model": model, **cell._asdict(), **summary(runs, ann, labels)})
            print(_line(rows[-1]), flush=True)
            _write(asked.out, rows, test, asked)


class Cell(NamedTuple):
    """A row of the table."""

    payload_bits: int
    timesteps: int
    recipe: str | tuple[Pass, ...]


class Numbers(NamedTuple):
    """What the integers of a row are made with."""

    format: str = "loihi2"
    bits: Bits = 8
    coding: str | None = None
    fold_limit: float = 2.0


class Run(NamedTuple):
    """What one draw of calibration images gave: predictions, events and messages of an image, and seconds of conversion."""

    predictions: Array
    events: ImageEvents
    messages: float
    seconds: float


def _cell(text: str) -> tuple[int, int]:
    """Return payload bits and timesteps of P:T."""
    bits, timesteps = text.split(":")
    return int(bits), int(timesteps)


def draws(client: Any, graph: Graph, train: Array, test: Array, cell: Cell, seeds: Sequence[int], numbers: Numbers) -> list[Run]:
    """Return the run of every draw, on the workers of a cluster if there is one."""
    return over_draws(_draw, (graph, test, cell, numbers), train, seeds, CALIBRATION, client=client)


def _draw(shared: tuple[Graph, Array, Cell, Numbers], item: tuple[Images, int]) -> Run:
    graph, test, cell, numbers = shared
    return ran(*_calibrated(graph, item[0], cell, numbers), test)


def converted(graph: Graph, train: Array, cell: Cell, seed: int, numbers: Numbers) -> tuple[QuantisedNetwork, float]:
    """Return the integers of a row, calibrated on the images that a seed draws, and the seconds that they took."""
    return _calibrated(graph, train[calibration_subset(len(train), seed, CALIBRATION)], cell, numbers)


def _calibrated(graph: Graph, images: Images, cell: Cell, numbers: Numbers) -> tuple[QuantisedNetwork, float]:
    started = time.perf_counter()
    snn = ecc_lava.convert(graph, calibration=images, **cell._asdict(), **numbers._asdict())
    network = ecc_lava.quantise(snn, format=numbers.format, bits=numbers.bits)
    return network, time.perf_counter() - started


def ran(network: Network, seconds: float, test: Array, **how: Any) -> Run:
    """Return what a network gives for test images; `how` as of `simulate`."""
    result = ecc_lava.simulate(network, test, **how)
    between = [p.name for p in network.populations[len(network.inputs) :]]
    messages = float(sum(result.spike_counts[name].mean() for name in between))
    assert not isinstance(result.predictions, dict)
    return Run(np.asarray(result.predictions), image_events(result, network), messages, seconds)


def summary(runs: list[Run], ann: Array, labels: Array) -> dict[str, Any]:
    """Return the row of some runs beside the CNN's predictions."""
    predictions = [run.predictions for run in runs]
    lost = np.mean([(ann == labels).astype(float) - (p == labels) for p in predictions], axis=0)  # of every image, over seeds
    return {
        "loss_points": 100 * float(lost.mean()),
        "interval_points": 196 * float(lost.std(ddof=1)) / np.sqrt(len(lost)),
        "loss_by_seed": [100 * float(((ann == labels).astype(float) - (p == labels)).mean()) for p in predictions],
        "agreement": 100 * float(np.mean([(p == ann).mean() for p in predictions])),
        "synops_per_image": float(np.mean([run.events.synops + run.events.graded_synops for run in runs])),
        "messages_per_image": float(np.mean([run.messages for run in runs])),
        "conversion_seconds": float(np.median([run.seconds for run in runs])),
    }


def _line(row: dict[str, Any]) -> str:
    loss = f"loss {row['loss_points']:6.2f} +- {row['interval_points']:.2f} points, agreement {row['agreement']:6.2f} %"
    events = f"{row['synops_per_image'] / 1e6:7.1f} M synops, {row['messages_per_image'] / 1e3:6.1f} k messages"
    name = f"{row['model']:11} {row['recipe']:5} p={row['payload_bits']} T={row['timesteps']:3}"
    return f"{name}: {loss}, {events}, converted in {row['conversion_seconds']:.0f} s"


def _write(path: Path, rows: list[dict[str, Any]], test: Array, asked: argparse.Namespace) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {name: value for name, value in vars(asked).items() if name not in ("data", "out")}
    path.write_text(json.dumps(provenance(data_digest=digest(test), options=options, rows=rows), indent=1))


if __name__ == "__main__":
    main()
