"""Models of HGQ2: integers of the weights, widths of activations, and networks that equal the model bit for bit."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecc_lava.backends import simulate
from ecc_lava.common import Array
from ecc_lava.conversion import convert
from ecc_lava.errors import UnsupportedModel
from ecc_lava.graph import forward
from ecc_lava.importers.keras import from_keras, load_model
from ecc_lava.networks import rate_forward
from ecc_lava.quantisation import quantise
from tests.helpers.own_weights import differing

pytestmark = [
    pytest.mark.skipif(find_spec("hgq") is None, reason="needs HGQ2: uv run --group hgq pytest, in an environment of its own"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),
]


def _images() -> Array:
    return np.random.Generator(np.random.Philox(3)).integers(0, 256, (32, 8, 8, 3)).astype(np.float32)


def _of_inputs(bits: int, whole: int, **options: Any) -> Any:
    """Return the settings of a quantiser of activations."""
    from hgq.config import QuantizerConfig

    chosen = {"k0": 0, "overflow_mode": "SAT", "round_mode": "RND", "homogeneous_axis": (0, 1, 2, 3), **options}
    return QuantizerConfig("kbi", "datalane", b0=bits, i0=whole, **chosen)


def _of_weights(bits: int, axes: tuple[int, ...]) -> Any:
    from hgq.config import QuantizerConfig

    return QuantizerConfig("kbi", "weight", k0=1, b0=bits, i0=0, overflow_mode="SAT_SYM", round_mode="RND", homogeneous_axis=axes)


def _model(*, after: Any = None, weights: tuple[int, ...] = (0, 1, 2)) -> Any:
    """Return a model whose second and third layer quantise what they read."""
    import keras
    from hgq.config import LayerConfigScope
    from hgq.layers import QConv2D, QDense

    keras.utils.set_random_seed(4)
    with LayerConfigScope(enable_ebops=False):
        model = keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                keras.layers.Rescaling(1 / 256),
                QConv2D(4, 3, kq_conf=_of_weights(5, weights), enable_iq=False, activation="relu", name="conv"),
                QConv2D(6, 3, kq_conf=_of_weights(6, (0, 1, 2, 3)), iq_conf=after or _of_inputs(4, 1), activation="relu", name="middle"),
                keras.layers.Flatten(),
                QDense(5, kq_conf=_of_weights(6, (0,)), iq_conf=_of_inputs(6, 1, homogeneous_axis=(0, 1)), name="classes"),
            ]
        )
    bits = model.get_layer("conv").kq.quantizer._b
    bits.assign(np.broadcast_to(np.array([5, 4, 3, 5], np.float32), bits.shape))  # as training leaves them
    return model


def _own(model: Any) -> dict[str, Array]:
    """Return the model's own integers by population: the quantised weights over the step of their output."""
    found = {}
    for name, population in {"conv": "middle", "middle": "classes", "classes": "classes.readout"}.items():
        layer = model.get_layer(name)
        found[population] = np.asarray(layer.qkernel) * 2.0 ** np.asarray(layer.kq.quantizer.f)
    return found


def _by_layer(network: Any) -> dict[str, str]:
    """Return the model's layers in order as keys of `_own`, by the populations that their weights lead into."""
    return dict(zip([p.target for p in network.projections], ["middle", "classes", "classes.readout"], strict=True))


@pytest.mark.parametrize("recipe", ["ecc", "best"])
def test_a_network_of_payloads_is_the_model(recipe: str, tmp_path: Path) -> None:
    _model().save(tmp_path / "model.keras")
    model, images = load_model(tmp_path / "model.keras"), _images()
    graph = from_keras(model)
    reference = model.predict(images, verbose=0)
    np.testing.assert_allclose(forward(graph, images), reference, atol=1e-6)
    spiking = convert(graph, calibration=images, recipe=recipe)
    np.testing.assert_allclose(rate_forward(spiking, images), reference, atol=1e-6)
    network = quantise(spiking)
    assert [p.payload.bits for p in network.populations if p.kind.value == "if"] == [4, 6]
    assert differing(network, {target: _own(model)[key] for target, key in _by_layer(network).items()}) == 0
    assert [p.bits for p in network.projections] == [6, 7, 7]
    assert network.timesteps == 1
    if recipe == "ecc":
        np.testing.assert_allclose(simulate(network, images).logits, reference, atol=1e-6)


def test_binary_spikes_keep_the_integers() -> None:
    model, images = _model(), _images()
    network = quantise(convert(from_keras(model), calibration=images, payload_bits=1))
    assert differing(network, {target: _own(model)[key] for target, key in _by_layer(network).items()}) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k0": 1}, "keeps negative numbers, which is no ReLU; give it k0=0"),
        ({"round_mode": "TRN"}, "rounds by TRN; use RND or RND_CONV"),
        ({"scaler": 0.3}, "scales or shifts"),
    ],
)
def test_what_is_no_clip_and_round_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedModel, match=message):
        from_keras(_model(after=_of_inputs(4, 1, **options)))


def test_widths_by_neuron_are_refused() -> None:
    model = _model(after=_of_inputs(4, 1, homogeneous_axis=(0,)))
    bits = model.get_layer("middle").iq.quantizer._b
    bits.assign(np.random.default_rng(0).integers(2, 6, bits.shape).astype(np.float32))
    with pytest.raises(UnsupportedModel, match="a width for each neuron; give it all axes as homogeneous_axis"):
        from_keras(model)


def test_widths_by_weight_have_the_finest_step() -> None:
    model, images = _model(weights=()), _images()
    quantiser = model.get_layer("conv").kq.quantizer
    quantiser._b.assign(np.random.default_rng(0).integers(2, 6, quantiser.b.shape).astype(np.float32))
    graph = from_keras(model)
    np.testing.assert_allclose(forward(graph, images), model.predict(images, verbose=0), atol=1e-6)
    network = quantise(convert(graph, calibration=images))
    first = network.projections[0].target
    kernel = np.asarray(model.get_layer("conv").qkernel)
    step = np.where(kernel != 0, 2.0 ** -np.asarray(quantiser.f), np.inf).min(axis=(0, 1, 2))
    assert differing(network, {first: kernel / step}) == 0
