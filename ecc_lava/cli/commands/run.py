"""`ecc-lava run`: run a network file on images."""

from __future__ import annotations

import io
import logging
import time
from pathlib import Path
from typing import Annotated, Any, Optional

import numpy as np
import typer

from ecc_lava.analysis import check_margin, costs, costs_of, doubts_of_run, stopped_events
from ecc_lava.analysis import confident as stop_confident
from ecc_lava.backends import BACKENDS, Result, logits_of_images, simulate
from ecc_lava.backends import Network as NetworkOf
from ecc_lava.cli.choices import choice
from ecc_lava.cli.files import check_labels_of_file, float_network, open_images
from ecc_lava.cli.options import Data, FewerTimesteps, Json, Limit, Network, Tasks, chosen_tasks
from ecc_lava.cli.show.energy import show_account
from ecc_lava.cli.show.inputs import input_facts, show_inputs
from ecc_lava.cli.show.output import as_figure, emit_json, provenance, show_lines, show_table
from ecc_lava.cli.show.progress import stages
from ecc_lava.cli.workers import Dask, cluster
from ecc_lava.common import Array, Images, Outputs, check_writable, first_output, write_bytes
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph
from ecc_lava.inputs import Dataset, ImageSource, StoredDataset, as_batch, batch_size, digest, labels_of_frames
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork, refuse_stream
from ecc_lava.scores import MEASURES, Scorer
from ecc_lava.storage import load

__all__ = ["command"]

_log = logging.getLogger(__name__)

Backend = Annotated[str, choice((name.replace("_", "-") for name in BACKENDS), help="The back end that runs the network.")]
Predictions = Annotated[Optional[Path], typer.Option(metavar="OUT.npz", help="Write predictions and logits.")]
OverTime = Annotated[bool, typer.Option("--over-time", help="Also give the accuracy after every step.")]
Confident = Annotated[
    Optional[float],
    typer.Option(metavar="M", min=0.0, help="Stop each image when its answer leads by M in the model's logits: odds of e^M to 1."),
]

Journal = Annotated[
    Optional[Path],
    typer.Option(metavar="DIR", help="Keep what is finished in a folder, so that the same command goes on from there after an interrupt."),
]

_OF_PAYLOADS = ("graded_synops_per_image", "payload_bits_per_image")
"""Figures that the table shows of networks with graded spikes alone."""


def command(
    network: Network,
    data: Data,
    backend: Backend = "fast",
    limit: Limit = None,
    timesteps: FewerTimesteps = None,
    predictions: Predictions = None,
    over_time: OverTime = False,
    confident: Confident = None,
    task: Tasks = None,
    dask: Dask = None,
    journal: Journal = None,
    json: Json = False,
) -> None:
    """Simulate and print accuracy, events and energy."""
    if predictions is not None:
        check_writable(predictions, inputs=(network, data))
    if confident is not None:
        check_margin(confident)
    integer, snn, graph = load(network)
    engine = backend.replace("-", "_")
    if integer.is_stream:
        _check_options_of_streams(integer, backend, engine, over_time, confident)
    target = float_network(network, snn) if BACKENDS[engine].network_type is SpikingNetwork else integer
    images, tasks = open_images(data, "test", integer.input_specs, limit, lazily=dask is not None), chosen_tasks(task)
    scorer = _scorer(data, integer, graph, images, tasks)
    if confident is not None and scorer.tasks[0].name != "classes":
        raise InvalidInput(f"--confident compares classes; the task of output {scorer.outputs[0].name!r} is {scorer.tasks[0].name}")
    started = time.perf_counter()
    with cluster(dask, journal) as workers, stages() as stage:
        result = simulate(
            target,
            images.x,
            backend=engine,
            timesteps=timesteps,
            over_time=over_time or confident is not None,
            progress=lambda done, total: stage(engine, done, total),
            client=workers.client,
            journal=journal,
            report=workers.told,
        )
        seconds = time.perf_counter() - started
        facts = _facts(result, scorer, backend)
        stage("the CNN", 0, 0)
        doubts = () if graph is None or integer.is_stream else doubts_of_run(integer, graph, images.x, images.y, facts["accuracy"], tasks)
    written = None if predictions is None else _write(predictions, result)
    cost = costs(result, integer, graph)
    facts |= {**cost.as_dict(), "seconds": round(seconds, 3)}
    extra = _over_time(result, scorer, over_time)
    for doubt in doubts:
        _log.warning("%s", doubt)
    inputs = input_facts(images.x, integer.input_specs, integer.codings, integer.calibrated)
    if confident is not None:
        extra["confident"] = _stopped(result, images.x, scorer, confident, target, integer)
    if json:
        about = provenance(network_digest=integer.digest, data_digest=digest(images.x), account=cost.account.as_dict(), predictions=written)
        emit_json({**about, "inputs": inputs, **facts, **workers.as_dict(), **extra, "doubts": doubts})
        return
    show_lines(*show_inputs(inputs))
    show_table(f"{network.name} on {data.name}", ("", "value"), _rows(facts, facts["images"]))
    show_account(cost.account)
    show_lines(*workers.lines())
    _show(extra, facts["images"])
    if written is not None:
        show_lines(f"written: {written['file']}: {', '.join(written['arrays'])}")


