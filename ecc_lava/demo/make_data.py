"""Make the demo's model and images: `python -m ecc_lava.demo.make_data` (needs scikit-learn; the package ships the result).

Scikit-learn's 1,797 handwritten digits of 8x8 pixels, split ``train_test_split(test_size=360, random_state=0, stratify=y)``, stored as
uint8. The CNN is trained on the 1,437 training images with one pixel of random shift; 256 of them, without labels, are the calibration
images. No choice depends on the test images.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ecc_lava.common import Array

FOLDER = Path(__file__).parent / "digits"
SEED = 0
CALIBRATION = 256
EPOCHS = 60


def digits() -> tuple[Array, Array, Array, Array]:
    """Return x_train, x_test (uint8, (N, 8, 8, 1)), y_train, y_test."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    images = np.rint(data.images[..., None] * (255.0 / 16.0)).astype(np.uint8)
    x_train, x_test, y_train, y_test = train_test_split(images, data.target, test_size=360, random_state=SEED, stratify=data.target)
    return x_train, x_test, y_train.astype(np.uint8), y_test.astype(np.uint8)


def model() -> Any:
    """Return the untrained CNN: two 3x3 convolutions with BN and ReLU, each followed by average pooling, and two dense layers."""
    import keras
    from keras import layers

    inputs = keras.Input((8, 8, 1), name="image")
    x = inputs
    for index, channels in enumerate((16, 32)):
        x = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"conv{index}")(x)
        x = layers.BatchNormalization(name=f"bn{index}")(x)
        x = layers.ReLU(name=f"relu{index}")(x)
        x = layers.AveragePooling2D(2, name=f"pool{index}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(64, activation="relu", name="dense")(x)
    x = layers.Dropout(0.3, name="dropout")(x)
    outputs = layers.Dense(10, activation="softmax", name="digit")(x)
    return keras.Model(inputs, outputs, name="digits_cnn")


def main() -> None:
    """Train the model and write `digits_cnn.keras` and `digits.npz`."""
    import keras

    keras.utils.set_random_seed(SEED)
    x_train, x_test, y_train, y_test = digits()
    net = model()
    net.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    rng = np.random.default_rng(SEED)
    for epoch in range(EPOCHS):
        net.optimizer.learning_rate = 2e-3 * 0.5 * (1.0 + np.cos(np.pi * epoch / EPOCHS))
        shifts = rng.integers(-1, 2, (len(x_train), 2))
        padded = np.pad(x_train, ((0, 0), (1, 1), (1, 1), (0, 0)))
        moved = np.stack([image[1 + dy : 9 + dy, 1 + dx : 9 + dx] for image, (dy, dx) in zip(padded, shifts, strict=True)])
        net.fit(moved / 255.0, y_train, batch_size=64, epochs=1, verbose=0)
    FOLDER.mkdir(exist_ok=True)
    trained = model()  # without the optimizer's state
    trained.set_weights(net.get_weights())
    trained.save(FOLDER / "digits_cnn.keras")
    chosen = np.sort(np.random.Generator(np.random.Philox(SEED)).choice(len(x_train), CALIBRATION, replace=False))
    np.savez_compressed(FOLDER / "digits.npz", x_train=x_train[chosen], x_test=x_test, y_test=y_test)


if __name__ == "__main__":
    main()
