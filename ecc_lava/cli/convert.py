"""`ecc-lava convert`: a Keras model to a network file."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ecc_lava.cli.models import import_model
from ecc_lava.cli.output import emit_json, provenance, show_lines, stages
from ecc_lava.dataset import digest, load_dataset
from ecc_lava.ecc.recipes import calibration_subset
from ecc_lava.ecc.recipes import convert as convert_graph
from ecc_lava.encode import as_batch
from ecc_lava.files import check_writable
from ecc_lava.geometry import synapses
from ecc_lava.quantisation import quantise
from ecc_lava.storage import save

__all__ = ["Options", "run"]


@dataclass(frozen=True)
class Options:
    """Options of the command, as given."""

    calibration: Path
    output: Path
    timesteps: int
    bits: int
    format: str
    recipe: str
    input_scale: float | None
    seed: int
    images: int


def run(model: Path, options: Options, input_shape: tuple[int, int, int] | None, json: bool) -> None:
    """Convert, quantise and save."""
    started = time.perf_counter()
    check_writable(options.output, inputs=(model, options.calibration))
    stored = load_dataset(options.calibration, "train")
    with stages() as stage:
        stage("reading the model", 0, 0)
        graph = import_model(model, input_shape, options.input_scale)
        images = as_batch(stored.x, graph.input.shape, str(options.calibration))
        chosen = calibration_subset(images, options.seed, options.images)
        stage("converting", 0, 0)
        snn = convert_graph(graph, calibration=images[chosen], timesteps=options.timesteps, recipe=options.recipe)
        stage("quantising", 0, 0)
        network = quantise(snn, format=options.format, bits=options.bits)
        calibration = {"digest": digest(images), "indices": chosen.tolist(), "seed": options.seed, "timesteps": options.timesteps}
        save(options.output, network, snn=snn, graph=graph, calibration=calibration)
    facts = {
        "network": str(options.output),
        "digest": network.digest,
        "timesteps": network.timesteps,
        "bits": network.bits,
        "format": network.format.name,
        "recipe": options.recipe,
        "populations": len(network.populations),
        "neurons": sum(p.neurons for p in network.populations[1:]),
        "synapses": sum(synapses(p.geometry, network.by_name[p.source].shape) for p in network.projections),
        "weights": sum(p.geometry.kernel.size for p in network.projections),
        "seconds": round(time.perf_counter() - started, 3),
    }
    if json:
        emit_json(provenance(seed=options.seed, calibration_digest=calibration["digest"], **facts))
        return
    show_lines(
        f"{options.output}: {facts['neurons']} neurons, {facts['synapses']} synapses, {facts['weights']} weights of {network.bits} bits "
        f"({network.format.name}), T={network.timesteps}, {facts['seconds']} s",
        f"next: ecc-lava check {options.output} --data FILE.npz",
    )
