"""The mapper's figures: cores against the lower bound, and seconds. A table, and JSON with `--json FILE`.

    uv run python tests/benchmarks/mapping.py [--only NAME:CHIP ...] [--data ../shared/data] [--cache DIR] [--json FILE]

The VGG of half width and ResNet-20 are the trained ones, converted and quantised (T = 32, 8 bits), kept in the cache folder, and
simulated on images for their costs; all others are lowered from Keras with weights of no meaning, since cores depend on shapes
alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import ecc_lava
from ecc_lava.formats.table import FORMATS
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.chips import LOIHI1, LOIHI2, ChipSpec, Figure
from hw_mappings.costs.cost import estimate
from hw_mappings.costs.events import events
from hw_mappings.mapper import map_network
from hw_mappings.mapping.deployed import deployed
from hw_mappings.partition.lower_bound import lower_bound
from hw_mappings.partition.repeaters import chip_network
from hw_mappings.resources.synapses import SynapseModel
from tests.benchmarks import networks

TIMESTEPS, BITS, IMAGES, CALIBRATION = 32, 8, 16, 256
TRAINED = {"vgg16-half": "vgg16_half_cifar10.keras", "resnet20": "resnet20_cifar10.keras"}
BLANK: dict[str, Callable[[], Any]] = {
    "vgg16-full": networks.vgg16_cifar10,
    "mobilenet": networks.mobilenet_cifar10,
    "mnist-cnn": networks.mnist_cnn,
    "pilotnet": networks.pilotnet,
    "resnet50-224": networks.resnet50,
    "vgg16-224": networks.vgg16,
}
ROWS = (
    *(("vgg16-half", "loihi1"), ("resnet20", "loihi1"), ("vgg16-half", "loihi2"), ("resnet20", "loihi2")),
    *(("vgg16-full", "loihi1"), ("vgg16-full", "loihi2"), ("mobilenet", "loihi1"), ("mnist-cnn", "loihi1"), ("pilotnet", "loihi2")),
    *(("resnet50-224", "loihi1"), ("resnet50-224", "loihi2"), ("vgg16-224", "loihi1"), ("vgg16-224", "loihi2")),
)


def chip_for(name: str, network: QuantisedNetwork) -> ChipSpec:
    """Return the chip; a network in another number format is mapped to the chip's limits, but for those it does not keep to."""
    chip = {"loihi1": LOIHI1, "loihi2": LOIHI2}[name]
    if network.format.name == chip.format:
        return chip
    foreign = "the network's are of another format"
    return replace(chip, format=network.format.name, thresholds=Figure(None, False, foreign), payload_bits=Figure(8, False, foreign))


def trained(name: str, chip: str, data: Path, cache: Path) -> QuantisedNetwork:
    """Return a trained model, converted and quantised in the chip's format, or in Loihi 2's where that one does not exist yet."""
    format = chip if chip in FORMATS else "loihi2"
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
    bound = lower_bound(chip_network(network, chip).network, chip, model)
    started = time.perf_counter()
    try:
        mapping = map_network(network, chip, synapse_model=model)
    except ecc_lava.EccLavaError as error:
        return {
            "cores": None,
            "bound": bound.cores,
            "unshared_bound": bound.alone,
            "why": str(error),
            "seconds": time.perf_counter() - started,
        }
    seconds = time.perf_counter() - started
    cores = len(mapping.cores)
    shards = sum(tiling.number for tiling in mapping.tilings.values())
    facts = {"cores": cores, "shards": shards, "chips": mapping.chips, "bound": bound.cores, "unshared_bound": bound.alone}
    return {**facts, "ratio": cores / bound.cores, "seconds": round(seconds, 1)}


def priced(network: QuantisedNetwork, chip: ChipSpec, activity: ecc_lava.Result) -> dict[str, Any]:
    """Return what an image costs on the mapping."""
    return estimate(events(deployed(map_network(network, chip, activity), network, activity)), chip).as_dict()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the rows asked for, print them as they come, and write them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[f"{n}:{c}" for n, c in ROWS], help="rows as NAME:CHIP")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "ecc-lava-benchmarks")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    options.cache.mkdir(parents=True, exist_ok=True)
    results = []
    print(
        f"{'network':14} {'chip':7} {'model':7} {'cores':>6} {'bound':>6} {'ratio':>6} {'unshared bound':>15} {'chips':>6} {'seconds':>8}"
    )
    for row in options.only:
        name, chip_name = row.split(":")
        network = trained(name, chip_name, options.data, options.cache) if name in TRAINED else networks.lowered(BLANK[name]())
        chip = chip_for(chip_name, network)
        neurons = sum(p.neurons for p in network.populations[len(network.inputs) :])
        for model in SynapseModel:
            facts = measured(network, chip, model)
            results.append(
                {"network": name, "neurons": neurons, "chip": chip_name, "format": network.format.name, "model": model.value, **facts}
            )
            if facts["cores"] is None:
                print(f"{name:14} {chip_name:7} {model.value:7} {'-':>6} {facts['bound']:6} {facts['seconds']:.1f} s: {facts['why'][:300]}")
                continue
            print(
                f"{name:14} {chip_name:7} {model.value:7} {facts['cores']:6} {facts['bound']:6} {facts['ratio']:6.3f} "
                f"{facts['unshared_bound']:15} {facts['chips']:6} {facts['seconds']:8.1f}",
                flush=True,
            )
        if name in TRAINED:
            results[-2]["cost"] = priced(network, chip, simulated(network, options.data))
    if options.json is not None:
        options.json.write_text(json.dumps({"version": 1, "timesteps": TIMESTEPS, "bits": BITS, "rows": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
