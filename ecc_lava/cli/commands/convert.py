"""`ecc-lava convert`: convert a Keras model to a network file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ecc_lava.cli.choices import choice
from ecc_lava.cli.files import CalibrationDraw, begin_opening, import_model, tell_doubts_of_labels
from ecc_lava.cli.options import Calibration, CalibrationImages, InputScale, InputShape, Json, Model, SignedSpikes, seed_option
from ecc_lava.cli.show.draws import show_draws
from ecc_lava.cli.show.inputs import input_facts, show_inputs
from ecc_lava.cli.show.output import emit_json, provenance, show_lines
from ecc_lava.cli.show.progress import stages
from ecc_lava.cli.workers import Dask, cluster
from ecc_lava.common import BINARY, PAYLOAD_BITS_MAX, check_writable
from ecc_lava.conversion import CALIBRATION_IMAGES, DEFAULT_RECIPE, RECIPES, DrawReport
from ecc_lava.conversion import convert as convert_graph
from ecc_lava.errors import InvalidInput
from ecc_lava.formats import DEFAULT_FORMAT, FORMATS, number_format
from ecc_lava.geometry import synapses
from ecc_lava.inputs import CODINGS
from ecc_lava.networks import PER, Kind, QuantisedNetwork
from ecc_lava.quantisation import DEFAULT, Bits, as_bits, bits_of, quantise
from ecc_lava.storage import save

__all__ = ["command"]

Output = Annotated[Path, typer.Option("-o", "--output", metavar="NET.h5", help="The network file to write.")]
Timesteps = Annotated[
    Optional[int], typer.Option(min=1, help="T, the steps one image is shown for (default: 32, and 1 with several payload bits).")
]
PayloadBits = Annotated[
    Optional[int],
    typer.Option(
        "--payload-bits",
        min=1,
        max=PAYLOAD_BITS_MAX,
        help="Bits that a spike carries between layers (default: those to which the model itself rounds activations, else 1).",
    ),
]
Widths = Annotated[
    Optional[str],
    typer.Option(
        metavar="2..16|FILE.json",
        help="Width of the weights, or a JSON object: population -> bits, up to 24 into signs, and a default "
        "(default: the format's widest, at most 8).",
    ),
]
Per = Annotated[str, choice(PER, help="Whether every channel has a scale of its own, or every layer.")]
Format = Annotated[str, choice(FORMATS, help="The chip's number format.")]
Recipe = Annotated[str, choice(sorted(RECIPES), help="Conversion recipe.")]
Coding = Annotated[Optional[str], choice(CODINGS, help="How images are sent (default: graded if the format has payloads, else rate).")]
StepsInTime = Annotated[
    bool, typer.Option("--steps-in-time", help="Convert step activations where they are not exact: T > 1, or beside ReLUs.")
]
Draws = Annotated[
    int, typer.Option("--draws", min=1, help="Draw calibration images N times, by seeds from --seed on, and keep the best network.")
]


def command(
    model: Model,
    calibration: Calibration,
    output: Output,
    timesteps: Timesteps = None,
    bits: Widths = None,
    per: Per = "channel",
    format: Format = DEFAULT_FORMAT,
    recipe: Recipe = DEFAULT_RECIPE,
    coding: Coding = None,
    payload_bits: PayloadBits = None,
    signed_spikes: SignedSpikes = False,
    input_scale: InputScale = None,
    seed: Annotated[int, seed_option("Seed of the draw of calibration images, and of poisson input.")] = 0,
    images: CalibrationImages = CALIBRATION_IMAGES,
    draws: Draws = 1,
    dask: Dask = None,
    steps_in_time: StepsInTime = False,
    input_shape: InputShape = None,
    json: Json = False,
) -> None:
    """Convert, quantise and save."""
    started = time.perf_counter()
    check_writable(output, inputs=(model, calibration))
    widths = _widths(bits, format)
    if dask is not None and draws == 1:
        raise InvalidInput("--dask: the workers share several draws of calibration images; give --draws N, or leave --dask out")
    told: list[DrawReport] = []
    with cluster(dask) as workers, stages() as stage:
        stage("reading the model", 0, 0)
        found = begin_opening(calibration, "train")
        graph = import_model(model, input_shape, input_scale)
        specs = [spec._replace(events=coding == "events") for spec in graph.input_specs]
        drawn = CalibrationDraw.of(found(specs), images, seed)
        tell_doubts_of_labels(graph, drawn, specs)
        stage("reading the model", 1, 1)
        stage("converting", 0, 0)
        snn = convert_graph(
            graph,
            calibration=drawn.all,
            timesteps=timesteps,
            recipe=recipe,
            format=format,
            bits=widths,
            coding=coding,
            payload_bits=payload_bits,
            signed_spikes=signed_spikes,
            seed=seed,
            steps_in_time=steps_in_time,
            progress=stage,
            calibration_images=images,
            draws=draws,
            client=workers.client,
            report=told.append,
        )
        report = told[0] if told else None
        kept = drawn if report is None else drawn.of_seed(report.draws[report.best].seed)
        stage("quantising", 0, 0)
        network = quantise(snn, format=format, bits=widths, per=per)
        origin = {**kept.origin(), "timesteps": network.timesteps}
        save(output, network, snn=snn, graph=graph, calibration=origin)
    inputs = input_facts(kept.images, specs, network.codings)
    facts = {"network": str(output), "inputs": inputs, **_facts(network, per, recipe)}
    facts |= {} if report is None else {"draws": report.as_dict()}
    facts["seconds"] = round(time.perf_counter() - started, 3)
    if json:
        digest_of = {"calibration_digest_of": origin["digest_of"]} if "digest_of" in origin else {}
        emit_json(provenance(seed=seed, calibration_digest=origin["digest"], **digest_of, **facts))
    else:
        if report is not None:
            show_draws(report, images)
        _show(output, network, facts)


def _widths(bits: str | None, format: str) -> Bits | None:
    """Return the widths that the option gives, checked against the format; without the option, the format's default."""
    if bits is None:
        return None
    widths = as_bits(bits)
    bits_of(widths, [] if isinstance(widths, int) else [name for name in widths if name != DEFAULT], number_format(format))
    return widths


