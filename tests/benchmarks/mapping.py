"""The mapper's figures: cores against the lower bound, seconds, and memory. A table, and JSON with `--json FILE`.

The bound before is the one that is known before the search: without axons between populations.

    uv run python tests/benchmarks/mapping.py [--only NAME:CHIP ...] [--growth] [--models strict] [--data FOLDER] [--cache DIR]
        [--json FILE [--keep]] [--picture FILE.png]

The VGG of half width and ResNet-20 are the trained ones, converted and quantised (T = 32, 8 bits), kept in the cache folder, and
simulated on images for their costs; all others are lowered from Keras with weights of no meaning, since cores depend on shapes
alone. Every row runs in a process of its own. `--growth` maps MobileNet for ever larger images. `--keep` keeps the
rows of the JSON that are not measured anew; `--picture` draws all its rows, and with `--only` alone measures nothing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import ecc_lava
from ecc_lava.formats.table import FORMATS
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.chips import LOIHI1, LOIHI2, ChipSpec
from hw_mappings.costs.cost import estimate
from hw_mappings.costs.events import events
from hw_mappings.mapper import map_network
from hw_mappings.mapping.deployed import deployed
from hw_mappings.partition.lower_bound import lower_bound
from hw_mappings.partition.repeaters import chip_network
from hw_mappings.resources.synapses import SynapseModel
from tests.benchmarks import networks
from tests.benchmarks.environment import environment
from tests.benchmarks.mapping_picture import draw

TIMESTEPS, BITS, IMAGES, CALIBRATION = 32, 8, 16, 256
CHIPS = {"loihi1": LOIHI1, "loihi2": LOIHI2}
TRAINED = {"vgg16-half": "vgg16_half_cifar10.keras", "resnet20": "resnet20_cifar10.keras"}
BLANK: dict[str, Callable[[], Any]] = {
    "vgg16-full": networks.vgg16_cifar10,
    "mobilenet": networks.mobilenet_cifar10,
    "mnist-cnn": networks.mnist_cnn,
    "pilotnet": networks.pilotnet,
    "xception-96": networks.xception,
    "resnet50-224": networks.resnet50,
    "vgg16-224": networks.vgg16,
}
FILES = {"mini-xception": "fer_mini_xception.hdf5"}
GROWTH = (16, 32, 48, 64, 96)
"""Sides of the images of MobileNet."""
ROWS = tuple(
    (name, chip)
    for name in (
        "vgg16-half",
        "resnet20",
        "vgg16-full",
        "mobilenet",
        "mnist-cnn",
        "pilotnet",
        *FILES,
        "xception-96",
        "resnet50-224",
        "vgg16-224",
    )
    for chip in CHIPS
)


def network_of(name: str, chip: str, data: Path, cache: Path) -> QuantisedNetwork:
    """Return a network in the chip's number format: a trained one, one of a model file or another blank one, or ``mobilenet@SIDE``."""
    if name in TRAINED:
        return trained(name, chip, data, cache)
    if name in FILES:
        model = ecc_lava.load_model(data / FILES[name])
    elif "@" in name:
        model = networks.mobilenet_cifar10(int(name.split("@")[1]))
    else:
        model = BLANK[name]()
    return networks.lowered(model, FORMATS[CHIPS[chip].format])


def trained(name: str, chip: str, data: Path, cache: Path) -> QuantisedNetwork:
    """Return a trained model, converted and quantised in the chip's format."""
    format = CHIPS[chip].format
    path = cache / f"{name}-{format}-{TIMESTEPS}-{BITS}.h5"
    try:
        return ecc_lava.load(path)[0]
    except ecc_lava.EccLavaError:
        pass  # not there, or written by another version
    import keras

    graph = ecc_lava.from_keras(keras.models.load_model(data / TRAINED[name]))
    with np.load(data / "cifar10.npz", allow_pickle=False) as images:
        x = images["x_train"][:CALIBRATION].astype(np.float32) / 255.0
    snn = ecc_lava.convert(graph, calibration=x, timesteps=TIMESTEPS, coding=FORMATS[format].default_coding)
    network = ecc_lava.quantise(snn, format=format, bits=BITS)
    ecc_lava.save(path, network, snn=snn, graph=graph)
    return network


def simulated(network: QuantisedNetwork, data: Path) -> ecc_lava.Result:
    """Return what the network does on a few images."""
    with np.load(data / "cifar10.npz", allow_pickle=False) as images:
        x = images["x_test"][:IMAGES].astype(np.float32) / 255.0
    return ecc_lava.simulate(network, x, backend="fast", record=tuple(network.by_name))


