"""`ecc-lava export`: write a network in the files of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import numpy as np
import typer

from ecc_lava.backends import simulate
from ecc_lava.cli.choices import choice
from ecc_lava.cli.files import load_images, some_images
from ecc_lava.cli.options import FewerTimesteps, Json, Limit, Network, OptionalData, seed_option
from ecc_lava.cli.show.output import counted, emit_json, provenance, show_lines
from ecc_lava.cli.show.progress import stages
from ecc_lava.common import check_writable
from ecc_lava.errors import InvalidInput
from ecc_lava.exchange import NetxNetwork, predictions_of, to_netx, to_nir
from ecc_lava.inputs import Dataset
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.storage import load

__all__ = ["command"]

VECTORS, SANAFE, NIR, NETX = TARGETS = ("vectors", "sanafe", "nir", "netx")
MAPPED = (VECTORS, SANAFE)
"""What is written of a mapping and images; the others are of the network alone."""

NETX_IMAGES = 1000
"""Images at most, unless told, of which netx's golden model says what its neuron costs."""

To = Annotated[
    str,
    choice(
        TARGETS,
        "--to",
        help="vectors: the memory, the events in and out and the potentials of every core; sanafe: the mapping and an image for SANA-FE, "
        "which estimates energy and time; nir: a graph for other simulators; netx: layers for lava-dl, whose neuron is another. "
        "docs/exchange.md.",
    ),
]
MappingFile = Annotated[
    Optional[Path],
    typer.Option("--mapping", metavar="MAPPING.json", help="For vectors and sanafe: a mapping of the network, made by `ecc-lava map`."),
]
Output = Annotated[
    Path, typer.Option("-o", "--output", metavar="PATH", help="For vectors and sanafe a new or empty folder, for nir and netx a file.")
]


def command(
    network: Network,
    to: To,
    output: Output,
    mapping: MappingFile = None,
    data: OptionalData = None,
    limit: Limit = None,
    timesteps: FewerTimesteps = None,
    seed: Annotated[int, seed_option("Seed of random images.")] = 0,
    json: Json = False,
) -> None:
    """Write the files and summarise them."""
    if (mapping is None) == (to in MAPPED):
        raise InvalidInput(f"--to {to} {'needs a mapping; make one with `ecc-lava map`' if to in MAPPED else 'takes no --mapping'}")
    if mapping is None and (timesteps is not None or (data is not None and to == NIR)):
        raise InvalidInput(f"--to {to} takes {'no --timesteps' if to == NETX else 'neither --data nor --timesteps'}")
    if mapping is None:
        check_writable(output, inputs=[network])
    integer, _, _ = load(network)
    if mapping is None and to == NETX:
        _netx(integer, output, data, limit or NETX_IMAGES, json)
    elif mapping is None:
        _nir(integer, output, json)
    elif to == SANAFE:
        if limit not in (None, 1):
            raise InvalidInput(f"--limit {limit}: a network file of SANA-FE has the input of one image; export one at a time")
        _sanafe(integer, mapping, output, data, timesteps, seed, json)
    else:
        _vectors(integer, mapping, output, data, limit or 1, timesteps, seed, json)


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


def _netx(network: QuantisedNetwork, output: Path, data: Path | None, limit: int, json: bool) -> None:
    images = None if data is None else load_images(data, "test", network.input_specs, limit)
    written = to_netx(network, output)
    facts = {"layers": len(written.layers), "timesteps": written.timesteps, "largest_rounding_of_a_bias": written.rounded}
    if images is not None:
        facts |= _compared(network, written, images)
    if json:
        emit_json(provenance(format=NETX, output=str(output), network_digest=network.digest, **facts))
        return
    how = f"input_message_bits={written.message_bits}, reset_interval={written.timesteps}, reset_offset=1"
    cost = "what that costs, --data IMAGES.npz tells" if images is None else _told(facts)
    show_lines(
        f"written: {output}, {counted(len(written.layers), 'layer')}, T={written.timesteps}; lava-dl reads it by hdf5.Network(FILE, {how})",
        f"its neurons reset to zero, begin at zero and have biases rounded to whole weights, so that it is another network: {cost}",
    )


def _compared(network: QuantisedNetwork, written: NetxNetwork, images: Dataset) -> dict[str, float]:
    """Return how a network and its netx file judge images."""
    own, theirs = np.asarray(simulate(network, images.x).predictions), predictions_of(written, images.x)
    facts = {"images": len(own), "agreement": float((own == theirs).mean())}
    if images.y is not None and images.y.size == len(own) and images.y.dtype.kind in "iu":
        facts |= {"accuracy": float((own == images.y.ravel()).mean()), "accuracy_of_netx": float((theirs == images.y.ravel()).mean())}
    return facts


def _told(facts: dict[str, float]) -> str:
    accuracy = f", accuracy {facts['accuracy_of_netx']:.1%} for {facts['accuracy']:.1%}" if "accuracy" in facts else ""
    return f"on {facts['images']} images {facts['agreement']:.1%} of the predictions are the same{accuracy}"


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
        *(() if any(about["prices"].values()) else (_NO_PRICES.format(about["chip"]),)),
    )


_NO_PRICES = (
    "{} publishes no energies and times of events, so that SANA-FE's are 0; a chip file may have yours, or `prices` in Python: "
    "docs/exchange.md"
)