def _facts(network: QuantisedNetwork, per: str, recipe: str) -> dict[str, Any]:
    """Return the part of the JSON object that describes the network."""
    return {
        "network_digest": network.digest,
        "timesteps": network.timesteps,
        "bits": network.bits,
        "bits_by_population": {p.target: p.bits for p in network.projections},
        "per": per,
        "format": network.format.name,
        "coding": network.codings[0].kind,
        "payload_bits": network.payload.bits,
        "signed_spikes": network.payload.signed,
        "recipe": recipe,
        "populations": len(network.populations),
        "neurons": sum(p.neurons for p in network.populations[len(network.inputs) :]),
        "synapses": sum(synapses(p.geometry, network.by_name[p.source].shape) for p in network.projections),
        "weights": sum(p.geometry.kernel.size for p in network.projections),
    }


def _show(output: Path, network: QuantisedNetwork, facts: dict[str, Any]) -> None:
    payload = network.payload
    spikes = "binary spikes" if payload == BINARY else f"{'signed ' * payload.signed}payloads of {payload.bits} bits"
    show_lines(
        *show_inputs(facts["inputs"]),
        f"{output}: {facts['neurons']} neurons, {facts['synapses']} synapses, {facts['weights']} weights of {network.bits} bits at "
        f"most ({network.format.name}, {facts['coding']}), {spikes}, T={network.timesteps}, {facts['seconds']} s",
        *_graded_hint(network),
        f"next: ecc-lava check {output} --data FILE.npz",
    )


def _graded_hint(network: QuantisedNetwork) -> tuple[str, ...]:
    """Return a line on what payloads would give a network of binary spikes in a format that can carry them."""
    bits = min(network.format.payload_bits, PAYLOAD_BITS_MAX)
    if network.payload != BINARY or bits < 2 or not any(p.kind is Kind.IF for p in network.populations):
        return ()
    return (
        f"{network.format.name} carries payloads: --payload-bits {bits} sends activations of {bits} bits at T=1, one step in place of "
        f"{network.timesteps} and few events, mostly at a smaller loss",
    )
