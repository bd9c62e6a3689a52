"""Files as Larq writes them, made without Larq, and what its layers compute, in plain NumPy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ecc_lava.common import Array

__all__ = ["conv", "layer", "quantiser", "sign", "write"]


def quantiser(kind: str, **settings: Any) -> dict[str, Any]:
    """Return a quantiser as Larq 0.14 describes it."""
    config = {"name": kind.lower(), "trainable": True, "dtype": "float32", **settings}
    return {"module": "larq.quantizers", "class_name": kind, "config": config, "registered_name": kind}


def layer(kind: str, name: str, **settings: Any) -> dict[str, Any]:
    """Return a layer as Keras 2 describes it in an HDF5 file."""
    return {"class_name": kind, "config": {"name": name, "trainable": True, "dtype": "float32", **settings}}


def write(path: Path, shape: Sequence[int | None], layers: Sequence[dict[str, Any]], weights: Mapping[str, Mapping[str, Array]]) -> Path:
    """Write a sequential model; `weights` are those of the layers by name, in the order of Keras."""
    first = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, *shape], "dtype": "float32", "name": "image"}}
    described = {"class_name": "Sequential", "config": {"name": "model", "layers": [first, *layers]}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(described), "2.15.0"
        group = file.create_group("model_weights")
        names = [described["config"]["name"] for described in layers]
        group.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            held = weights.get(name, {})
            own = group.create_group(name)
            own.attrs["weight_names"] = [f"{name}/{variable}:0".encode() for variable in held]
            for variable, values in held.items():
                own[f"{name}/{variable}:0"] = values.astype(np.float32)
    return path


def sign(x: Array) -> Array:
    """Return -1 below 0, else 1."""
    return np.where(x >= 0, 1.0, -1.0)


def conv(x: Array, kernel: Array, stride: int = 1, pad: float | None = None) -> Array:
    """Return a convolution (N, H, W, C) of a kernel (kh, kw, C, M); `pad` is the value around a map of the same size, None for none."""
    size = kernel.shape[0]
    if pad is not None:
        totals = [max((-(-n // stride) - 1) * stride + size - n, 0) for n in x.shape[1:3]]
        x = np.pad(x, ((0, 0), *((total // 2, total - total // 2) for total in totals), (0, 0)), constant_values=pad)
    rows, columns = (n - size + 1 for n in x.shape[1:3])
    taps = ((i, j, x[:, i : i + rows : stride, j : j + columns : stride]) for i in range(size) for j in range(size))
    found: Array = sum(part @ kernel[i, j] for i, j, part in taps)
    return found
