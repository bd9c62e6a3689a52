"""`ecc-lava export`: a network in files of other tools."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ecc_lava.cli.files import some_images
from ecc_lava.cli.show.output import emit_json, provenance, show_lines, stages
from ecc_lava.storage import load

__all__ = ["Options", "run"]


@dataclass(frozen=True)
class Options:
    """What `export --to vectors` was asked for."""

    mapping: Path
    data: Path | None
    output: Path
    limit: int
    timesteps: int | None
    seed: int


def run(network: Path, options: Options, json: bool) -> None:
    """Write the vectors of every core, and say what they are."""
    import hw_mappings

    integer, _, _ = load(network)
    mapping = hw_mappings.Mapping.load(options.mapping)
    mapping.check(integer)
    images = some_images(options.data, integer, options.limit, options.seed)
    with stages(lines=True) as stage:
        about = hw_mappings.export_vectors(
            integer,
            mapping,
            images.x,
            options.output,
            timesteps=options.timesteps,
            progress=lambda done, total: stage("vectors", done, total),
        )
    if json:
        emit_json(provenance(format="vectors", output=str(options.output), random_images=options.data is None, seed=options.seed, **about))
        return
    totals = {name: sum(core[name] for core in about["cores"]) for name in ("neurons", "axons", "entries", "in_events", "out_events")}
    show_lines(
        f"written: {options.output}, vectors of {len(about['cores'])} cores, {about['images']} image(s), T={about['timesteps']}"
        + ("; random images, as no --data was given" if options.data is None else ""),
        ", ".join(f"{total:,} {name.replace('_', ' ')}" for name, total in totals.items()),
        f"the format: {options.output / 'README.txt'}",
    )