def measured(network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel) -> dict[str, Any]:
    """Map with the default placer and return the figures."""
    started = time.perf_counter()
    bound = lower_bound(chip_network(network, chip).network, chip, model)
    bounding = time.perf_counter() - started
    started = time.perf_counter()
    try:
        mapping = map_network(network, chip, synapse_model=model)
    except ecc_lava.EccLavaError as error:
        return {
            "cores": None,
            "bound": bound.cores,
            "bound_before": bound.cores,
            "unshared_bound": bound.alone,
            "why": str(error),
            "seconds": time.perf_counter() - started,
        }
    seconds = time.perf_counter() - started
    cores = len(mapping.cores)
    shards = sum(tiling.number for tiling in mapping.tilings.values())
    facts = {"cores": cores, "shards": shards, "chips": mapping.chips, "bound": mapping.lower_bound_cores}
    bounds = {"bound_before": bound.cores, "unshared_bound": bound.alone, "bound_seconds": round(bounding, 1)}
    return {**facts, **bounds, "ratio": cores / mapping.lower_bound_cores, "seconds": round(seconds, 1)}


def priced(network: QuantisedNetwork, chip: ChipSpec, activity: ecc_lava.Result) -> dict[str, Any]:
    """Return what an image costs on the mapping."""
    return estimate(events(deployed(map_network(network, chip, activity), network, activity)), chip).as_dict()


def row_of(name: str, chip_name: str, models: Sequence[str], data: Path, cache: Path) -> list[dict[str, Any]]:
    """Return the figures of a network on a chip for some models of synaptic memory."""
    network, chip = network_of(name, chip_name, data, cache), CHIPS[chip_name]
    neurons = sum(p.neurons for p in network.populations[len(network.inputs) :])
    about = {"network": name, "neurons": neurons, "chip": chip_name, "format": network.format.name}
    rows = [{**about, "model": model, **measured(network, chip, SynapseModel(model))} for model in models]
    if name in TRAINED:
        rows[0]["cost"] = priced(network, chip, simulated(network, data))
    return [{**row, "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)} for row in rows]


def show(row: dict[str, Any]) -> None:
    """Print a row of the table."""
    named = f"{row['network']:14} {row['neurons']:10,} {row['chip']:7} {row['model']:7}"
    if row["cores"] is None:
        print(f"{named} {'-':>6} {row['bound']:6} {row['seconds']:.1f} s: {row['why'][:300]}", flush=True)
        return
    bounds = f"{row['bound']:6} {row['ratio']:6.3f} {row['bound_before']:13} {row['unshared_bound']:15}"
    figures = f"{row['cores']:6} {bounds} {row['chips']:6} {row['seconds']:8.1f}"
    print(f"{named} {figures} {row['peak_mib']:6}", flush=True)


def merged(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of an earlier run with those of this one in their places."""
    rows = {(row["network"], row["chip"], row["model"]): row for row in old}
    return [*(rows | {(row["network"], row["chip"], row["model"]): row for row in new}).values()]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the rows asked for, print them as they come, and write them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[f"{n}:{c}" for n, c in ROWS], help="rows as NAME:CHIP")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--models", nargs="*", default=[model.value for model in SynapseModel], help="models of synaptic memory")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "ecc-lava-benchmarks")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", action="store_true", help="keep the rows of the JSON that are not measured anew")
    parser.add_argument("--picture", type=Path, help="draw seconds and memory against neurons")
    options = parser.parse_args(arguments)
    if options.keep and options.json is None:
        parser.error("--keep needs --json, whose rows it keeps")
    options.cache.mkdir(parents=True, exist_ok=True)
    asked = [*options.only, *(f"mobilenet@{side}:{chip}" for side in GROWTH if options.growth for chip in CHIPS)]
    print(
        f"{'network':14} {'neurons':>10} {'chip':7} {'model':7} {'cores':>6} {'bound':>6} {'ratio':>6} {'bound before':>13} "
        f"{'unshared bound':>15} {'chips':>6} {'seconds':>8} {'MiB':>6}"
    )
    kept = json.loads(options.json.read_text())["rows"] if options.keep else []
    report: dict[str, Any] = {"version": 2, "environment": environment(), "timesteps": TIMESTEPS, "bits": BITS, "rows": []}
    for row in asked:
        name, chip = row.split(":")
        with multiprocessing.get_context("spawn").Pool(1) as alone:
            found = alone.apply(row_of, (name, chip, options.models, options.data, options.cache))
        for each in found:
            show(each)
        commit = report["environment"]["commit"]
        report["rows"] += [{**each, "commit": commit} for each in found]
        if options.json is not None:
            options.json.write_text(json.dumps({**report, "rows": merged(kept, report["rows"])}, indent=1) + "\n")
    if options.picture is not None:
        draw(merged(kept, report["rows"]), options.picture)


if __name__ == "__main__":
    main()
