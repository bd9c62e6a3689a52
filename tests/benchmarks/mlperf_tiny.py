"""Take the reference networks of MLPerf Tiny all the way: import, convert, run, map on both chips, deploy. A table, and JSON.

    uv run python tests/benchmarks/mlperf_tiny.py --data FOLDER [--models NAME ...] [--out mlperf_tiny.json] [--images 1000] [--deployed 2]

ResNet-8 runs on CIFAR-10, of which FOLDER holds a copy decoded from JPEG: calibrated on 256 training images, measured on test images from
the 1,001st on. FOLDER has no data of the other two. Their inputs are drawn by a seed so that the first batch normalisation sees the mean
and the variance that it was trained on: enough to compare integers with the network, not to judge what the network is for. `lost` is in
points of accuracy, or, of the autoencoder, the root mean square error relative to the outputs' deviation.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import ecc_lava
import hw_mappings
from ecc_lava.backends import simulate
from ecc_lava.common.arrays import Array
from ecc_lava.graph.evaluate import forward
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.costs.cost import estimate
from hw_mappings.costs.events import events
from hw_mappings.mapping.deployed import deployed
from hw_mappings.partition.lower_bound import lower_bound
from hw_mappings.partition.repeaters import chip_network
from tests.benchmarks.environment import environment

CALIBRATION, SELECTION = 256, 1000


@dataclass(frozen=True)
class Samples:
    """Calibration samples, test samples, and their labels where there are any."""

    calibration: Array
    test: Array
    labels: Array | None = None


def cifar10(model: Any, folder: Path, images: int) -> Samples:
    """Return images as the reference ResNet-8 takes them: floats of 0 to 255."""
    with np.load(folder / "cifar10.npz", allow_pickle=False) as stored:
        part = slice(SELECTION, SELECTION + images)
        calibration, test = (stored[name].astype(np.float32) for name in ("x_train", "x_test"))
        return Samples(calibration[:CALIBRATION], test[part], stored["y_test"].ravel()[part])


def drawn(model: Any, folder: Path, images: int) -> Samples:
    """Return normal values, whose mean and deviation give the first batch normalisation its own mean and variance.

    One mean for every channel: the shortest that gives the normalisation's means. One deviation for all values, whose variance is half a
    sample's own level, as sounds are louder or softer as a whole.
    """
    import keras

    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization))
    before = keras.Model(model.inputs, first.input)
    shape, rng = model.inputs[0].shape[1:], np.random.default_rng(0)

    def seen(x: Array) -> Array:
        return np.asarray(before.predict(x, verbose=0)).reshape(len(x), -1, first.moving_mean.shape[0])

    constant = seen(np.zeros((1, *shape), np.float32)).mean(axis=(0, 1))
    channels = np.broadcast_to(np.eye(shape[-1], dtype=np.float32).reshape(-1, *[1] * (len(shape) - 1), shape[-1]), (shape[-1], *shape))
    gains = seen(channels).mean(axis=1) - constant
    mean = np.linalg.lstsq(gains.T, np.asarray(first.moving_mean) - constant, rcond=None)[0]
    noise = (rng.normal(0, 1, (CALIBRATION + images, *shape)) + rng.normal(0, 1, (CALIBRATION + images, *[1] * len(shape)))) / np.sqrt(2)
    deviation = np.sqrt(np.asarray(first.moving_variance).mean() / seen(noise[:CALIBRATION]).var(axis=(0, 1)).mean())
    x = (mean + deviation * noise).astype(np.float32)
    return Samples(x[:CALIBRATION], x[CALIBRATION:])


MODELS: dict[str, tuple[str, Callable[[Any, Path, int], Samples]]] = {
    "resnet8": ("mlperf_tiny_resnet8.h5", cifar10),
    "wakeword": ("mlperf_tiny_wakeword.h5", drawn),
    "autoencoder": ("mlperf_tiny_autoencoder.hdf5", drawn),
}

SPIKES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("loihi1", {"timesteps": 32}),
    ("loihi2", {"timesteps": 32}),
    ("loihi2", {"payload_bits": 8}),
)


def quality(network: QuantisedNetwork, ann: Array, samples: Samples, decides: bool) -> dict[str, Any]:
    """Return what the integers lose, and their events."""
    result = simulate(network, samples.test)
    if decides:
        agreement = float((result.predictions == ann.argmax(axis=1)).mean())
        lost = None
        if samples.labels is not None:
            lost = 100 * float((ann.argmax(axis=1) == samples.labels).mean() - (result.predictions == samples.labels).mean())
        found: dict[str, Any] = {"points_lost": lost, "agreement": 100 * agreement}
    else:
        error = np.asarray(result.logits) - ann
        found = {"relative_rms_error": float(np.sqrt(np.square(error).mean() / ann.var(axis=0).mean()))}
    between = [p.name for p in network.populations[len(network.inputs) :]]
    return {
        **found,
        "synops_per_image": float((result.synops + result.graded_synops).mean()),
        "messages_per_image": float(sum(result.spike_counts[name].mean() for name in between)),
    }


def on_chip(network: QuantisedNetwork, chip: hw_mappings.ChipSpec, samples: Samples, images: int) -> dict[str, Any]:
    """Return cores, energy where the chip's figures give it, and what a deployment of every core differs in."""
    few = samples.test[:images]
    activity = simulate(network, few, record=tuple(network.by_name))
    mapping = hw_mappings.map_network(network, chip, activity)
    cost = estimate(events(deployed(mapping, network, activity)), chip)
    done = hw_mappings.deploy(network, mapping, few, runtime="one-process")
    return {
        "cores": len(mapping.cores),
        "bound": lower_bound(chip_network(network, chip).network, chip).cores,
        "energy_uj": cost.total_uj,
        "deployed_alike": done.ok,
        "deployment_seconds": round(done.seconds, 1),
    }


