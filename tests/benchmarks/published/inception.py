"""A small network of Inception modules (Szegedy et al. 2015) for CIFAR-10, with max-pools or, trained the same way, with average pools.

    uv run python -m tests.benchmarks.published.inception --data FOLDER [--pool max|average] [--epochs 20] [--seed 0]

Training takes the first 9,000 of the 10,000 training images and prints the accuracy on the other 1,000; no test image is read. The weights
are rounded to half precision and kept beside this file, because training gives other weights on another processor, and a table must be of
the network that it names.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from ecc_lava.common import Array

__all__ = ["POOLS", "inception", "trained", "weights_file"]

POOLS = ("max", "average")

TRAINING_IMAGES = 9000

MODULES = ((32, (24, 48), (8, 24), 16), (40, (32, 64), (12, 32), 24), (56, (48, 96), (16, 48), 40))
"""Channels of each module: of the 1x1 convolution, of the 3x3 one and the 1x1 before it, of the 5x5 one likewise, and behind the pool."""


def inception(pool: str) -> Any:
    """Return the untrained model: a convolution, three modules, two pools between them, and a global average before the classes."""
    import keras
    from keras import layers as kl

    pooled = {"max": kl.MaxPooling2D, "average": kl.AveragePooling2D}[pool]

    def convolved(x: Any, channels: int, size: int) -> Any:
        x = kl.Conv2D(channels, size, padding="same", use_bias=False)(x)
        return kl.ReLU()(kl.BatchNormalization(momentum=0.95, epsilon=1e-3)(x))

    def module(x: Any, single: int, three: tuple[int, int], five: tuple[int, int], behind: int) -> Any:
        branches = [convolved(x, single, 1)]
        branches += [convolved(convolved(x, before, 1), then, size) for (before, then), size in ((three, 3), (five, 5))]
        branches.append(convolved(pooled(3, strides=1, padding="same")(x), behind, 1))
        return kl.Concatenate()(branches)

    x = image = keras.Input((32, 32, 3))
    x = pooled(2)(convolved(x, 32, 3))
    x = module(module(x, *MODULES[0]), *MODULES[1])
    x = module(pooled(2)(x), *MODULES[2])
    return keras.Model(image, kl.Dense(10, activation="softmax")(kl.GlobalAveragePooling2D()(x)))


def weights_file(pool: str) -> Path:
    """Return where the trained weights are kept."""
    return Path(__file__).with_name(f"inception_{pool}.npz")


def trained(pool: str) -> Any:
    """Return the trained model."""
    model = inception(pool)
    with np.load(weights_file(pool), allow_pickle=False) as stored:
        model.set_weights([stored[str(number)].astype(np.float32) for number in range(len(stored.files))])
    return model


def augmented(images: Array, rng: np.random.Generator) -> Array:
    """Return images of [0, 1], each moved by up to 4 pixels and mirrored at random."""
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)))
    down, right = rng.integers(0, 9, (2, len(images), 1, 1))
    rows, columns = np.arange(32)[:, None], np.arange(32)
    moved = padded[np.arange(len(images))[:, None, None], down + rows, right + columns]
    mirrored = np.where(rng.integers(0, 2, len(images)).astype(bool)[:, None, None, None], moved[:, :, ::-1], moved)
    return (mirrored / 255.0).astype(np.float32)


def train(model: Any, images: Array, labels: Array, epochs: int, seed: int, batch: int = 64) -> None:
    """Train a model in place."""
    import keras

    rng, began = np.random.default_rng(seed), time.perf_counter()
    learnt, held = (slice(TRAINING_IMAGES), slice(TRAINING_IMAGES, None))
    steps = epochs * -(-TRAINING_IMAGES // batch)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps - steps // 10, warmup_target=4e-3, warmup_steps=steps // 10)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    for epoch in range(1, epochs + 1):
        order = rng.permutation(TRAINING_IMAGES)
        told = model.fit(augmented(images[learnt][order], rng), labels[learnt][order], batch, shuffle=False, verbose=0).history
        if epoch % 2 == 0 or epoch == epochs:
            accuracy = model.evaluate((images[held] / 255.0).astype(np.float32), labels[held], verbose=0)[1]
            what = f"loss {told['loss'][0]:.3f}, held-out accuracy {100 * accuracy:.1f} %"
            print(f"epoch {epoch}: {what}, {time.perf_counter() - began:.0f} s", flush=True)


def main() -> None:
    """Train and write."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--pool", choices=POOLS, default="max")
    options.add_argument("--epochs", type=int, default=20)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    import keras

    keras.utils.set_random_seed(given.seed)
    model = inception(given.pool)
    with np.load(given.data / "cifar10.npz", allow_pickle=False) as stored:
        train(model, stored["x_train"], stored["y_train"].ravel(), given.epochs, given.seed)
    path = weights_file(given.pool)
    np.savez_compressed(path, **{str(number): array.astype(np.float16) for number, array in enumerate(model.get_weights())})
    print(f"written: {path}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
