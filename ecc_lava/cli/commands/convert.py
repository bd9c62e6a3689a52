"""`ecc-lava convert`: a Keras model to a network file."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ecc_lava.cli.files import import_model, load_images
from ecc_lava.cli.show.output import emit_json, provenance, show_lines, stages
from ecc_lava.common import check_writable
from ecc_lava.conversion import calibration_subset
from ecc_lava.conversion import convert as convert_graph
from ecc_lava.formats import number_format
from ecc_lava.geometry import synapses
from ecc_lava.inputs import batch_part, batch_size, digest
from ecc_lava.quantisation import DEFAULT, as_bits, bits_of, quantise
from ecc_lava.storage import save

__all__ = ["Options", "run"]


@dataclass(frozen=True)
class Options:
    """Options of the command, as given."""

    calibration: Path
    output: Path
    timesteps: int
    bits: str
    per: str
    format: str
    recipe: str
    coding: str | None
    input_scale: float | None
    seed: int
    images: int
    steps_in_time: bool


def run(model: Path, options: Options, input_shape: Sequence[str], json: bool) -> None:
    """Convert, quantise and save."""
    started = time.perf_counter()
    check_writable(options.output, inputs=(model, options.calibration))
    bits = as_bits(options.bits)
    bits_of(bits, [] if isinstance(bits, int) else [name for name in bits if name != DEFAULT], number_format(options.format))
    with stages() as stage:
        stage("reading the model", 0, 0)
        graph = import_model(model, input_shape, options.input_scale)
        specs = [spec._replace(events=options.coding == "events") for spec in graph.input_specs]
        images = load_images(options.calibration, "train", specs).x
        chosen = calibration_subset(batch_size(images), options.seed, options.images)
        stage("reading the model", 1, 1)
        stage("converting", 0, 0)
        snn = convert_graph(
            graph,
            calibration=batch_part(images, chosen),
            timesteps=options.timesteps,
            recipe=options.recipe,
            format=options.format,
            bits=bits,
            coding=options.coding,
            seed=options.seed,
            steps_in_time=options.steps_in_time,
            progress=stage,
        )
        stage("quantising", 0, 0)
        network = quantise(snn, format=options.format, bits=bits, per=options.per)
        calibration = {"digest": digest(images), "indices": chosen.tolist(), "seed": options.seed, "timesteps": options.timesteps}
        save(options.output, network, snn=snn, graph=graph, calibration=calibration)
    facts = {
        "network": str(options.output),
        "digest": network.digest,
        "timesteps": network.timesteps,
        "bits": network.bits,
        "bits_by_population": {p.target: p.bits for p in network.projections},
        "per": options.per,
        "format": network.format.name,
        "coding": network.codings[0].kind,
        "recipe": options.recipe,
        "populations": len(network.populations),
        "neurons": sum(p.neurons for p in network.populations[len(network.inputs) :]),
        "synapses": sum(synapses(p.geometry, network.by_name[p.source].shape) for p in network.projections),
        "weights": sum(p.geometry.kernel.size for p in network.projections),
        "seconds": round(time.perf_counter() - started, 3),
    }
    if json:
        emit_json(provenance(seed=options.seed, calibration_digest=calibration["digest"], **facts))
        return
    show_lines(
        f"{options.output}: {facts['neurons']} neurons, {facts['synapses']} synapses, {facts['weights']} weights of {network.bits} bits at "
        f"most ({network.format.name}, {facts['coding']}), T={network.timesteps}, {facts['seconds']} s",
        f"next: ecc-lava check {options.output} --data FILE.npz",
    )
