"""Measure graded spikes: the fast back end at T = 1 and payloads of 8 bits against TensorFlow's float32 forward pass of the same CNN.

    uv run python tests/benchmarks/graded_speed.py --data FOLDER [--out graded_speed.json] [--images 512] [--repeats 7] [--models NAME ...]

One run on one machine, on all cores: contenders take turns, each figure is the median of the repeats, and the environment is in the JSON.
TensorFlow runs at its best batch. Beside the wall clock stands the processor time of all threads, which other programs disturb less. The
binary network at 32 steps, of fewer images, is measured in the same turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import ecc_lava
from ecc_lava.backends.activity import Recording
from ecc_lava.backends.fast.run import fast
from ecc_lava.common.arrays import Array
from ecc_lava.inputs.batches import as_batch
from ecc_lava.inputs.encoding import encode_all
from ecc_lava.networks import QuantisedNetwork
from tests.benchmarks.environment import environment

MODELS = ("vgg16_half_cifar10", "vgg16_cifar10")
BATCHES = (16, 64, 128, 256, 512, 1024)
FEW = 64
"""Images of the binary network, whose time a batch changes little."""


class Seconds(NamedTuple):
    """Of one image: by the wall clock, and of the processor in all threads."""

    wall: float
    processor: float


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("benchmark-results/graded_speed.json"))
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--models", nargs="*", default=MODELS)
    asked = parser.parse_args()
    report: dict[str, Any] = {"environment": environment()}
    report["models"] = {name: measured(asked.data, name, asked.images, asked.repeats) for name in asked.models}
    report["environment"]["load_after"] = os.getloadavg()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(report, indent=1))
    _print(report)


def converted(graph: Any, calibration: Array, **options: Any) -> QuantisedNetwork:
    """Return a model as an integer network by the recipe `channel`; calibration of weights would not alter the time."""
    return ecc_lava.quantise(ecc_lava.convert(graph, calibration=calibration, recipe="channel", **options))


def measured(data: Path, name: str, images: int, repeats: int) -> dict[str, Any]:
    """Time one model's contenders, which take turns."""
    import keras
    import tensorflow as tf

    with np.load(data / "cifar10.npz", allow_pickle=False) as arrays:
        x, calibration = arrays["x_test"][: max(images, max(BATCHES))], arrays["x_train"][:256]
    model = keras.models.load_model(data / f"{name}.keras")
    graph = ecc_lava.from_keras(model)
    network, binary = converted(graph, calibration, payload_bits=8, timesteps=1), converted(graph, calibration, timesteps=32)
    q = encode_all(as_batch(x[:images], network.input_specs), network.codings)
    wanted = Recording(potentials=frozenset())

    compiled = tf.function(lambda values: model(values, training=False))

    def forward(values: Any) -> Array:
        result: Array = compiled(values).numpy()
        return result

    floats = {batch: tf.constant((x[:batch] / 255).astype(np.float32)) for batch in BATCHES}
    trials = {batch: min(_seconds(partial(forward, of), batch).wall for _ in range(4)) for batch, of in floats.items()}
    best = min(trials, key=lambda batch: trials[batch])

    few = {key: values[:FEW] for key, values in q.items()}
    found = _medians(
        {
            "TensorFlow": lambda: _seconds(lambda: forward(floats[best]), best),
            "T = 1, 8 bits": lambda: _seconds(lambda: fast(network, q, 1, wanted), images),
            "T = 1, 8 bits, simulate": lambda: _seconds(lambda: ecc_lava.simulate(network, x[:images]), images),
            "T = 32, binary": lambda: _seconds(lambda: fast(binary, few, 32, Recording()), FEW),
        },
        repeats,
    )
    rival, same = found["TensorFlow"], ecc_lava.simulate(network, x[:best]).predictions == forward(floats[best]).argmax(axis=1)
    return {
        "same class as TensorFlow": float(np.mean(same)),
        "best_batch": best,
        "ms_per_image": {key: Seconds(*(1e3 * value for value in of))._asdict() for key, of in found.items()},
        "times as fast as TensorFlow": {
            key: {"wall": rival.wall / of.wall, "processor": rival.processor / of.processor} for key, of in found.items() if of != rival
        },
        "nonzero values": _density(network, few, wanted),
    }


def _density(network: QuantisedNetwork, q: dict[str, Array], wanted: Recording) -> float:
    """Return the share of neurons that send something at T = 1."""
    done = fast(network, q, 1, wanted)
    sent = [activity.sent for activity in done.values() if activity.sent is not None]
    return float(sum(np.count_nonzero(values) for values in sent) / sum(values.size for values in sent))


def _seconds(run: Callable[[], Any], images: int) -> Seconds:
    """Return the seconds of one image."""
    processor, wall = time.process_time(), time.perf_counter()
    run()
    return Seconds((time.perf_counter() - wall) / images, (time.process_time() - processor) / images)


def _medians(contenders: dict[str, Callable[[], Seconds]], repeats: int) -> dict[str, Seconds]:
    """Return the medians of each, which take turns; each runs once before."""
    times: dict[str, list[Seconds]] = {name: [] for name in contenders}
    for turn in range(repeats + 1):
        for name, run in contenders.items():
            once = run()
            if turn:
                times[name].append(once)
    return {name: Seconds(*(statistics.median(values) for values in zip(*all_of, strict=True))) for name, all_of in times.items()}


def _print(report: dict[str, Any]) -> None:
    environment = report["environment"]
    print(f"{environment['processor']}, {environment['cores']} cores, load {environment['load_before'][0]:.1f} before")
    for name, model in report["models"].items():
        print(
            f"\n{name}, TensorFlow at batch {model['best_batch']}; {model['nonzero values']:.0%} of neurons send, "
            f"{model['same class as TensorFlow']:.1%} of images in the same class"
        )
        print(f"{'':24} {'ms/image':>9} {'processor':>10} {'of TensorFlow':>14} {'processor':>10}")
        for key, of in model["ms_per_image"].items():
            ratio = model["times as fast as TensorFlow"].get(key, {"wall": 1.0, "processor": 1.0})
            print(f"{key:24} {of['wall']:9.3f} {of['processor']:10.3f} {ratio['wall']:13.2f}x {ratio['processor']:9.2f}x")


if __name__ == "__main__":
    main()
