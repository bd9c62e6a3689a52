"""Measure what conversion loses, in the chip's integers, time-stepped: mean over calibration subsets, beside the recipe `ecc`.

    uv run python tests/benchmarks/quality.py --data FOLDER [--models vgg16_half resnet20] [--timesteps 8 16 32 64] [--seeds 5]
                                              [--bits 8] [--format loihi2] [--coding graded] [--fold-limit 2] [--select]
                                              [--out quality.json]

Calibration takes 256 images of `x_train`, as many as the command line does, without labels, drawn by each seed. Recipes are chosen with
`--select` (`x_test[:1000]`); the table is of `x_test[1000:]`. Loss is in points of accuracy against the CNN on the same images, its
interval is of the paired differences over images and seeds (95 %, normal). The recipe `ecc` has nothing random but its images and runs on
the first seed.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import ecc_lava
from ecc_lava.cli.show.output import provenance
from ecc_lava.common.arrays import Array
from ecc_lava.conversion.convert import CALIBRATION_IMAGES, calibration_subset
from ecc_lava.graph.evaluate import forward
from ecc_lava.graph.graph import Graph
from ecc_lava.inputs.dataset import digest

FILES = {"vgg16_half": "vgg16_half_cifar10.keras", "resnet20": "resnet20_cifar10.keras"}
CALIBRATION = CALIBRATION_IMAGES
SELECTION = 1000
"""Test images that recipes may be chosen on; the table has the others."""


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", nargs="*", default=list(FILES), choices=list(FILES))
    parser.add_argument("--timesteps", nargs="*", type=int, default=[8, 16, 32, 64])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--bits", type=int, default=8)
    parser.add_argument("--format", default="loihi2")
    parser.add_argument("--coding")
    parser.add_argument("--fold-limit", type=float, default=2.0)
    parser.add_argument("--select", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("benchmark-results/quality.json"))
    asked = parser.parse_args()
    with np.load(asked.data / "cifar10.npz") as stored:
        train, test, labels = stored["x_train"], stored["x_test"], stored["y_test"].ravel()
    part = slice(SELECTION) if asked.select else slice(SELECTION, None)
    test, labels = test[part], labels[part]
    rows: list[dict[str, Any]] = []
    for model in asked.models:
        graph = ecc_lava.from_keras(ecc_lava.load_model(asked.data / FILES[model]))
        ann = forward(graph, test).argmax(axis=1)
        print(f"{model}: CNN {100 * (ann == labels).mean():.2f} % on {len(test)} images")
        for timesteps in asked.timesteps:
            for recipe, seeds in (("best", range(asked.seeds)), ("ecc", range(1))):
                runs = [_run(graph, train, test, recipe, timesteps, seed, asked) for seed in seeds]
                rows.append({"model": model, "recipe": recipe, "timesteps": timesteps, **_summary(runs, ann, labels)})
                print(_line(rows[-1]), flush=True)
                _write(asked.out, rows, test, asked)


def _run(
    graph: Graph, train: Array, test: Array, recipe: str, timesteps: int, seed: int, asked: argparse.Namespace
) -> tuple[Array, float, float]:
    """Return predictions, synops per image, and seconds of conversion."""
    started = time.perf_counter()
    images = train[calibration_subset(len(train), seed, CALIBRATION)]
    numbers = {"format": asked.format, "bits": asked.bits, "coding": asked.coding, "fold_limit": asked.fold_limit}
    snn = ecc_lava.convert(graph, calibration=images, timesteps=timesteps, recipe=recipe, **numbers)
    network = ecc_lava.quantise(snn, format=asked.format, bits=asked.bits)
    seconds = time.perf_counter() - started
    result = ecc_lava.simulate(network, test)
    return result.predictions, float(result.synops.mean()), seconds


def _summary(runs: list[tuple[Array, float, float]], ann: Array, labels: Array) -> dict[str, Any]:
    lost = np.mean([(ann == labels).astype(float) - (p == labels) for p, _, _ in runs], axis=0)  # of every image, over seeds
    return {
        "loss_points": 100 * float(lost.mean()),
        "interval_points": 196 * float(lost.std(ddof=1)) / np.sqrt(len(lost)),
        "loss_by_seed": [100 * float(((ann == labels).astype(float) - (p == labels)).mean()) for p, _, _ in runs],
        "agreement": 100 * float(np.mean([(p == ann).mean() for p, _, _ in runs])),
        "synops_per_image": float(np.mean([s for _, s, _ in runs])),
        "conversion_seconds": float(np.median([s for _, _, s in runs])),
    }


def _line(row: dict[str, Any]) -> str:
    loss = f"loss {row['loss_points']:6.2f} +- {row['interval_points']:.2f} points, agreement {row['agreement']:6.2f} %"
    cost = f"{row['synops_per_image'] / 1e6:7.1f} M synops, converted in {row['conversion_seconds']:.0f} s"
    return f"{row['model']:11} {row['recipe']:5} T={row['timesteps']:3}: {loss}, {cost}"


def _write(path: Path, rows: list[dict[str, Any]], test: Array, asked: argparse.Namespace) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {name: value for name, value in vars(asked).items() if name not in ("data", "out")}
    path.write_text(json.dumps(provenance(data_digest=digest(test), options=options, rows=rows), indent=1))


if __name__ == "__main__":
    main()
