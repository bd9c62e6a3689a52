"""Rueckauer et al. (2016, 2017) on a small network of Inception modules: exact operations, pools, normalisation, operations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import ecc_lava
from ecc_lava.common import Array
from ecc_lava.conversion import calibration_subset
from ecc_lava.conversion.passes.current_normalisation import CurrentNormalisation
from ecc_lava.conversion.passes.input_encoding import InputEncoding
from ecc_lava.conversion.passes.residual_elimination import ResidualElimination
from ecc_lava.errors import UnsupportedModel
from ecc_lava.graph import Graph
from tests.benchmarks.published.claims import (
    NOT,
    OURS,
    PARTLY,
    REPRODUCED,
    UNCHECKED,
    Claim,
    Images,
    Row,
    Rows,
    Source,
    cifar10,
    measured,
    share,
)
from tests.benchmarks.published.gated import gated_logits
from tests.benchmarks.published.inception import POOLS, trained
from tests.benchmarks.quality import CALIBRATION, Cell, Numbers, converted, ran

__all__ = ["SOURCE"]

TIMESTEPS = (1, 2, 4, 8, 16, 32, 64)
PAYLOADS = ((8, 1), (4, 1), (4, 2), (2, 4))
AVERAGED = ((1, 16), (1, 32), (8, 1))
"""Payload bits and T of the network with average pools."""

STEPPED = (4, 8, 16, 32, 64)
COMPARED = 16
"""T at which pools and normalisations are compared, without calibration."""

POOL_IMAGES = 50
"""Images of the comparison of pools in float, which is slow."""

NORMALISATIONS = {
    "largest of the layer": ("layer", 100.0),
    "99.9 % of the layer": ("layer", 99.9),
    "99.9 % of the channel": ("channel", 99.9),
}
"""Whose lambda, and which percentile of the activations it is."""

FEW_POINTS = 3.0
"""Points of accuracy that "a few percentage points" are at most, as this table reads it."""

EXACT_IMAGES = 64
CLOSE = 90.0
"""Percent of agreement that "almost without loss" is at least, as this table reads it."""

EXACT = 1e-5
"""Largest difference of ideal rates and CNN, of the largest output (docs/design.md, 4)."""


def measure(folder: Path, images: int, client: Any = None) -> Iterator[Row]:
    """Measure the network of Inception modules."""
    data, models = cifar10(folder, images), {pool: trained(pool) for pool in POOLS}
    graphs = {pool: ecc_lava.from_keras(model) for pool, model in models.items()}
    ann = {pool: np.asarray(model.predict(data.scaled, verbose=0)).argmax(axis=1) for pool, model in models.items()}
    settings = {"model": "3 Inception modules, see inception.py", "images": images, "pool_images": min(images, POOL_IMAGES)}
    for pool, graph in graphs.items():
        assert graph.macs is not None
        settings |= {f"macs_m_{pool}": graph.macs / 1e6, f"accuracy_{pool}": 100 * float((ann[pool] == data.labels).mean())}
    yield settings
    yield _exact(models["max"], graphs["max"], data)
    yield from _normalisations(graphs["max"], data, ann["max"], client)
    for pool, cells in (("max", (*PAYLOADS, *((1, t) for t in TIMESTEPS))), ("average", AVERAGED)):
        for bits, timesteps in cells:
            run = ran(*converted(graphs[pool], data.train, Cell(bits, timesteps, "best"), 0, Numbers()), data.test, client=client)
            yield measured("operations", run, ann[pool], data.labels, pool=pool, payload_bits=bits, timesteps=timesteps)
    yield from _pools(models, graphs, data)


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _exact(model: Any, graph: Graph, data: Images) -> Row:
    """Hold that the lowered network is the CNN in rates, its softmax included, and that a softmax inside a network is refused."""
    import keras

    x = data.scaled[:EXACT_IMAGES]
    before = np.asarray(keras.Model(model.inputs, model.layers[-1].input).predict(x, verbose=0), np.float64)
    kernel, bias = model.layers[-1].get_weights()
    logits = np.asarray(ecc_lava.rate_forward(ecc_lava.lower(graph).network, x))
    rates = float(np.abs(logits - (before @ kernel + bias)).max() / np.abs(logits).max())
    softmax = float(np.abs(_softmax(logits) - model.predict(x, verbose=0)).max())
    assert rates <= EXACT and softmax <= EXACT, (rates, softmax)
    inside = keras.Sequential([keras.Input((4,)), keras.layers.Softmax(name="inside"), keras.layers.Dense(2)])
    refusal = ""
    try:
        ecc_lava.from_keras(inside)
    except UnsupportedModel as error:
        refusal = str(error)
    assert "inside (Softmax)" in refusal, refusal
    return {"kind": "exact in rates", "logits_error": rates, "softmax_error": softmax, "softmax_inside": refusal}


def _normalisations(graph: Graph, data: Images, ann: Array, client: Any) -> Iterator[Row]:
    """Measure ways to choose lambda, without calibration, in integers."""
    for name, (per, percentile) in NORMALISATIONS.items():
        recipe = (InputEncoding(), CurrentNormalisation(per, percentile), ResidualElimination())
        network, seconds = converted(graph, data.train, Cell(1, max(STEPPED), recipe), 0, Numbers())
        for timesteps in STEPPED:
            run = ran(network, seconds, data.test, timesteps=timesteps, client=client)
            yield measured("normalisation", run, ann, data.labels, lambda_=name, timesteps=timesteps)


def _pools(models: dict[str, Any], graphs: dict[str, Graph], data: Images) -> Iterator[Row]:
    """Measure pools in float, without calibration, with lambdas of one rule: gates, trees of ReLUs, and averages."""
    few, labels = data.test[:POOL_IMAGES], data.labels[:POOL_IMAGES]
    calibration = (data.train[calibration_subset(len(data.train), 0, CALIBRATION)] / 255.0).astype(np.float32)
    longest = max(STEPPED)
    by_pool = {"gates": gated_logits(models["max"], calibration, data.scaled[:POOL_IMAGES], longest)}
    for name, pool in (("trees of ReLUs", "max"), ("averages", "average")):
        snn = ecc_lava.convert(graphs[pool], calibration=data.train, timesteps=longest, recipe="channel")
        by_pool[name] = np.asarray(ecc_lava.simulate(snn, few, backend="float", over_time=True).logits_over_time)
    for name, logits in by_pool.items():
        ann = np.asarray(models["average" if name == "averages" else "max"].predict(data.scaled[:POOL_IMAGES], verbose=0)).argmax(axis=1)
        for timesteps in STEPPED:
            predictions = logits[:, timesteps - 1].argmax(axis=1)
            row = {"kind": "pools", "pool": name, "timesteps": timesteps, **share(float((predictions == labels).mean()), len(labels))}
            yield {**row, "agreement": 100 * float((predictions == ann).mean())}


def claims(settings: Mapping[str, Any], rows: Rows) -> list[Claim]:
    """Return what became of the paper's claims."""
    return [*_exact_claims(rows), *_claims_on_accuracy(settings, rows)]


