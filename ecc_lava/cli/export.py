"""`ecc-lava export`: what a network and its mapping are for others' tools."""

from __future__ import annotations

from pathlib import Path

from ecc_lava.cli.models import some_images
from ecc_lava.cli.output import emit_json, provenance, show_lines, stages
from ecc_lava.storage import load

__all__ = ["run"]


def run(network: Path, mapping: Path, output: Path, data: Path | None, limit: int, timesteps: int | None, seed: int, json: bool) -> None:
    """Write test vectors of every core."""
    import hw_mappings
    from hw_mappings.vectors import export_vectors

    integer, _, _ = load(network)
    mapped = hw_mappings.Mapping.load(mapping)
    images = some_images(data, integer, limit, seed)
    with stages() as stage:
        about = export_vectors(
            integer, mapped, images.x, output, timesteps=timesteps, progress=lambda done, total: stage("vectors", done, total)
        )
    if json:
        emit_json(provenance(**{**about, "cores": len(about["cores"]), "folder": str(output), "seed": seed}))
        return
    events = sum(core["in_events"] for core in about["cores"])
    show_lines(
        f"{output}: vectors of {len(about['cores'])} cores, {about['images']} images of {about['timesteps']} steps, {events:,} events in"
    )
