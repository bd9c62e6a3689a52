"""Layers of HGQ2: the weights as their quantisers round them, and quantisers of what is not negative."""

from __future__ import annotations

import logging
from typing import Any, Final

import numpy as np

from ecc_lava.common import Array
from ecc_lava.geometry import WeightGrid
from ecc_lava.importers.keras.call import Call, Refused, laid_for
from ecc_lava.importers.keras.handlers.activations import activated
from ecc_lava.importers.keras.handlers.convolutions import laid_conv, on_last_axis
from ecc_lava.importers.keras.handlers.rounded import on_steps
from ecc_lava.importers.keras.tensors import Tensor

__all__ = ["conv", "dense", "quantizer"]

SUPPORT: Final = ("HGQ2", "fixed-point weights of any widths; quantisers of ReLUs of one width for the whole tensor")
"""Title and limits of these layers in the table of supported layers."""

_log = logging.getLogger(__name__)

_HALVES_UP: Final = {"RND": True, "RND_CONV": False}
"""Rounding of a quantiser -> whether halves go up, not to the even number."""


def _fixed_point(quantiser: Any) -> tuple[Array, Array, Array]:
    """Return sign, integer and fraction bits of a quantiser."""
    if not hasattr(quantiser.quantizer, "kif"):
        raise Refused(f"its quantiser {quantiser.name} makes floats; use the types kbi or kif")
    if quantiser.scaler is not None or quantiser.affine is not None:
        raise Refused(f"its quantiser {quantiser.name} scales or shifts; leave scaler and affine out")
    keep, whole, fraction = (np.asarray(bits, np.float64) for bits in quantiser.quantizer.kif)
    return keep, whole, fraction


def _weights(layer: Any) -> tuple[Array, WeightGrid]:
    """Return the kernel (..., C) as the layer uses it, and its grid."""
    keep, whole, fraction = _fixed_point(layer.kq)
    kernel = np.asarray(layer.qkernel)
    bits = np.broadcast_to(keep + whole + fraction, kernel.shape)[kernel != 0].max(initial=2)
    return on_steps(kernel, 2.0**-fraction, int(bits))


def _read(call: Call) -> Tensor:
    """Return what a layer reads, after its own quantiser of inputs."""
    return quantised(call, call.input, call.layer.iq) if call.layer.enable_iq else call.input


def _answered(call: Call, y: Tensor) -> Tensor:
    """Return y after a layer's activation and its own quantiser of outputs."""
    layer = call.layer
    y = y if layer.activation is None else activated(call, y, layer.activation)
    return quantised(call, y, layer.oq) if layer.enable_oq else y


def _bias(layer: Any) -> Array | None:
    return None if layer.bias is None else np.asarray(layer.qbias, np.float32)


def dense(call: Call) -> Tensor:
    """Convert QDense."""
    kernel, grid = _weights(call.layer)
    return _answered(call, on_last_axis(call, _read(call), kernel, _bias(call.layer), grid))


def conv(call: Call) -> Tensor:
    """Convert QConv1D and QConv2D."""
    layer = call.layer
    kernel, grid = _weights(layer)
    kernel = kernel[None] if kernel.ndim == 3 else kernel
    call.inputs = (_read(call),)
    x = laid_for(call)
    return _answered(call, call.linear(x, laid_conv(layer, x, kernel, layer.groups), _bias(layer), grid))


def quantizer(call: Call) -> Tensor:
    """Convert a Quantizer that is a layer of its own."""
    return quantised(call, call.input, call.layer)


def quantised(call: Call, x: Tensor, quantiser: Any) -> Tensor:
    """Return x limited and rounded: of a quantiser without sign ``clip(round(x / step), 0, 2**bits - 1) * step``, step = 2**-fraction.

    Raises
    ------
    Refused
        If the quantiser keeps negative numbers, has several widths, or neither rounds to the nearest step.
    """
    keep, whole, fraction = _fixed_point(quantiser)
    fixed, name = quantiser.quantizer, quantiser.name
    if keep.any():
        raise Refused(f"its quantiser {name} keeps negative numbers, which is no ReLU; give it k0=0 after a ReLU, or leave it out")
    if np.ptp(whole) or np.ptp(fraction):
        raise Refused(f"its quantiser {name} has a width for each neuron; give it all axes as homogeneous_axis")
    if fixed.round_mode not in _HALVES_UP:
        raise Refused(f"its quantiser {name} rounds by {fixed.round_mode}; use {' or '.join(_HALVES_UP)}")
    bits = int(whole.flat[0] + fraction.flat[0])
    if bits < 1:
        raise Refused(f"its quantiser {name} has {bits} bits, so that nothing passes; give it at least 1")
    if fixed.overflow_mode == "WRAP":
        _log.info("%s: what overflows the quantiser %s wraps around in HGQ2, and is limited here", call.name, name)
    return call.relu(x, (2.0**bits - 1) * 2.0 ** -float(fraction.flat[0]), bits, _HALVES_UP[fixed.round_mode])