def _check_options_of_streams(network: QuantisedNetwork, backend: str, engine: str, over_time: bool, confident: float | None) -> None:
    """Refuse what no stream has: a float network, and steps within a frame."""
    if BACKENDS[engine].network_type is SpikingNetwork:
        refuse_stream(network, f"--backend {backend}")
    for option, is_given in (("--over-time", over_time), ("--confident", confident is not None)):
        if is_given:
            raise InvalidInput(f"{option} looks at the steps of an image; a stream takes one step a frame")


def _scorer(
    path: Path, network: QuantisedNetwork, graph: Graph | None, images: Dataset | StoredDataset, tasks: str | dict[str, str] | None
) -> Scorer:
    """Return what scores the images of a file, or every frame of its sequences."""
    if not network.is_stream:
        check_labels_of_file(path, images, graph or network, tasks)
        return Scorer(network, graph, images.y, batch_size(images.x), tasks)
    assert isinstance(images, Dataset)  # sequences are read at once
    sequences, frames = next(iter(as_batch(images.x, network.input_specs).values())).shape[:2]
    labels = None if images.y is None else labels_of_frames(images.y, sequences, frames)
    return Scorer(network, graph, labels, sequences * frames, tasks)


def _facts(result: Result, scorer: Scorer, backend: str) -> dict[str, Any]:
    """Return the figures of a run without its costs; every frame of a stream is an image."""
    frames = result.synops.ndim > 1
    found = scorer.against_labels(logits_of_images(result.logits) if frames else result.logits) or {}
    return {
        "accuracy": None,
        **found,
        "task": scorer.tasks[0].name,
        **({"sequences": len(result.synops), "frames": result.synops.shape[1]} if frames else {}),
        "images": result.images,
        "timesteps": result.timesteps,
        "latency_steps": result.latency_steps,
        "backend": backend,
    }


def _write(path: Path, result: Result) -> dict[str, Any]:
    """Write predictions and logits; return the file and its arrays, in words."""
    buffer, arrays = io.BytesIO(), {**_by_name("predictions", result.predictions), **_by_name("logits", result.logits)}
    np.savez(buffer, **arrays)
    write_bytes(path, buffer.getvalue())
    return {"file": str(path), "arrays": [f"{name} ({' x '.join(map(str, array.shape))})" for name, array in arrays.items()]}


def _over_time(result: Result, scorer: Scorer, over_time: bool) -> dict[str, Any]:
    """Return the first output's figures against the labels after every step, if they are asked for."""
    if not over_time or result.logits_over_time is None:
        return {}
    found = scorer.over_time(first_output(result.logits_over_time))
    return {"accuracy_over_time": None} | {f"{name}_over_time": values for name, values in found.items()}


def _stopped(
    result: Result, images: Images | ImageSource, scorer: Scorer, margin: float, network: NetworkOf, integer: QuantisedNetwork
) -> dict[str, Any]:
    """Return what images give and cost that are each stopped as soon as the first output's lead is large enough."""
    assert result.logits_over_time is not None
    found = stop_confident(first_output(result.logits_over_time), margin)
    events = stopped_events(network, images, found.steps, backend=result.backend, timesteps=result.timesteps)
    return {
        "margin": margin,
        "mean_steps": float(found.steps.mean()),
        "accuracy": None if scorer.targets is None else float((found.predictions == scorer.targets).mean()),
        **costs_of(events, integer).as_dict(),
    }


def _rows(facts: dict[str, Any], images: int) -> list[tuple[str, str]]:
    """Return the rows of a table, the accuracy with its interval; figures of payloads are shown where there are some."""
    shown = facts if facts["graded_synops_per_image"] else {key: value for key, value in facts.items() if key not in _OF_PAYLOADS}
    if MEASURES.keys() & shown.keys() - {"accuracy"} and shown.get("accuracy") is None:
        shown = {key: value for key, value in shown.items() if key != "accuracy"}
    scored = {key: as_figure(key, value, images if key == "accuracy" else None) for key, value in shown.items() if key in MEASURES}
    return [(key.replace("_", " "), scored[key] if key in scored else _text(value)) for key, value in shown.items()]


def _show(extra: dict[str, Any], images: int) -> None:
    series = {name: extra[f"{name}_over_time"] for name in MEASURES if extra.get(f"{name}_over_time")}
    if series:
        steps = [(str(step), *map(as_figure, series, values)) for step, values in enumerate(zip(*series.values(), strict=True), 1)]
        titles = [MEASURES[name].title for name in series]
        show_table(f"{', '.join(titles).capitalize()} over time", ("steps", *titles), steps)
    if "confident" in extra:
        found = extra["confident"]
        rows = _rows({key: value for key, value in found.items() if key != "margin" and not key.startswith("ann_")}, images)
        show_table(f"Stopped at a lead of {found['margin']:g}", ("", "value"), rows)


def _by_name(what: str, outputs: Outputs) -> dict[str, Array]:
    """Return the arrays to store; a network of several outputs stores one array for each output."""
    return {f"{what}_{name}": array for name, array in outputs.items()} if isinstance(outputs, dict) else {what: outputs}


def _text(value: object) -> str:
    match value:
        case None:
            return "n/a"
        case float():
            return f"{value:,.3g}" if abs(value) < 100 else f"{value:,.1f}"
        case int():
            return f"{value:,}"
        case _:
            return str(value)
