"""Convolutions estimated from image markers (FLIM), without backpropagation.

Strokes are drawn on a few images. A layer standardises its channels by the mean and deviation of the marked pixels of all images. The
patches under each stroke are clustered, and each centre, at unit length, is a filter. A ReLU and a max-pool follow. The next layer takes
its patches from the output of this one, under the same strokes.

Source: de Souza and Falcao, "Learning CNN Filters from User-Drawn Image Markers for Coconut-Tree Image Classification", SIBGRAPI 2020
(arXiv 2008.03549); the method is Feature Learning from Image Markers. There a person draws, and the filters are reduced to a chosen
number. Here a rule draws, and every centre is a filter.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans

__all__ = ["encoder", "estimate", "images", "marked_patches", "strokes"]

EPSILON = 1e-3
"""Least variance of a channel under the markers, where activations are of the order of 1."""


def images(name):
    """Return x_train, y_train, x_test, y_test of `name`.npz, images uint8 (N, H, W, C).

    The folder is ECC_LAVA_DATA's, or shared/data beside the project. Without it scikit-learn's digits stand in: enlarged to 28x28 for
    "mnist", and cut out of one photograph and laid over another for "cifar10".
    """
    file = Path(os.environ.get("ECC_LAVA_DATA", Path(__file__).parents[2] / "shared" / "data")) / f"{name}.npz"
    if file.is_file():
        with np.load(file) as stored:
            x_train, y_train, x_test, y_test = (stored[key] for key in ("x_train", "y_train", "x_test", "y_test"))
    else:
        x_train, y_train, x_test, y_test = _stand_in(colour=name == "cifar10")
    grey = x_train.ndim == 3
    return (x_train[..., None] if grey else x_train), y_train.ravel(), (x_test[..., None] if grey else x_test), y_test.ravel()


def _stand_in(colour):
    from sklearn.datasets import load_digits, load_sample_images

    digits = load_digits()
    x, y = digits.images, digits.target
    x = np.pad((x * 15.9).astype(np.uint8).repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2)))
    if colour:
        under, over = (p[:384].reshape(12, 32, 20, 32, 3).swapaxes(1, 2).reshape(-1, 32, 32, 3) for p in load_sample_images().images)
        share = np.pad(x, ((0, 0), (2, 2), (2, 2)))[..., None] / 255
        turn = np.arange(len(x)) * 7 % len(under)
        x = (share * over[turn] + (1 - share) * under[turn] // 3).astype(np.uint8)
    return x[:1300], y[:1300], x[1300:], y[1300:]


def strokes(pictures, seed, length=12):
    """Return the markers of pictures (N, H, W, C), uint8: for each the (row, column) of its pixels, (length, 2).

    The rule: a stroke starts at a pixel drawn with probability proportional to the squared gradient of the brightness, away from the frame,
    and walks `length` pixels, each time to the neighbour with the largest gradient that it has not visited.
    """
    rng = np.random.default_rng(seed)
    return [_stroke(picture.astype(float).mean(axis=2), rng, length) for picture in pictures]


def _stroke(brightness, rng, length):
    edge = np.hypot(*np.gradient(brightness)) ** 2 + 1e-9
    edge[[0, 1, -2, -1]] = edge[:, [0, 1, -2, -1]] = 0  # patches reach over the frame there
    path = [np.unravel_index(rng.choice(edge.size, p=edge.ravel() / edge.sum()), edge.shape)]
    while len(path) < length:
        edge[path[-1]] = -1
        around = path[-1] + np.array([(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if r or c])
        around = around.clip(0, np.array(edge.shape) - 1)
        path.append(tuple(around[edge[tuple(around.T)].argmax()]))
    return np.array(path)


def marked_patches(maps, markers, size, stride=1):
    """Return for each map (H, W, C) its patches under the marker, (pixels, size, size, C), zeros around the map.

    Markers are in pixels of the image; `stride` is how many of them make a pixel of the map.
    """
    before = (size - 1) // 2
    padded = np.pad(maps, ((0, 0), (before, size - 1 - before), (before, size - 1 - before), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))  # (N, H, W, C, size, size)
    found = [np.unique(np.minimum(marker // stride, np.array(maps.shape[1:3]) - 1), axis=0) for marker in markers]
    return [windows[n, at[:, 0], at[:, 1]].transpose(0, 2, 3, 1) for n, at in enumerate(found)]


def estimate(patches, clusters, seed):
    """Return the filters (size, size, C, number) of standardised patches: the centres of each marker, at unit length."""
    centres = [KMeans(min(clusters, len(p)), n_init=4, random_state=seed).fit(p.reshape(len(p), -1)).cluster_centers_ for p in patches]
    filters = np.concatenate(centres)
    filters = filters / np.linalg.norm(filters, axis=1, keepdims=True).clip(1e-9)
    return np.moveaxis(filters.reshape(len(filters), *patches[0].shape[1:]), 0, -1)


def encoder(pictures, markers, layers, seed):
    """Return the Keras model of images in 0..1: for each (size, clusters) of `layers` a standardisation, a convolution and a max-pool."""
    import keras

    model = keras.Sequential([keras.Input(pictures.shape[1:])])
    maps = pictures.astype(np.float32) / 255
    for size, clusters in layers:
        stride = pictures.shape[1] // maps.shape[1]
        pixels = np.concatenate(marked_patches(maps, markers, 1, stride)).reshape(-1, maps.shape[-1])
        mean, deviation = pixels.mean(axis=0), np.sqrt(pixels.var(axis=0) + EPSILON)
        filters = estimate(marked_patches((maps - mean) / deviation, markers, size, stride), clusters, seed)
        block = [
            keras.layers.Rescaling((1 / deviation).tolist(), (-mean / deviation).tolist()),
            keras.layers.Conv2D(filters.shape[-1], size, padding="same", use_bias=False, activation="relu"),
            keras.layers.MaxPooling2D(2),
        ]
        for layer in block:
            model.add(layer)
        block[1].set_weights([filters])
        for layer in block:
            maps = np.asarray(layer(maps))
    return model
