"""Write a network as netx's HDF5, as lava-dl 0.6 reads it."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from ecc_lava.common import write_bytes
from ecc_lava.errors import InvalidInput
from ecc_lava.exchange.netx.layers import NetxLayer, NetxNetwork, netx_network
from ecc_lava.exchange.operators import as_map_conv, as_table, channels_first
from ecc_lava.geometry import Conv
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.version import __version__

__all__ = ["to_netx"]

_NO_DECAY: Final = {"iDecay": 4096, "vDecay": 0, "refDelay": 1, "gradedSpike": False}
"""A current that lasts one step, and a potential that lasts."""


def to_netx(network: QuantisedNetwork, path: str | Path) -> NetxNetwork:
    """Write a network as a netx file.

    Populations become `conv` and `dense` layers, all of LOIHI neurons; the input and a flatten stand as layers of their own. Kernels have
    no groups, and zeros where padding differs between sides. The attribute `ecc_lava` of the file has T, the coding, and what lava-dl's
    `hdf5.Network` must be told.

    Parameters
    ----------
    network : QuantisedNetwork
    path : path
        Replaced if it exists.

    Returns
    -------
    NetxNetwork
        What is written; `run_netx` runs it.

    Raises
    ------
    InvalidInput
        For what netx cannot say, all of it named at once with the remedy.
    FileError
        If the file cannot be written.
    """
    import h5py

    found = netx_network(network)
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.attrs["ecc_lava"] = json.dumps(_facts(found))
        layers = file.create_group("layer")
        first = _group(layers, "input")
        first["shape"] = _stored_shape(found.layers[0])
        flat = False
        for layer in found.layers:
            flat = _written(layers, layer, flat)
    write_bytes(path, memory.getvalue())
    return found


def _facts(network: NetxNetwork) -> dict[str, Any]:
    """Return what the format has no field for."""
    return {
        "package": __version__,
        "digest": network.digest,
        "timesteps": network.timesteps,
        "coding": asdict(network.coding),
        "Network": {"input_message_bits": network.message_bits, "reset_interval": network.timesteps, "reset_offset": 1},
        "populations": [layer.name for layer in network.layers],
    }


def _stored_shape(layer: NetxLayer) -> np.ndarray[Any, Any]:
    height, width, channels = layer.source
    return np.array([channels, height, width])


def _group(layers: Any, kind: str) -> Any:
    group = layers.create_group(str(len(layers)))
    group["type"] = np.array([kind.encode()], "S10")
    return group


def _written(layers: Any, layer: NetxLayer, flat: bool) -> bool:
    """Write one layer; return whether the next reads a vector."""
    conv = as_map_conv(layer.geometry, layer.source) if isinstance(layer.geometry, Conv) and not flat else None
    if conv is None:
        if not flat:
            _group(layers, "flatten")
        if layer.shape[:2] != (1, 1):
            raise InvalidInput(
                f"netx cannot say population {layer.name!r}: a map behind a dense layer; use a model whose last layers are dense"
            )
        group = _group(layers, "dense")
        weight = as_table(layer.geometry, layer.source, f"into {layer.name!r}")
        group["inFeatures"], group["outFeatures"] = weight.shape[1], weight.shape[0]
        group["shape"] = np.array([weight.shape[0]])
        group["bias"] = channels_first(layer.bias, layer.shape).ravel().astype(np.int32)
    else:
        group = _group(layers, "conv")
        weight, (height, width, channels) = conv.weight, layer.shape
        group["inChannels"], group["outChannels"], group["kernelSize"] = weight.shape[1], weight.shape[0], np.array(weight.shape[2:])
        group["shape"] = np.array([channels, height, width])
        group["stride"], group["padding"], group["dilation"] = np.array(conv.strides), np.array(conv.padding), np.array([1, 1])
        group["groups"] = 1
        by_channel = layer.bias.shape[:2] == (1, 1)
        bias = np.broadcast_to(layer.bias, (1, 1, channels)).ravel() if by_channel else layer.bias.transpose(1, 0, 2)
        group["bias"] = bias.astype(np.int32)
    group["weight"] = weight.astype(np.int32)
    neuron = group.create_group("neuron")
    neuron["type"] = np.array([b"LOIHI"], "S10")
    for name, value in {**_NO_DECAY, "vThMant": layer.threshold}.items():
        neuron[name] = value
    return flat or conv is None
