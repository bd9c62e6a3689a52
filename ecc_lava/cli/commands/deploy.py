"""`ecc-lava deploy`: run a mapping as Lava processes and compare it with the unpartitioned fast back end."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from ecc_lava.cli.choices import choice, runtimes
from ecc_lava.cli.files import some_images
from ecc_lava.cli.options import FewerTimesteps, Json, Network, NumberOfImages, OptionalData, seed_option
from ecc_lava.cli.show.deployment import show_deployment
from ecc_lava.cli.show.output import FAILED, OK, emit_json, provenance
from ecc_lava.cli.show.progress import stages
from ecc_lava.inputs import digest
from ecc_lava.storage import load

if TYPE_CHECKING:
    from hw_mappings import Deployment, Mapping

__all__ = ["command"]

MappingFile = Annotated[Path, typer.Argument(metavar="MAPPING.json", help="A mapping of the network, made by `ecc-lava map`.")]
Runtime = Annotated[
    str,
    choice(
        runtimes(),
        help="Lava's runtime, or its process models in one process; auto: Lava's runtime if every layer can have a process.",
    ),
]
MaxProcesses = Annotated[
    Optional[int],
    typer.Option(min=3, help="The most processes; cores of a layer share a process if need be (default: what the machine holds)."),
]
Sample = Annotated[int, typer.Option(min=0, help="How many cores Lava's runtime also runs if one process runs all of them.")]


def command(
    network: Network,
    mapping: MappingFile,
    data: OptionalData = None,
    limit: NumberOfImages = 4,
    timesteps: FewerTimesteps = None,
    runtime: Runtime = "auto",
    max_processes: MaxProcesses = None,
    sample: Sample = 2,
    seed: Annotated[int, seed_option("Seed of the sample and of random images.")] = 0,
    json: Json = False,
) -> None:
    """Deploy and print; exit 1 if anything differs."""
    import hw_mappings

    integer, _, _ = load(network)
    loaded = hw_mappings.Mapping.load(mapping)
    loaded.check(integer)
    images = some_images(data, integer, limit, seed)
    with stages(lines=True) as stage:
        done = hw_mappings.deploy(
            integer,
            loaded,
            images.x,
            timesteps=timesteps,
            runtime=runtime,
            max_processes=max_processes,
            sample=sample,
            seed=seed,
            progress=stage,
        )
    if json:
        about = provenance(network_digest=integer.digest, data_digest=digest(images.x), seed=seed, random_images=data is None)
        emit_json({**about, **_facts(loaded, done)})
    else:
        show_deployment(network.name, loaded, done, random=data is None)
    raise typer.Exit(OK if done.ok else FAILED)


def _facts(mapping: Mapping, done: Deployment) -> dict[str, Any]:
    """Return the part of the JSON object that describes the deployment."""
    return {
        "runtime": done.runtime,
        "processes": done.processes,
        "cores": len(mapping.cores),
        "chip": mapping.chip.name,
        "timesteps": done.result.timesteps,
        "lava_vs_fast": asdict(done.lava_vs_fast),
        "sample": None if done.sample_vs_fast is None else {"cores": list(done.sampled), **asdict(done.sample_vs_fast)},
        "differing_counters": done.differing_counters,
        "graded_synops_per_image": float(done.result.graded_synops.mean()),
        "payload_bits_per_image": float(done.result.payload_bits.mean()),
        "counters": [
            {"chip": core.address.chip, "core": core.address.core, **asdict(counted)}
            for core, counted in zip(mapping.cores, done.counters, strict=True)
        ],
        "steps": done.steps,
        "seconds": round(done.seconds, 3),
        "steps_per_second": round(done.steps / done.seconds, 1),
        "ok": done.ok,
    }