def _exact_claims(rows: Rows) -> list[Claim]:
    row = next(row for row in rows if row["kind"] == "exact in rates")
    what, apart = (
        f"CIFAR-10, {EXACT_IMAGES} test images, 3 Inception modules",
        f"within {row['logits_error']:.0e} of the CNN's largest logit",
    )
    near, text = "almost without loss", "abstract, arXiv 1612.04052"
    return [
        Claim("max-pools", near, text, f"trees of ReLUs, exact in rates, {apart}", REPRODUCED, what),
        Claim("batch normalisation", near, text, f"folded into weights and biases, {apart}", REPRODUCED, what),
        Claim("Inception modules", "convert", "abstract, Frontiers 2017", f"exact in rates, {apart}", REPRODUCED, what),
        Claim(
            "softmax at the output",
            near,
            text,
            f"of the readout's potentials, exact: within {row['softmax_error']:.0e} in rates",
            REPRODUCED,
            what,
        ),
        Claim("softmax inside a network", "", "", f"refused: {row['softmax_inside'].splitlines()[-1].strip()}", OURS, ""),
    ]


def _claims_on_accuracy(settings: Mapping[str, Any], every: Rows) -> list[Claim]:
    data = f"CIFAR-10, {settings['images']} test images, 3 Inception modules"
    rows = [row for row in every if row["kind"] == "operations" and row["pool"] == "max"]
    cheap = {}
    for name, bits in (("binary", {1}), ("graded", {row["payload_bits"] for row in rows} - {1})):
        kept = [row for row in rows if row["payload_bits"] in bits and row["loss_points"] <= FEW_POINTS]
        cheap[name] = min(kept, key=lambda row: row["synops_m"] + row["input_macs_m"]) if kept else None
    said = [_cheap(name, row, settings["macs_m_max"]) for name, row in cheap.items()]
    ratios = [settings["macs_m_max"] / (row["synops_m"] + row["input_macs_m"]) for row in cheap.values() if row is not None]
    assert cheap["graded"] is not None and max(ratios) > 1, "graded spikes take fewer operations than the CNN"
    chosen = {row["lambda_"]: row for row in every if row["kind"] == "normalisation" and row["timesteps"] == COMPARED}
    largest, robust, channel = (chosen[name] for name in NORMALISATIONS)
    best = next(row for row in rows if (row["payload_bits"], row["timesteps"]) == (1, COMPARED))
    return [
        Claim(
            "half the operations of the CNN for a few points",
            "more than 2 times fewer, BinaryNet on CIFAR-10",
            "abstract, Frontiers 2017",
            "; ".join(said),
            REPRODUCED if max(ratios, default=0.0) > 2 else NOT,
            data,
        ),
        Claim(
            "robust normalisation, 99.9 % in place of the largest",
            "proposed, percentile 99.9",
            "arXiv 1612.04052",
            f"T={COMPARED}, plain: {robust['accuracy']:.1f} % against {largest['accuracy']:.1f} %, by channel {channel['accuracy']:.1f} %; "
            f"calibrated (`best`) {best['accuracy']:.1f} %",
            REPRODUCED if robust["accuracy"] > largest["accuracy"] else NOT,
            data,
        ),
        _pools_claim(every, settings),
        Claim("VGG-16 and Inception-v3 on ImageNet", "", "abstract, Frontiers 2017", "ImageNet is not here", UNCHECKED, ""),
    ]


