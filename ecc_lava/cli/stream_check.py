"""What `ecc-lava check` does with a stream: sequences in, back ends and the network frame by frame against it."""

from __future__ import annotations

import time
from math import isnan
from pathlib import Path
from typing import NamedTuple

from ecc_lava.analysis import Differences, StreamReport, check_stream, draw_stream
from ecc_lava.cli.files import load_images
from ecc_lava.cli.show.inputs import input_facts, show_inputs
from ecc_lava.cli.show.output import FAILED, OK, as_percent, emit_json, provenance, show_lines, show_table
from ecc_lava.cli.show.progress import stages
from ecc_lava.common import write_bytes
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.graph import Graph
from ecc_lava.inputs import as_batch, digest
from ecc_lava.networks import QuantisedNetwork

__all__ = ["StreamCheck", "check_stream_file"]


class StreamCheck(NamedTuple):
    """Options of `check` for a stream.

    Attributes
    ----------
    exact_sequences : int
        Sequences compared on golden and Lava.
    max_error : float or None
        Most RMS error against the network frame by frame.
    json : bool
    picture : Path or None
        The picture to write; its ending was checked.
    refused : tuple of str
        Options that were given and that no stream has.
    """

    exact_sequences: int
    max_error: float | None
    json: bool
    picture: Path | None
    refused: tuple[str, ...]


def check_stream_file(network: QuantisedNetwork, graph: Graph | None, data: Path, limit: int | None, options: StreamCheck) -> int:
    """Check a stream on the sequences of a file and print the report; return the exit code.

    Raises
    ------
    InvalidInput
        If the sequences do not fit, or an option is none of a stream.
    """
    if options.refused:
        raise InvalidInput(
            f"{', '.join(options.refused)}: check of a stream has no such option; it compares with the network frame by frame"
        )
    if options.max_error is not None and isnan(options.max_error):
        raise InvalidInput("--max-error nan; a number is needed, such as 0.01")
    started = time.perf_counter()
    frames = load_images(data, "test", network.input_specs, limit)
    about = {"network_digest": network.digest, "data_digest": digest(frames.x)}
    try:
        with stages() as stage:
            report = check_stream(network, frames.x, graph=graph, exact_sequences=options.exact_sequences, progress=stage)
    except RangeError as error:
        if options.json:
            emit_json(provenance(**about, range_error=str(error), ok=False, seconds=round(time.perf_counter() - started, 3)))
        else:
            show_lines(f"FAILED: {error}")
        return FAILED
    failures = _failures(report, options.max_error)
    if options.picture is not None:
        first = next(iter(as_batch(frames.x, network.input_specs).values()))[0]
        write_bytes(options.picture, draw_stream(report, first, options.picture.suffix[1:].lower() or "png"))
    inputs = input_facts(frames.x, network.input_specs, network.codings, network.calibrated)
    if options.json:
        seconds = round(time.perf_counter() - started, 3)
        facts = {"inputs": inputs, **report.as_dict(), "range_error": None, "failures": failures, "ok": not failures, "seconds": seconds}
        emit_json({**provenance(**about), **facts})
    else:
        show_lines(*show_inputs(inputs))
        show_table("Stream against its network frame by frame", ("", "value"), _rows(report))
        show_lines(*(f"FAILED: {failure}" for failure in failures), *(() if failures else ("every check passed",)))
    return FAILED if failures else OK


def _failures(report: StreamReport, max_error: float | None) -> list[str]:
    found = []
    if not report.golden_vs_fast.equal:
        found.append("golden differs from fast")
    if report.lava_vs_fast is not None and not report.lava_vs_fast.equal:
        found.append("Lava differs from fast")
    if report.largest_threshold == 1 and report.differing_outputs:
        found.append(f"{report.differing_outputs} frames differ from the network frame by frame, though every change is sent")
    if max_error is not None and not report.error <= max_error:
        found.append(f"RMS error against the network frame by frame is {report.error:.4g}, more than {max_error:g}")
    return found


def _rows(report: StreamReport) -> list[tuple[str, str]]:
    frames = report.sequences * report.frames
    rows = [
        ("sequences x frames", f"{report.sequences} x {report.frames}"),
        ("largest threshold", str(report.largest_threshold)),
        ("golden against fast", _compared(report.golden_vs_fast)),
        ("Lava against fast", "n/a" if report.lava_vs_fast is None else _compared(report.lava_vs_fast)),
        ("frames whose outputs differ", f"{report.differing_outputs} of {frames}"),
        ("RMS error of outputs", f"{report.error:.4g} of their deviation"),
        ("same answer", as_percent(report.agreement, frames)),
        ("synops", as_percent(report.events)),
        ("messages", as_percent(report.messages)),
    ]
    cnn = (("the CNN's answer", report.cnn_agreement), ("the CNN's answer, frame by frame", report.cnn_agreement_frame_by_frame))
    return rows + [(title, as_percent(share, frames)) for title, share in cnn if share is not None]


def _compared(found: Differences) -> str:
    if found.equal:
        return "equal"
    return f"{found.differing_spikes} changes and {found.differing_potentials} potentials differ"
