"""`ecc-lava export`: write a network in the files of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ecc_lava.cli.choices import choice
from ecc_lava.cli.files import some_images
from ecc_lava.cli.options import FewerTimesteps, Json, Network, NumberOfImages, OptionalData, seed_option
from ecc_lava.cli.show.output import counted, emit_json, provenance, show_lines
from ecc_lava.cli.show.progress import stages
from ecc_lava.common import check_writable
from ecc_lava.errors import InvalidInput
from ecc_lava.exchange import to_nir
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.storage import load

__all__ = ["command"]

VECTORS, SANAFE, NIR = TARGETS = ("vectors", "sanafe", "nir")
MAPPED = (VECTORS, SANAFE)
"""What is written of a mapping and images; the others are of the network alone."""

To = Annotated[
    str,
    choice(
        TARGETS,
        "--to",
        help="vectors: the memory, the events in and out and the potentials of every core; sanafe: the mapping and an image for SANA-FE, "
        "which estimates energy and time; nir: a graph for other simulators. docs/exchange.md.",
    ),
]
MappingFile = Annotated[
    Optional[Path],
    typer.Option("--mapping", metavar="MAPPING.json", help="For vectors and sanafe: a mapping of the network, made by `ecc-lava map`."),
]
Output = Annotated[
    Path, typer.Option("-o", "--output", metavar="PATH", help="For vectors and sanafe a new or empty folder, for nir a file.")
]


def command(
    network: Network,
    to: To,
    output: Output,
    mapping: MappingFile = None,
    data: OptionalData = None,
    limit: NumberOfImages = 1,
    timesteps: FewerTimesteps = None,
    seed: Annotated[int, seed_option("Seed of random images.")] = 0,
    json: Json = False,
) -> None:
    """Write the files and summarise them."""
    if (mapping is None) == (to in MAPPED):
        raise InvalidInput(f"--to {to} {'needs a mapping; make one with `ecc-lava map`' if to in MAPPED else 'takes no --mapping'}")
    if mapping is None and (data is not None or timesteps is not None):
        raise InvalidInput(f"--to {to} takes neither --data nor --timesteps")
    if mapping is None:
        check_writable(output, inputs=[network])
    integer, _, _ = load(network)
    if mapping is None:
        _nir(integer, output, json)
    elif to == SANAFE:
        if limit != 1:
            raise InvalidInput(f"--limit {limit}: a network file of SANA-FE has the input of one image; export one at a time")
        _sanafe(integer, mapping, output, data, timesteps, seed, json)
    else:
        _vectors(integer, mapping, output, data, limit, timesteps, seed, json)


def _nir(network: QuantisedNetwork, output: Path, json: bool) -> None:
    graph = to_nir(network, output)
    if json:
        facts = {"nodes": len(graph.nodes), "edges": len(graph.edges), "timesteps": network.timesteps}
        emit_json(provenance(format=NIR, output=str(output), network_digest=network.digest, **facts))
        return
    show_lines(
        f"written: {output}, {counted(len(graph.nodes), 'node')}, {counted(len(graph.edges), 'edge')}, T={network.timesteps}",
        "neurons reset by subtraction and start at the v_init of their metadata; how to set that in a simulator: docs/exchange.md",
    )


def _vectors(
    network: QuantisedNetwork,
    mapping: Path,
    output: Path,
    data: Path | None,
    limit: int,
    timesteps: int | None,
    seed: int,
    json: bool,
) -> None:
    import hw_mappings

    loaded = hw_mappings.Mapping.load(mapping)
    loaded.check(network)
    images = some_images(data, network, limit, seed)
    with stages(lines=True) as stage:
        about = hw_mappings.export_vectors(
            network, loaded, images.x, output, timesteps=timesteps, progress=lambda done, total: stage("vectors", done, total)
        )
    if json:
        emit_json(provenance(format=VECTORS, output=str(output), random_images=data is None, seed=seed, **about))
        return
    totals = {name: sum(core[name] for core in about["cores"]) for name in ("neurons", "axons", "entries", "in_events", "out_events")}
    show_lines(
        f"written: {output}, vectors of {len(about['cores'])} cores, {about['images']} image(s), T={about['timesteps']}"
        + ("; random images, as no --data was given" if data is None else ""),
        ", ".join(f"{total:,} {name.replace('_', ' ')}" for name, total in totals.items()),
        f"the format: {output / 'README.txt'}",
    )


def _sanafe(
    network: QuantisedNetwork, mapping: Path, output: Path, data: Path | None, timesteps: int | None, seed: int, json: bool
) -> None:
    import hw_mappings

    image = some_images(data, network, 1, seed)
    about = hw_mappings.export_sanafe(network, hw_mappings.Mapping.load(mapping), image.x, output, timesteps=timesteps)
    if json:
        emit_json(provenance(format=SANAFE, output=str(output), random_images=data is None, seed=seed, **about))
        return
    show_lines(
        f"written: {output}, {counted(about['cores'], 'core')}, T={about['timesteps']}, {about['steps']} steps to run"
        + ("; a random image, as no --data was given" if data is None else ""),
        f"{about['neurons']:,} neurons, {about['spikes']:,} spikes, {about['synaptic_events']:,} spikes through synapses to be expected",
        f"how to run and compare: {output / 'README.txt'}; energy by term: docs/exchange.md",
    )