def measured(name: str, folder: Path, images: int, deployed_images: int) -> list[dict[str, Any]]:
    """Return the rows of a model, printed as they come."""
    file, samples_of = MODELS[name]
    model = ecc_lava.load_model(folder / file)
    graph, samples = ecc_lava.from_keras(model), samples_of(model, folder, images)
    ann = np.asarray(forward(graph, samples.test))
    rows = []
    for chip, spikes in SPIKES:
        started = time.perf_counter()
        snn = ecc_lava.convert(graph, calibration=samples.calibration, format=chip, **spikes)
        network = ecc_lava.quantise(snn, format=chip)
        seconds = time.perf_counter() - started
        row = {"model": name, "chip": chip, "timesteps": network.timesteps, "payload_bits": network.payload.bits}
        row |= quality(network, ann, samples, bool(graph.classifiers)) | on_chip(network, hw_mappings.chip(chip), samples, deployed_images)
        rows.append({**row, "macs": graph.macs, "conversion_seconds": round(seconds, 1)})
        print(_line(rows[-1]), flush=True)
    return rows


def _line(row: dict[str, Any]) -> str:
    kept = f"{row['agreement']:6.2f} % agree" if "agreement" in row else f"{100 * row['relative_rms_error']:6.2f} % error"
    lost = f"{row['points_lost']:5.2f} points" if row.get("points_lost") is not None else " " * 12
    energy = f"{row['energy_uj']:7.1f} uJ" if row["energy_uj"] is not None else "       n/a"
    what = f"{row['model']:12} {row['chip']} T={row['timesteps']:2} p={row['payload_bits']}"
    events_ = f"{row['synops_per_image'] / 1e6:7.2f} M synops {row['messages_per_image'] / 1e3:7.1f} k messages"
    cores = f"{row['cores']:3} cores (at least {row['bound']})"
    alike = "deployed alike" if row["deployed_alike"] else "DIFFERS"
    return f"{what}: {lost} {kept} {events_} {cores} {energy} {alike}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--deployed", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmark-results/mlperf_tiny.json"))
    asked = parser.parse_args(arguments)
    rows = [row for name in asked.models for row in measured(name, asked.data, asked.images, asked.deployed)]
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps({"environment": environment(), "images": asked.images, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
