"""`ecc-lava stream`: make a sigma-delta stream of a network file."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated, Optional

import typer

from ecc_lava.cli.files import load_images
from ecc_lava.cli.options import Json, Limit, Network
from ecc_lava.cli.several import Several, Words, values
from ecc_lava.cli.show.output import as_percent, emit_json, provenance, show_lines, show_table
from ecc_lava.cli.show.progress import stages
from ecc_lava.common import Images, check_writable
from ecc_lava.conversion import StreamThresholds, sigma_delta, stream_thresholds
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import digest
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.storage import load, read_calibration, save

__all__ = ["command"]

Output = Annotated[Path, typer.Option("-o", "--output", metavar="STREAM.h5", help="The network file to write.")]
Thresholds = Annotated[
    Words,
    typer.Option(
        "--threshold",
        metavar="N",
        help="The least change that is sent, in units of each payload; NAME=N for some populations (default: 1, which loses nothing).",
    ),
    Several(r"([^-=]+=)?-?\d+"),
]
Frames = Annotated[
    Optional[Path],
    typer.Option("--data", metavar="FRAMES.npz", help="Sequences x_train (N, F, H, W, C), on which thresholds are chosen."),
]
MaxError = Annotated[
    Optional[float],
    typer.Option(metavar="E", help="Choose thresholds: the fewest synops with at most E times the outputs' deviation as RMS error."),
]
MaxEvents = Annotated[
    Optional[float], typer.Option(metavar="S", help="Choose thresholds: the least error with at most this share of the synops.")
]


def command(
    network: Network,
    output: Output,
    threshold: Thresholds = None,
    data: Frames = None,
    max_error: MaxError = None,
    max_events: MaxEvents = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Make the stream and save it."""
    started = time.perf_counter()
    check_writable(output, inputs=[network, *([] if data is None else [data])])
    chooses = max_error is not None or max_events is not None
    if chooses != (data is not None) or (chooses and threshold):
        raise InvalidInput("give --threshold, or --data with --max-error or --max-events, by which thresholds are chosen")
    integer, _, graph = load(network)
    exact = sigma_delta(integer, _thresholds(threshold))
    chosen, frames = None, None
    if data is not None:
        frames = load_images(data, "train", exact.input_specs, limit).x
        chosen = _chosen(integer, frames, max_error, max_events)
    stream = exact if chosen is None else sigma_delta(integer, chosen.thresholds)
    save(output, stream, graph=graph, calibration=read_calibration(network))
    thetas = {p.name: p.theta for p in stream.populations if p.theta}
    if json:
        facts = None if chosen is None else {"error": chosen.error, "events": chosen.events}
        about = provenance(network_digest=stream.digest, data_digest=None if frames is None else digest(frames))
        seconds = round(time.perf_counter() - started, 3)
        emit_json({**about, "output": str(output), "thresholds": thetas, "chosen": facts, "seconds": seconds})
        return
    show_table("Thresholds above 1", ("population", "threshold"), [(name, str(theta)) for name, theta in thetas.items() if theta > 1])
    if chosen is not None:
        show_lines(f"on {data}: RMS error {chosen.error:.4g} of the outputs' deviation, {as_percent(chosen.events)} of the synops")
    show_lines(f"written: {output}")


def _thresholds(words: Words) -> int | dict[str, int]:
    """Return what --threshold gives: one number, or numbers by population."""
    given = values(words)
    if not given:
        return 1
    if len(given) == 1 and re.fullmatch(r"-?\d+", given[0]):
        return int(given[0])
    parts = {name: number for name, _, number in (word.rpartition("=") for word in given)}
    if "" in parts or not all(re.fullmatch(r"-?\d+", number) for number in parts.values()):
        raise InvalidInput(f"--threshold {' '.join(given)}: give one whole number for all populations, or NAME=N for each")
    return {name: int(number) for name, number in parts.items()}


def _chosen(network: QuantisedNetwork, frames: Images, max_error: float | None, max_events: float | None) -> StreamThresholds:
    with stages() as stage:
        return stream_thresholds(network, frames, max_error=max_error, max_events=max_events, progress=stage)
