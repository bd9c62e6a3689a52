"""netx files: replayed from their arrays alone, read and run by lava-dl where it is installed, and what they cannot say."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.exchange import netx_network, run_netx, to_netx
from ecc_lava.geometry import Dense
from tests.helpers.networks import random_images, random_network, recoded, with_payloads
from tests.helpers.netx import netx_chain, read_and_run

WINDOWS: Any = sliding_window_view  # its types know no tuple of axes

HAS_LAVA_DL = find_spec("lava") is not None and find_spec("lava.lib") is not None and find_spec("lava.lib.dl") is not None


def replay(path: Path, sent: Array) -> tuple[list[Array], Array]:
    """Do what lava-dl and lava-nc do with one image, (T, C, H, W): the spikes of every layer and the last potentials."""
    arriving, rasters, v = sent.astype(np.int64), [], np.zeros(0, np.int64)
    with h5py.File(path) as file:
        layers: Any = file["layer"]
        kinds = [layers[str(n)]["type"][0].decode() for n in range(len(layers))]
        assert layers["0"]["shape"][()].tolist() == list(sent.shape[1:])
        for layer in (layers[str(n)] for n in range(1, len(layers))):
            kind = layer["type"][0].decode()
            if kind == "flatten":
                arriving = arriving.reshape(len(arriving), -1)
                continue
            weight, bias, neuron = layer["weight"][()].astype(np.int64), layer["bias"][()], layer["neuron"]
            assert (neuron["iDecay"][()], neuron["vDecay"][()], np.abs(weight).max() <= 254) == (4096, 0, True)
            if kind == "conv":
                (sy, sx), (py, px) = layer["stride"][()], layer["padding"][()]
                padded = np.pad(arriving, ((0, 0), (0, 0), (py, py), (px, px)))
                windows = WINDOWS(padded, weight.shape[2:], axis=(2, 3))[:, :, ::sy, ::sx]
                current = np.einsum("tchwyx,ocyx->tohw", windows, weight)
                bias = bias[:, None, None] if bias.ndim == 1 else bias.transpose(2, 1, 0)  # (W, H, C), as lava-dl orders maps
                assert layer["shape"][()].tolist() == list(current.shape[1:])
            else:
                current = arriving @ weight.T
            v, spikes = np.zeros(current.shape[1:], np.int64), []
            for step in current:
                v = v + 64 * (step + bias)
                spikes.append(v > 64 * neuron["vThMant"][()])
                v = np.where(spikes[-1], 0, v)
            arriving = np.stack(spikes).astype(np.int64)
            rasters.append(arriving)
    assert set(kinds) == {"input", "conv", "flatten", "dense"}
    return rasters[:-1], v


@pytest.mark.parametrize(("seed", "coding"), [(0, "rate"), (1, "poisson"), (2, "rate"), (4, "rate"), (5, "poisson"), (2, "graded")])
def test_the_file_says_what_the_golden_model_does(seed: int, coding: str, tmp_path: Path) -> None:
    network = netx_chain(seed, coding)
    written = to_netx(network, tmp_path / "net.net")
    run = run_netx(written, random_images(network, 1, seed))
    rasters, readout = replay(tmp_path / "net.net", run.sent[0].transpose(0, 3, 1, 2))
    for ours, theirs in zip(run.spikes.values(), rasters, strict=True):
        np.testing.assert_array_equal(ours[0].transpose(0, 3, 1, 2), theirs)
    np.testing.assert_array_equal(run.readout[0], readout)
    assert sum(int(s.sum()) for s in run.spikes.values()) > 0


@pytest.mark.skipif(not HAS_LAVA_DL, reason="needs lava-dl: uv run --python 3.10 --group netx")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("seed", "coding"), [(0, "rate"), (1, "rate"), (2, "graded"), (3, "rate"), (4, "poisson"), (5, "rate")])
def test_lava_dl_spikes_the_same(seed: int, coding: str, tmp_path: Path) -> None:
    network = netx_chain(seed, coding)
    run = run_netx(to_netx(network, tmp_path / "net.net"), random_images(network, 1, seed))
    spikes, readout = read_and_run(tmp_path / "net.net", run.sent[0])
    for name, ours in run.spikes.items():
        np.testing.assert_array_equal(ours[0], spikes[name].reshape(ours[0].shape))
    np.testing.assert_array_equal(run.readout[0], readout)


def test_a_threshold_is_reached_and_a_bias_is_the_start_spread_over_the_steps() -> None:
    network = netx_chain(0)
    written = netx_network(network)
    for layer, p in zip(written.layers, network.populations[1:], strict=True):
        (into,) = network.into(p.name)
        unit = (
            2.0 ** network.format.shift(into.exponent)
            * np.abs(into.geometry.kernel.astype(int)).max()
            / np.abs(layer.geometry.kernel).max()
        )
        if layer.fires:
            assert layer.threshold + 1 == np.ceil(p.vth.flat[0] / unit)
        per_step = (p.bias + p.v_init / network.timesteps) / unit
        assert np.abs(layer.bias - per_step).max() <= 0.5
    assert written.message_bits == 0


def test_subtraction_is_what_the_reset_to_zero_loses() -> None:
    network = netx_chain(0)
    written, x = netx_network(network), random_images(network, 4)
    zero, subtract = (run_netx(written, x, subtract=how) for how in (False, True))
    assert sum(int(s.sum()) for s in zero.spikes.values()) <= sum(int(s.sum()) for s in subtract.spikes.values())


@pytest.mark.parametrize(
    ("coding", "bias", "remedy"),
    [
        ("rate", 9000, r"bias is 10313 .*netx holds 4095 and 131071\. Convert with --bits 6"),
        ("rate", 2**20, "Train with smaller biases"),
        ("graded", 9000, "Convert with --coding rate"),
    ],
)
def test_a_bias_beyond_its_range_is_refused_with_what_makes_it_smaller(coding: str, bias: int, remedy: str, tmp_path: Path) -> None:
    network = netx_chain(0, coding)
    finest = tuple(replace(q, exponent=network.format.exponent_min) for q in network.projections)  # a weight counts one unit
    populations = tuple(replace(p, bias=np.full((1, 1, 1), bias, np.int32)) if p.name == "p0" else p for p in network.populations)
    with pytest.raises(InvalidInput, match=remedy):
        to_netx(replace(network, populations=populations, projections=finest), tmp_path / "net.net")


def test_what_it_cannot_say_is_named_at_once(tmp_path: Path) -> None:
    plain = netx_chain(0)
    mixed = replace(plain.populations[1], vth=np.arange(1, plain.populations[1].shape[2] + 1, dtype=np.int32)[None, None])
    for network, messages in (
        (
            replace(plain, populations=(plain.populations[0], mixed, *plain.populations[2:])),
            [r"p0: thresholds that differ; .* Convert with --per layer"],
        ),
        (random_network(9, layers=5), [r"several projections arrive, and every layer of it reads the one before\. .* or export --to nir"]),
        (random_network(2, ports=True, sparse=True), ["2 inputs and 2 outputs", "synapses one by one"]),
        (
            with_payloads(netx_chain(1), 1, 3, signed=False),
            ["p0, p1, p2: spikes carry payloads of 3 bits; .* Convert with --payload-bits 1"],
        ),
    ):
        with pytest.raises(InvalidInput, match="netx cannot say") as caught:
            to_netx(network, tmp_path / "net.net")
        for message in messages:
            assert caught.match(message)
    (first,) = (q for q in plain.projections if q.source == "input")
    loud = replace(first, geometry=Dense(np.full((plain.populations[0].neurons, 3), 127, np.int8)))
    two = (plain.populations[0], replace(plain.populations[-1], shape=(1, 1, 3), depth=1))
    graded = recoded(replace(plain, populations=two, projections=(replace(loud, target="readout"),), logit_scales=(1.0,)), "graded")
    with pytest.raises(
        InvalidInput, match=r"input -> readout: the current of a graded input reaches \d+ weights.*Convert with --coding rate"
    ):
        to_netx(graded, tmp_path / "net.net")
    assert not list(tmp_path.iterdir())
