"""Train the embedding of the Siamese tracker, and write it as a Keras file.

    uv run python tests/benchmarks/embedding.py --data FOLDER [--out notebooks/siamese_embedding.keras] [--steps 3000]

A pair is an exemplar and a search window of one sequence, cut as the tracker cuts them, with the object up to 14 pixels from the middle
of the search window and a size up to 10 % off. The loss is logistic on every cell of the response: 1 within 5 pixels of the object, falling
to 0 at 9. Sequences are made of the first 8,000 CIFAR-10 training images; the other 2,000 make those on which anything is chosen.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecc_lava.common import Array
from ecc_lava.tracking import Following, moving_object, pixel_size, windows_at

EXEMPLAR, SEARCH, STRIDE, CELLS = 32, 64, 4, 9
TRAINING_IMAGES = 8000
FRAMES, PAIRS = 24, 12
"""Frames and pairs of a sequence."""

BATCH = 32


class Pairs(NamedTuple):
    """Exemplars (N, 32, 32, 3), search windows (N, 64, 64, 3), and where the object is, in pixels from the window's middle (N, 2)."""

    exemplars: Array
    windows: Array
    places: Array


def pairs(images: Array, sequences: int, seed: int = 0) -> Pairs:
    """Return pairs of so many sequences."""
    rng, context = np.random.default_rng(seed), Following().context
    exemplars: list[Array] = []
    windows: list[Array] = []
    places: list[Array] = []
    for number in range(sequences):
        sequence = moving_object(images, number, FRAMES)
        for first, then in rng.integers(0, FRAMES, (PAIRS, 2)):
            for at, size, found in ((first, EXEMPLAR, exemplars), (then, SEARCH, windows)):
                x, y, width, height = sequence.boxes[at]
                pixel, moved = pixel_size((x, y, width, height), (EXEMPLAR, EXEMPLAR), context), np.zeros(2)
                if size == SEARCH:
                    pixel *= np.exp(rng.uniform(-0.1, 0.1))
                    moved = rng.uniform(-14, 14, 2)
                    places.append(moved)
                centre = (x + width / 2 - moved[0] * pixel, y + height / 2 - moved[1] * pixel)
                found.append(windows_at(sequence.frames[at], centre, [pixel], (size, size))[0])
    return Pairs(np.array(exemplars), np.array(windows), np.array(places, np.float32))


def embedding() -> Any:
    """Return the untrained model: four convolutions without padding, each with batch normalisation and ReLU."""
    import keras

    x = given = keras.Input((None, None, 3), name="window")
    for channels, size, stride in ((16, 5, 2), (32, 3, 1), (48, 3, 2), (48, 3, 1)):
        x = keras.layers.Conv2D(channels, size, strides=stride, use_bias=False)(x)
        x = keras.layers.BatchNormalization(momentum=0.95)(x)
        x = keras.layers.ReLU()(x)
    return keras.Model(given, x)


def responses(model: Any, exemplars: Any, windows: Any) -> Any:
    """Return the correlation of both embeddings, (N, 9, 9): one depthwise convolution over all pairs and channels."""
    import tensorflow as tf

    kernels, features = (tf.transpose(model(x, training=True), (1, 2, 0, 3)) for x in (exemplars, windows))
    (rows, columns, number, channels), (height, width) = kernels.shape, features.shape[:2]
    maps = tf.reshape(features, (1, height, width, number * channels))
    found = tf.nn.depthwise_conv2d(maps, tf.reshape(kernels, (rows, columns, number * channels, 1)), (1, 1, 1, 1), "VALID")
    return tf.transpose(tf.reduce_sum(tf.reshape(found, (CELLS, CELLS, number, channels)), axis=3), (2, 0, 1))


def train(model: Any, data: Pairs, steps: int) -> None:
    """Train a model in place."""
    import keras
    import tensorflow as tf

    scale, bias = tf.Variable(0.01), tf.Variable(0.0)
    weights = [*model.trainable_variables, scale, bias]
    optimiser = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps))
    optimiser.build(weights)
    cells = ((np.arange(CELLS) - CELLS // 2) * STRIDE).astype(np.float32)

    def step(exemplars: Any, windows: Any, places: Any) -> Any:
        away = tf.sqrt((cells[None, None, :] - places[:, 0, None, None]) ** 2 + (cells[None, :, None] - places[:, 1, None, None]) ** 2)
        wanted = tf.clip_by_value((9.0 - away) / 4.0, 0.0, 1.0)
        near = tf.cast(wanted > 0.5, tf.float32)
        number = tf.reduce_sum(near, (1, 2), keepdims=True)
        share = 0.5 * near / tf.maximum(number, 1.0) + 0.5 * (1.0 - near) / (CELLS**2 - number)  # both kinds of cells weigh the same
        with tf.GradientTape() as tape:
            logits = responses(model, exemplars, windows) * scale + bias
            every = tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=logits)
            loss = tf.reduce_mean(tf.reduce_sum(every * share, (1, 2)))
        optimiser.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        found = tf.reduce_max(tf.where(logits >= tf.reduce_max(logits, (1, 2), keepdims=True), -away, -1e9), (1, 2))
        return loss, tf.reduce_mean(tf.cast(found > -4.0, tf.float32))

    compiled, rng, told, began = tf.function(step, autograph=False), np.random.default_rng(0), [], time.perf_counter()
    for number in range(1, steps + 1):
        chosen = rng.choice(len(data.places), BATCH, replace=False)
        exemplars, windows = ((array[chosen] / 255.0).astype(np.float32) for array in data[:2])
        told.append([float(value) for value in compiled(exemplars, windows, data.places[chosen])])
        if number % 500 == 0 or number == steps:
            loss, hits = np.mean(told[-500:], axis=0)
            print(f"step {number}: loss {loss:.3f}, object found {100 * hits:.1f} %, {time.perf_counter() - began:.0f} s", flush=True)


def main() -> None:
    """Train and write."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "notebooks" / "siamese_embedding.keras")
    options.add_argument("--sequences", type=int, default=1500)
    options.add_argument("--steps", type=int, default=3000)
    given = options.parse_args()
    import keras

    keras.utils.set_random_seed(0)
    with np.load(given.data / "cifar10.npz", allow_pickle=False) as stored:
        data = pairs(stored["x_train"][:TRAINING_IMAGES], given.sequences)
    print(f"{len(data.places)} pairs", flush=True)
    model = embedding()
    train(model, data, given.steps)
    model.save(given.out)
    print(f"written: {given.out}, {given.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
