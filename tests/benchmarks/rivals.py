"""The same network in other people's simulators, each on all cores: a TensorFlow loop, a PyTorch loop and SpikingJelly, in float32.

The loops also run with synapses and spikes in bfloat16; potentials stay in float32."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ecc_lava.common.arrays import Array
from ecc_lava.geometry import Conv, Dense
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.networks.wiring import Kind

__all__ = ["RIVALS", "FloatLayer", "float_layers"]


class FloatLayer(NamedTuple):
    """One population with threshold 1: kernel (kh, kw, Cin/groups, Cout) or (inputs, outputs)."""

    spiking: bool
    kernel: Array
    stride: int
    padding: int
    groups: int
    bias: Array
    v_init: Array


def float_layers(network: QuantisedNetwork) -> list[FloatLayer]:
    """Return a chain of populations in float32, normalised to thresholds of 1."""
    layers: list[FloatLayer] = []
    for population in network.populations[1:]:
        (projection,) = network.into(population.name)
        assert projection.source == network.populations[len(layers)].name, "a chain only"
        unit = population.vth.astype(np.float64).ravel() if population.kind is Kind.IF else np.ones(1)
        geometry, factor = projection.geometry, 2.0 ** network.format.shift(projection.exponent) / unit
        stride, padding, groups = 1, 0, 1
        if isinstance(geometry, Conv):
            assert len({*geometry.padding}) == len({*geometry.strides}) == 1 and geometry.dilation == (1, 1) and geometry.gain is None
            stride, padding, groups = geometry.strides[0], geometry.padding[0], geometry.groups
        assert isinstance(geometry, Conv | Dense)
        kernel = (geometry.kernel * factor).astype(np.float32)
        bias, v_init = ((values.ravel() / unit).astype(np.float32) for values in (population.bias, population.v_init))
        layers.append(FloatLayer(population.kind is Kind.IF, kernel, stride, padding, groups, bias, v_init))
    return layers


def _tensorflow(layers: list[FloatLayer], timesteps: int, precision: str = "float32") -> Callable[[Array], Array]:
    import tensorflow as tf

    kernels = {id(layer): tf.constant(layer.kernel, precision) for layer in layers}

    def sums(layer: FloatLayer, x: Any) -> Any:
        return tf.cast(products(layer, tf.cast(x, precision)), tf.float32)

    def products(layer: FloatLayer, x: Any) -> Any:
        kernel = kernels[id(layer)]
        if layer.kernel.ndim == 2:
            return tf.reshape(x, (tf.shape(x)[0], -1)) @ kernel
        pad = "SAME" if layer.padding else "VALID"
        if layer.groups > 1:
            return tf.nn.depthwise_conv2d(x, tf.transpose(kernel, (0, 1, 3, 2)), (1, layer.stride, layer.stride, 1), pad)
        return tf.nn.conv2d(x, kernel, layer.stride, pad)

    @tf.function
    def run(x: Any) -> Any:
        first = sums(layers[0], x) + layers[0].bias
        potentials: list[Any] = [None] * len(layers)
        for step in range(timesteps):
            sent, now = None, []
            for i, layer in enumerate(layers):
                current = first if sent is None else sums(layer, sent) + layer.bias
                v = current + (potentials[i] if step else layer.v_init)
                if layer.spiking:
                    fires = v >= 1.0
                    sent, v = tf.cast(fires, precision), v - tf.cast(fires, tf.float32)
                now.append(v)
            potentials = now
        return potentials[-1]

    return lambda x: run(tf.constant(x)).numpy()


def _torch_weights(layers: list[FloatLayer]) -> list[tuple[Any, Any]]:
    import torch

    made = []
    channels = 0
    for layer in layers:
        if layer.kernel.ndim == 2:
            side = int(np.sqrt(layer.kernel.shape[0] // channels))
            kernel = layer.kernel.reshape(side, side, channels, -1).transpose(3, 2, 0, 1).reshape(layer.kernel.shape[1], -1)
        else:
            kernel = layer.kernel.transpose(3, 2, 0, 1)
        channels = layer.kernel.shape[-1]
        made.append((torch.tensor(np.ascontiguousarray(kernel)), torch.tensor(np.broadcast_to(layer.bias, channels).copy())))
    return made


def _torch_sums(layer: FloatLayer, weights: tuple[Any, Any], x: Any) -> Any:
    import torch

    if layer.kernel.ndim == 2:
        return torch.nn.functional.linear(x.flatten(1), *weights)
    return torch.nn.functional.conv2d(x, *weights, stride=layer.stride, padding=layer.padding, groups=layer.groups)


def _torch_image(x: Array) -> Any:
    import torch

    return torch.tensor(x).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def _v_init(layer: FloatLayer, like: Any) -> Any:
    import torch

    return torch.tensor(layer.v_init).reshape(1, -1, *[1] * (like.ndim - 2))


def _torch(layers: list[FloatLayer], timesteps: int, precision: str = "float32") -> Callable[[Array], Array]:
    import torch

    dtype = getattr(torch, precision)
    weights = [(kernel.to(dtype), bias.to(dtype)) for kernel, bias in _torch_weights(layers)]

    @torch.inference_mode()
    def run(x: Array) -> Array:
        first = _torch_sums(layers[0], weights[0], _torch_image(x).to(dtype)).float()
        potentials: list[Any] = [None] * len(layers)
        for _ in range(timesteps):
            sent = None
            for i, layer in enumerate(layers):
                current = first if sent is None else _torch_sums(layer, weights[i], sent).float()
                v = current + (_v_init(layer, current) if potentials[i] is None else potentials[i])
                if layer.spiking:
                    fires = v >= 1.0
                    sent, v = fires.to(dtype), v - fires.float()
                potentials[i] = v
        return potentials[-1].numpy()

    return run


def _spikingjelly(layers: list[FloatLayer], timesteps: int) -> Callable[[Array], Array]:
    """Layer by layer over all steps at once (its multi-step mode), IF neurons with soft reset."""
    import torch
    from spikingjelly.activation_based import functional, neuron

    weights = _torch_weights(layers)
    nodes = [neuron.IFNode(v_threshold=1.0, v_reset=None, step_mode="m") for _ in layers]

    @torch.inference_mode()
    def run(x: Array) -> Array:
        samples = len(x)
        sent = None
        for layer, weight, node in zip(layers, weights, nodes, strict=True):
            if sent is None:
                current = _torch_sums(layer, weight, _torch_image(x)).unsqueeze(0).expand(timesteps, *[-1] * 4)
            else:
                current = _torch_sums(layer, weight, sent.flatten(0, 1))
                current = current.reshape(timesteps, samples, *current.shape[1:])
            if not layer.spiking:
                return current.sum(0).numpy()
            functional.reset_net(node)
            node.v = (torch.zeros_like(current[0]) + _v_init(layer, current[0])).contiguous()
            sent = node(current)
        raise AssertionError("a network ends with a readout")

    return run


RIVALS: dict[str, Callable[[list[FloatLayer], int], Callable[[Array], Array]]] = {
    "TensorFlow loop": _tensorflow,
    "PyTorch loop": _torch,
    "SpikingJelly": _spikingjelly,
    "TensorFlow loop, bfloat16": partial(_tensorflow, precision="bfloat16"),
    "PyTorch loop, bfloat16": partial(_torch, precision="bfloat16"),
}


def ms_per_image_step(run: Callable[[Array], Array], x: Array, timesteps: int) -> float:
    """Return the milliseconds of one run, an image and step."""
    start = time.perf_counter()
    run(x)
    return (time.perf_counter() - start) * 1e3 / len(x) / timesteps