def _pools_claim(every: Rows, settings: Mapping[str, Any]) -> Claim:
    pools = {row["pool"]: row for row in every if row["kind"] == "pools" and row["timesteps"] == COMPARED}
    said, verdict = "not measured yet", UNCHECKED
    if pools:
        found = ", ".join(f"{name} {row['agreement']:.1f} %" for name, row in pools.items())
        said = f"agreement with the CNN at T={COMPARED}, float, not calibrated, {settings['pool_images']} images: {found}"
        verdict = REPRODUCED if pools["gates"]["agreement"] >= CLOSE else PARTLY
    return Claim("max-pool by gates", "almost without loss", "abstract, arXiv 1612.04052", said, verdict, "")


def _cheap(name: str, row: Mapping[str, Any] | None, macs: float) -> str:
    if row is None:
        return f"{name}: none loses at most {FEW_POINTS:.0f} points"
    ratio = macs / (row["synops_m"] + row["input_macs_m"])
    times = f"{ratio:.1f} times fewer" if ratio > 1 else f"{1 / ratio:.1f} times as many"
    of = f"p={row['payload_bits']}, T={row['timesteps']}"
    return f"{name}: {times} at {row['loss_points']:.1f} ± {row['loss_interval']:.1f} points ({of})"


SOURCE = Source("Rueckauer et al., arXiv 1612.04052, and Frontiers in Neuroscience 11:682, 2017", measure, claims)
