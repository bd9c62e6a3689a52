"""`ecc-lava export`: write a network in the files of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecc_lava.cli.choices import choice
from ecc_lava.cli.files import some_images
from ecc_lava.cli.options import FewerTimesteps, Json, Network, NumberOfImages, OptionalData, seed_option
from ecc_lava.cli.show.output import emit_json, provenance, show_lines
from ecc_lava.cli.show.progress import stages
from ecc_lava.storage import load

__all__ = ["command"]

TARGETS = ("vectors",)

To = Annotated[str, choice(TARGETS, "--to", help="vectors: the memory, the events in and out and the potentials of every core.")]
MappingFile = Annotated[Path, typer.Option("--mapping", metavar="MAPPING.json", help="A mapping of the network, made by `ecc-lava map`.")]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="A new or empty folder.")]


def command(
    network: Network,
    to: To,
    mapping: MappingFile,
    output: Output,
    data: OptionalData = None,
    limit: NumberOfImages = 1,
    timesteps: FewerTimesteps = None,
    seed: Annotated[int, seed_option("Seed of random images.")] = 0,
    json: Json = False,
) -> None:
    """Write the vectors of every core and summarise them."""
    import hw_mappings

    integer, _, _ = load(network)
    loaded = hw_mappings.Mapping.load(mapping)
    loaded.check(integer)
    images = some_images(data, integer, limit, seed)
    with stages(lines=True) as stage:
        about = hw_mappings.export_vectors(
            integer, loaded, images.x, output, timesteps=timesteps, progress=lambda done, total: stage("vectors", done, total)
        )
    if json:
        emit_json(provenance(format=to, output=str(output), random_images=data is None, seed=seed, **about))
        return
    totals = {name: sum(core[name] for core in about["cores"]) for name in ("neurons", "axons", "entries", "in_events", "out_events")}
    show_lines(
        f"written: {output}, vectors of {len(about['cores'])} cores, {about['images']} image(s), T={about['timesteps']}"
        + ("; random images, as no --data was given" if data is None else ""),
        ", ".join(f"{total:,} {name.replace('_', ' ')}" for name, total in totals.items()),
        f"the format: {output / 'README.txt'}",
    )
