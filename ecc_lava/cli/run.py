"""`ecc-lava run`: a network file on images."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np

from ecc_lava.cli.models import load_float, load_images
from ecc_lava.cli.output import as_percent, emit_json, provenance, show_table, stages
from ecc_lava.dataset import digest
from ecc_lava.files import check_writable, write_bytes
from ecc_lava.network import SpikingNetwork
from ecc_lava.simulation import BACKENDS, simulate
from ecc_lava.storage import load

__all__ = ["run"]


def run(network: Path, data: Path, backend: str, limit: int | None, timesteps: int | None, predictions: Path | None, json: bool) -> None:
    """Simulate and print accuracy, spikes and synops."""
    if predictions is not None:
        check_writable(predictions, inputs=(network, data))
    target = load_float(network) if BACKENDS[backend][0] is SpikingNetwork else load(network)[0]
    images = load_images(data, target.input.shape, limit)
    started = time.perf_counter()
    with stages() as stage:
        result = simulate(target, images.x, backend=backend, timesteps=timesteps, progress=lambda done, total: stage(backend, done, total))
    seconds = time.perf_counter() - started
    if predictions is not None:
        buffer = io.BytesIO()
        np.savez(buffer, predictions=result.predictions, logits=result.logits)
        write_bytes(predictions, buffer.getvalue())
    accuracy = None if images.y is None else float((result.predictions == images.y).mean())
    facts = {
        "accuracy": accuracy,
        "images": len(images.x),
        "timesteps": result.timesteps,
        "latency_steps": result.latency_steps,
        "backend": backend.replace("_", "-"),
        "spikes_per_image": float(sum(int(n.sum()) for n in result.spike_counts.values()) / len(images.x)),
        "synops_per_image": float(result.synops.mean()),
        "input_macs_per_image": float(result.input_macs.mean()),
        "seconds": round(seconds, 3),
    }
    if json:
        emit_json(provenance(data_digest=digest(images.x), **facts))
        return
    rows = [(key.replace("_", " "), as_percent(accuracy) if key == "accuracy" else _text(value)) for key, value in facts.items()]
    show_table(f"{network.name} on {data.name}", ("", "value"), rows)


def _text(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else str(value)
