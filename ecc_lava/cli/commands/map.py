"""`ecc-lava map`: map a network file to a chip, or sweep what it needs on all."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated, Optional

import typer

from ecc_lava.backends import Result, simulate
from ecc_lava.cli.choices import chips, choice, map_defaults, placers, synapse_models
from ecc_lava.cli.files import load_images
from ecc_lava.cli.map_sweep import check_alone, sweep_file
from ecc_lava.cli.options import Json, Network, seed_option
from ecc_lava.cli.several import Several, Words, values
from ecc_lava.cli.show.mapping import show_mapping
from ecc_lava.cli.show.output import emit_json, provenance
from ecc_lava.cli.show.progress import stages
from ecc_lava.common import Progress, check_writable, write_bytes
from ecc_lava.errors import DoesNotFit, InvalidInput
from ecc_lava.inputs import Dataset, digest
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.storage import load

__all__ = ["command"]

CHIP, PLACER, SYNAPSE_MODEL = map_defaults()
LIMIT = 16

Output = Annotated[
    Optional[Path],
    typer.Option("-o", "--output", metavar="MAPPING.json", help="The mapping to write; with --sweep a picture: .png, .svg or .pdf."),
]
Chip = Annotated[str, typer.Option(metavar="|".join([*chips(), "BOARD", "FILE"]), help="A built-in chip or board, or a chip file.")]
TrafficData = Annotated[
    Optional[Path], typer.Option("--data", metavar="FILE.npz", help="Images x_test: their spikes weigh traffic and cost.")
]
TrafficLimit = Annotated[int, typer.Option(min=1, help="Only the first N images of the data.")]
Placer = Annotated[str, choice(placers(), help="How cores are placed on the mesh.")]
SynapseModel = Annotated[str, choice(synapse_models(), help="Synaptic memory: lists with headers, indices and borders, or weights alone.")]
MaxCores = Annotated[
    Optional[int],
    typer.Option(min=1, metavar="N", help="The most cores to take; what no mapping can reach is said at once."),
]
Html = Annotated[
    Optional[Path], typer.Option(metavar="PAGE.html", help="Also write a page: the chip core by core, and what limits each layer.")
]
Swept = Annotated[
    bool,
    typer.Option(
        "--sweep",
        help="Map nothing: say what the network needs on each chip, at each width and payload, by each synapse model, and what larger "
        "limits save.",
    ),
]
Bits = Annotated[
    Words,
    typer.Option(metavar="B...", help="Widths of the weights that --sweep counts beside the network's own (default: 8 4 2)."),
    Several(r"-?\d+"),
]


def command(
    network: Network,
    output: Output = None,
    chip: Chip = CHIP,
    data: TrafficData = None,
    limit: TrafficLimit = LIMIT,
    placer: Placer = PLACER,
    synapse_model: SynapseModel = SYNAPSE_MODEL,
    seed: Annotated[int, seed_option("Seed of the annealing.")] = 0,
    max_cores: MaxCores = None,
    html: Html = None,
    sweep: Swept = False,
    bits: Bits = None,
    json: Json = False,
) -> None:
    """Map, print and save; or sweep and print."""
    if sweep:
        mapping_only = {"--data": data, "--limit": limit != LIMIT, "--placer": placer != PLACER, "--seed": seed, "--max-cores": max_cores}
        check_alone({**{name: bool(value) for name, value in mapping_only.items()}, "--html": html is not None})
        sweep_file(network, output, chip, synapse_model, values(bits), json)
        return
    if output is None:
        raise InvalidInput("-o MAPPING.json is needed: the mapping to write (--sweep writes none)")
    if bits is not None:
        raise InvalidInput("--bits goes with --sweep alone; a network file has one width")
    import hw_mappings
    from hw_mappings.costs import estimate, events
    from hw_mappings.mapping import deployed
    from hw_mappings.report import deployed_page, misfit_summary, summary

    started = time.perf_counter()
    _check_outputs(output, html, [network, Path(chip), *([] if data is None else [data])])
    integer, _, _ = load(network)
    target = hw_mappings.chip(chip)
    images = None if data is None else load_images(data, "test", integer.input_specs, limit)
    data_digest = None if images is None else digest(images.x)
    about = provenance(network_digest=integer.digest, chip=target.name, data_digest=data_digest, placer=placer, seed=seed)
    try:
        with stages() as stage:
            activity = None if images is None else _activity(integer, images, stage)
            searched = partial(hw_mappings.map_network, placer=placer, synapse_model=synapse_model, seed=seed)
            mapping = searched(integer, target, activity, max_cores=max_cores, progress=stage)
    except DoesNotFit as misfit:
        if json:
            facts = misfit_summary(integer, target, synapse_model, round(time.perf_counter() - started, 3))
            emit_json({**about, "reason": str(misfit), **facts})
        raise DoesNotFit(f"{network} does not fit on {target.name}: {misfit}") from misfit
    on_cores = deployed(mapping, integer, activity)
    cost = None if activity is None else estimate(events(on_cores), target)
    facts = summary(on_cores, round(time.perf_counter() - started, 3))
    page = b""
    if html is not None:
        origin = {"placer": placer, "seed": seed, "images": data_digest, "ecc-lava": about["packages"].get("ecc-lava")}
        page = deployed_page(on_cores, title=network.name, facts=facts, about=origin).encode()
    mapping.save(output)
    if html is not None:
        write_bytes(html, page)
    if json:
        emit_json({**about, **facts, "cost": None if cost is None else cost.as_dict()})
    else:
        show_mapping(network.name, mapping, facts, cost)


def _check_outputs(mapping: Path, page: Path | None, inputs: list[Path]) -> None:
    """Refuse outputs that cannot be written, that are also inputs, or that are the same file."""
    check_writable(mapping, inputs=inputs)
    if page is not None:
        check_writable(page, inputs=inputs)
        if page.resolve() == mapping.resolve():
            raise InvalidInput(f"{page}: is the mapping's file too; give the page another name")


def _activity(network: QuantisedNetwork, images: Dataset, stage: Progress) -> Result:
    """Simulate the network on images, with the spikes of every population."""
    told = partial(stage, "activity")
    return simulate(network, images.x, backend="fast", record=tuple(network.by_name), progress=told)
