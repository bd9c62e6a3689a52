"""`ecc-lava run`: a network file on images."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ecc_lava.analysis import accuracy_over_time, check_margin, confident, costs
from ecc_lava.backends import BACKENDS, Result, simulate
from ecc_lava.cli.files import load_float, load_images
from ecc_lava.cli.show.output import as_percent, emit_json, provenance, show_table, stages
from ecc_lava.common import Array, Outputs, check_writable, first_output, write_bytes
from ecc_lava.inputs import digest
from ecc_lava.networks import SpikingNetwork
from ecc_lava.storage import load

__all__ = ["Options", "run"]


@dataclass(frozen=True)
class Options:
    """Options of the command, as given."""

    backend: str
    limit: int | None
    timesteps: int | None
    predictions: Path | None
    over_time: bool
    confident: float | None


def run(network: Path, data: Path, options: Options, json: bool) -> None:
    """Simulate and print accuracy, events and energy."""
    backend, path = options.backend, options.predictions
    if path is not None:
        check_writable(path, inputs=(network, data))
    if options.confident is not None:
        check_margin(options.confident)
    integer, _, graph = load(network)
    target = load_float(network) if BACKENDS[backend].network_type is SpikingNetwork else integer
    images = load_images(data, "test", target.input_specs, options.limit)
    started = time.perf_counter()
    with stages() as stage:
        result = simulate(
            target,
            images.x,
            backend=backend,
            timesteps=options.timesteps,
            over_time=options.over_time or options.confident is not None,
            progress=lambda done, total: stage(backend, done, total),
        )
    seconds = time.perf_counter() - started
    if path is not None:
        buffer = io.BytesIO()
        np.savez(buffer, **_by_name("predictions", result.predictions), **_by_name("logits", result.logits))
        write_bytes(path, buffer.getvalue())
    samples = len(result.synops)
    facts = {
        "accuracy": None if images.y is None else float((first_output(result.predictions) == images.y).mean()),
        "images": samples,
        "timesteps": result.timesteps,
        "latency_steps": result.latency_steps,
        "backend": backend.replace("_", "-"),
        "spikes_per_image": float(sum(int(n.sum()) for n in result.spike_counts.values()) / samples),
        **costs(result, integer, graph).as_dict(),
        "seconds": round(seconds, 3),
    }
    extra = _over_time(result, images.y, options)
    if json:
        emit_json(provenance(data_digest=digest(images.x), **facts, **extra))
        return
    rows = [(key.replace("_", " "), as_percent(value) if key == "accuracy" else _text(value)) for key, value in facts.items()]
    show_table(f"{network.name} on {data.name}", ("", "value"), rows)
    _show(extra)


def _over_time(result: Result, labels: Array | None, options: Options) -> dict[str, Any]:
    """Return what is asked for of the logits over time: of the first output."""
    found: dict[str, Any] = {}
    if result.logits_over_time is None:
        return found
    logits = first_output(result.logits_over_time)
    if options.over_time:
        found["accuracy_over_time"] = None if labels is None else accuracy_over_time(logits, labels).tolist()
    if options.confident is not None:
        stopped = confident(logits, options.confident)
        found["confident"] = {
            "margin": options.confident,
            "mean_steps": float(stopped.steps.mean()),
            "accuracy": None if labels is None else float((stopped.predictions == labels).mean()),
        }
    return found


def _show(extra: dict[str, Any]) -> None:
    if extra.get("accuracy_over_time"):
        rows = [(str(step), as_percent(value)) for step, value in enumerate(extra["accuracy_over_time"], 1)]
        show_table("Accuracy over time", ("steps", "accuracy"), rows)
    if "confident" in extra:
        found = extra["confident"]
        rows = [("mean steps", _text(found["mean_steps"])), ("accuracy", as_percent(found["accuracy"]))]
        show_table(f"Stopped at a lead of {found['margin']:g}", ("", "value"), rows)


def _by_name(what: str, outputs: Outputs) -> dict[str, Array]:
    """Return arrays to be stored: of a network with several outputs each under its name."""
    return {f"{what}_{name}": array for name, array in outputs.items()} if isinstance(outputs, dict) else {what: outputs}


def _text(value: object) -> str:
    match value:
        case None:
            return "n/a"
        case float():
            return f"{value:,.3g}" if abs(value) < 100 else f"{value:,.1f}"
        case _:
            return str(value)
