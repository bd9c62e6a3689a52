"""Rueckauer's spiking max-pool, in float: a gate passes the spikes of the input that has fired most so far.

A reference, not a network that a chip of this project could hold: a gate knows the rates of all its inputs, and switches synapses by
them. A Keras model runs as it is, at every timestep, but that its ReLUs are integrate-and-fire neurons, its max-pools gates, and its input
the image itself. A neuron's spike is worth lambda, a percentile of its channel's activation; it resets by subtraction and starts at half
lambda.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ecc_lava.common import Array, Float

__all__ = ["fire", "gated_logits", "gated_pool"]


def fire(currents: Array, lambda_: Array) -> Array:
    """Return what integrate-and-fire neurons send, lambda or 0, at each step of their input, (T, N, H, W, C)."""
    v = np.broadcast_to(lambda_ / 2, currents.shape[1:]).astype(np.float32)
    sent = np.empty_like(currents)
    for step, current in enumerate(currents):
        v = v + current
        sent[step] = np.where(v >= lambda_, lambda_, 0)
        v = v - sent[step]
    return sent


def gated_pool(spikes: Array, size: tuple[int, int], strides: tuple[int, int], padding: tuple[int, int, int, int]) -> Array:
    """Return the spikes that gates pass, (T, N, H', W', C): in each window those of the input that has fired most, the first of equals.

    Parameters
    ----------
    spikes : array (T, N, H, W, C)
    size, strides : of the windows
    padding : top, bottom, left, right; no input there ever passes
    """
    top, bottom, left, right = padding
    around = ((0, 0), (0, 0), (top, bottom), (left, right), (0, 0))
    fired = np.pad(np.cumsum(spikes, axis=0), around, constant_values=-1)
    padded = np.pad(spikes, around)
    rows, columns = ((n - k) // s + 1 for n, k, s in zip(padded.shape[2:4], size, strides, strict=True))
    most = passed = np.empty(0)
    for row, column in np.ndindex(size):
        tap = (
            slice(None),
            slice(None),
            slice(row, row + rows * strides[0], strides[0]),
            slice(column, column + columns * strides[1], strides[1]),
        )
        if row == column == 0:
            most, passed = fired[tap], padded[tap]
        else:
            passed, most = np.where(fired[tap] > most, padded[tap], passed), np.maximum(fired[tap], most)
    return passed


def gated_logits(model: Any, calibration: Array, images: Array, timesteps: int, percentile: float = 99.9, batch: int = 25) -> Float:
    """Return the logits after each timestep, (N, T, K), of a Keras model of this folder (`inception`) that spikes.

    Parameters
    ----------
    model : a Keras model of `inception`; average pools stay what they are, sums of spikes
    calibration, images : float arrays (N, H, W, C), as the model takes them
    timesteps : int
    percentile : float
        Of the calibration images' activations, which lambda of a channel is.
    batch : int
        Images that run together.
    """
    lambdas = _lambdas(model, calibration, percentile)
    spiking = _spiking(model, lambdas, timesteps)
    found = []
    for first in range(0, len(images), batch):
        part = images[first : first + batch]
        steps = np.broadcast_to(part, (timesteps, *part.shape)).reshape(-1, *part.shape[1:])
        each = np.asarray(spiking(steps)).reshape(timesteps, len(part), -1)
        found.append(np.cumsum(each, axis=0).transpose(1, 0, 2) / np.arange(1, timesteps + 1)[:, None])
    return np.concatenate(found)


def _lambdas(model: Any, calibration: Array, percentile: float) -> dict[str, Array]:
    """Return a percentile of each channel's activation, by the name of its ReLU."""
    import keras

    relus = [layer for layer in model.layers if isinstance(layer, keras.layers.ReLU)]
    activations = keras.Model(model.inputs, [layer.output for layer in relus]).predict(calibration, verbose=0)
    found = {}
    for layer, values in zip(relus, activations, strict=True):
        scale = np.percentile(values, percentile, axis=(0, 1, 2)).astype(np.float32)
        found[layer.name] = np.where(scale > 1e-6 * scale.max(), scale, scale.max())
    return found


def _spiking(model: Any, lambdas: dict[str, Array], timesteps: int) -> Any:
    """Return the model with neurons and gates, whose batch is T times N, step by step, and whose last layer has no softmax."""
    import keras

    class Neurons(keras.layers.Layer):  # type: ignore[misc]
        def compute_output_shape(self, shape: Any) -> Any:
            return shape

        def call(self, x: Any) -> Any:
            values = np.asarray(x)
            return fire(values.reshape(timesteps, -1, *values.shape[1:]), lambdas[self.name]).reshape(values.shape)

    class Gates(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, pool: Any) -> None:
            super().__init__(name=pool.name)
            self.pool = pool

        def compute_output_shape(self, shape: Any) -> Any:
            return self.pool.compute_output_shape(shape)

        def call(self, x: Any) -> Any:
            values = np.asarray(x)
            around = [(size - 1) // 2 if self.pool.padding == "same" else 0 for size in self.pool.pool_size]
            assert self.pool.padding != "same" or self.pool.strides == (1, 1), "same windows of stride 1 alone"
            padding = (around[0], around[0], around[1], around[1])
            spikes = values.reshape(timesteps, -1, *values.shape[1:])
            passed = gated_pool(spikes, self.pool.pool_size, self.pool.strides, padding)
            return passed.reshape(-1, *passed.shape[2:])

    def spiking(layer: Any) -> Any:
        if isinstance(layer, keras.layers.ReLU):
            return Neurons(name=layer.name)
        if isinstance(layer, keras.layers.MaxPooling2D):
            return Gates(layer)
        settings = layer.get_config()
        if layer is model.layers[-1]:
            settings["activation"] = None
        return type(layer).from_config(settings)

    made = keras.models.clone_model(model, clone_function=spiking)
    made.set_weights(model.get_weights())
    return made
