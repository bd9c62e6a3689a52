"""Write a model of Larq, and what it computes, into a folder: `TF_USE_LEGACY_KERAS=1 python -m tests.helpers.larq_models FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["model", "write"]


def model() -> Any:
    """Return a model of Larq's layers with drawn weights, zeros among them."""
    import larq as lq
    import tensorflow as tf

    layers, signs = tf.keras.layers, {"kernel_quantizer": "ste_sign", "kernel_constraint": "weight_clip", "use_bias": False}
    same = {"padding": "same", "input_quantizer": "swish_sign"}
    made = tf.keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            lq.layers.QuantConv2D(4, 3, **signs),
            layers.BatchNormalization(),
            lq.layers.QuantConv2D(4, 3, padding="same", pad_values=1.0, input_quantizer="ste_sign", strides=2, **signs),
            layers.BatchNormalization(),
            lq.quantizers.ApproxSign(),
            lq.layers.QuantDepthwiseConv2D(2, depthwise_quantizer="ste_tern", input_quantizer="ste_heaviside"),
            lq.layers.QuantSeparableConv2D(6, 3, pad_values=-1.0, depthwise_quantizer="ste_sign", pointwise_quantizer="ste_sign", **same),
            layers.Flatten(),
            lq.layers.QuantDense(7, input_quantizer="dorefa_quantizer", kernel_quantizer=lq.quantizers.DoReFa(3, "weights")),
            lq.layers.QuantDense(5, input_quantizer=lq.quantizers.SteTern(0.5), kernel_quantizer="magnitude_aware_sign"),
        ]
    )
    rng = np.random.default_rng(0)
    for layer in made.layers:
        drawn = [rng.uniform(-1, 1, weight.shape) * (rng.random(weight.shape) > 0.1) for weight in layer.get_weights()]
        layer.set_weights([*drawn[:3], np.abs(drawn[3]) + 0.5] if len(drawn) == 4 else drawn)
    return made


def write(folder: Path) -> None:
    """Write the model with its latent weights and with its quantised ones, as either kind of file, and inputs and outputs."""
    import larq as lq

    made = model()
    x = np.random.default_rng(1).normal(size=(64, 8, 8, 3)).astype(np.float32)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", made.predict(x, verbose=0))
    for name, quantised in (("latent", False), ("binary", True)):
        with lq.context.quantized_scope(quantised):
            for ending in ("h5", "keras"):
                made.save(folder / f"{name}.{ending}")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
