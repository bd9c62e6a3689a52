"""Processor seconds of one image of 224x224 on the fast back end: ResNet-50 and VGG16, graded at T = 1, binary at T = 8 and T = 32.

Images are noise, of all 8-bit values alike. Weights are Keras's random ones, which for so many layers in a row leave no activity that means
anything. So the statistics of batch normalisation are those of noise, and VGG16, which has none, gets weights and biases that do the same
for whole layers. The mean input then lies `BELOW` deviations below zero, so that about three of ten neurons are active, as in trained
networks. Processor seconds are those of all threads, so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from ecc_lava import QuantisedNetwork, convert, from_keras, quantise, simulate
from ecc_lava.common import Array
from tests.benchmarks.environment import environment
from tests.benchmarks.networks import resnet50, vgg16

BELOW: Final = 0.5
"""Deviations by which the mean input of a ReLU lies below zero: of a normal distribution, 31 % are above."""

SEEN: Final = 8
"""Images of noise on which statistics and lambdas are measured."""

MODELS = {"ResNet-50": resnet50, "VGG16": vgg16}
RUNS = (("graded", 8, 1), ("binary", 1, 8), ("binary", 1, 32))
"""Spikes, payload bits, and T."""


def noise(images: int, seed: int) -> Array:
    """Return images of noise, uint8 (N, 224, 224, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (images, 224, 224, 3), np.uint8)


def normalised(model: Any, x: Array) -> Any:
    """Return the model with statistics, or weights, that keep activity alike in all layers."""
    norms = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    for layer in norms:
        layer.momentum = 0.0  # so that one step of training leaves the statistics of its batch
        layer.beta.assign(np.full(layer.beta.shape, -BELOW, np.float32))
    if norms:
        model(x, training=True)
        return model
    values = x
    for layer in model.layers[1:]:
        if layer.weights:
            kernel, bias = layer.get_weights()
            given, layer.activation = layer.activation, (lambda v: v)
            found = np.asarray(layer(values))
            layer.activation = given
            mean, deviation = found.mean(), found.std()
            layer.set_weights([kernel / deviation, (bias - mean) / deviation - BELOW])
        values = layer(values)
    return model


def networks(name: str) -> Iterator[tuple[str, int, QuantisedNetwork]]:
    """Yield every run of a model with its network; two runs that differ in T alone share it."""
    x = noise(SEEN, 1)
    graph = from_keras(normalised(MODELS[name](), x / np.float32(255)))
    made: dict[int, QuantisedNetwork] = {}
    for spikes, payload_bits, timesteps in RUNS:
        if payload_bits not in made:
            longest = max(t for _, p, t in RUNS if p == payload_bits)
            snn = convert(graph, calibration=x, timesteps=longest, recipe="ecc", payload_bits=payload_bits)
            made[payload_bits] = quantise(snn, format="loihi2")
        yield spikes, timesteps, made[payload_bits]


def measure(network: QuantisedNetwork, timesteps: int, images: int, most_seconds: float) -> dict[str, Any]:
    """Return processor seconds an image and its events, of so many images or of those that begin within so many seconds."""
    x = noise(images, 2)
    simulate(network, x[:1], timesteps=timesteps)  # compiles, and lays the network out
    seconds, spikes, synops, done = 0.0, 0, 0, 0
    neurons = sum(p.neurons for p in network.populations)
    while done < images and seconds < most_seconds:
        before = time.process_time()
        result = simulate(network, x[done : done + 2], timesteps=timesteps, first_sample=done)
        seconds += time.process_time() - before
        spikes += sum(int(counts.sum()) for counts in result.spike_counts.values())
        synops += int(result.events.sum())
        done += result.images
    return {
        "images": done,
        "core_seconds_per_image": seconds / done,
        "synops_per_image": synops / done,
        "spikes_per_neuron_and_step": spikes / done / neurons / timesteps,
        "imagenet_core_hours": seconds / done * 50_000 / 3600,
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--most-seconds", type=float, default=500.0, help="processor seconds of one run")
    parser.add_argument("--only", nargs="*", default=list(MODELS))
    parser.add_argument("--out", type=Path, default=Path("image_cost.json"))
    options = parser.parse_args()
    report: dict[str, Any] = {"environment": environment(), "rows": []}
    for name in options.only:
        for spikes, timesteps, network in networks(name):
            found = measure(network, timesteps, options.images, options.most_seconds)
            report["rows"].append({"network": name, "spikes": spikes, "timesteps": timesteps, **found})
            report["environment"]["load_after"] = os.getloadavg()
            options.out.write_text(json.dumps(report, indent=1) + "\n")
            print(json.dumps(report["rows"][-1]), flush=True)


if __name__ == "__main__":
    main()
