"""`ecc-lava deploy`: a mapping as Lava processes, against the unpartitioned fast back end."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecc_lava.analysis import Differences
from ecc_lava.cli.files import some_images
from ecc_lava.cli.show.output import FAILED, OK, emit_json, provenance, show_lines, show_table, stages
from ecc_lava.inputs import digest
from ecc_lava.storage import load

if TYPE_CHECKING:
    from hw_mappings import Deployment, Mapping

__all__ = ["Options", "run"]

BUSIEST = 12
"""Cores that the table shows; JSON has all."""

RUNTIMES = {"lava": "Lava's own runtime", "one-process": "Lava's process models in one process, not Lava's own runtime"}


@dataclass(frozen=True)
class Options:
    """What `deploy` was asked for."""

    data: Path | None
    limit: int
    timesteps: int | None
    runtime: str
    max_processes: int | None
    sample: int
    seed: int


def run(network: Path, mapping_file: Path, options: Options, json: bool) -> int:
    """Deploy and print; return the exit code."""
    import hw_mappings

    integer, _, _ = load(network)
    mapping = hw_mappings.Mapping.load(mapping_file)
    mapping.check(integer)
    images = some_images(options.data, integer, options.limit, options.seed)
    with stages(lines=True) as stage:
        done = hw_mappings.deploy(
            integer,
            mapping,
            images.x,
            timesteps=options.timesteps,
            runtime=options.runtime,
            max_processes=options.max_processes,
            sample=options.sample,
            seed=options.seed,
            progress=stage,
        )
    if json:
        about = provenance(
            network_digest=integer.digest, data_digest=digest(images.x), seed=options.seed, random_images=options.data is None
        )
        emit_json({**about, **_facts(mapping, done)})
    else:
        _show(network.name, mapping, done, options.data is None)
    return OK if done.ok else FAILED


def _facts(mapping: Mapping, done: Deployment) -> dict[str, Any]:
    """Return what JSON says of a deployment."""
    return {
        "runtime": done.runtime,
        "processes": done.processes,
        "cores": len(mapping.cores),
        "chip": mapping.chip.name,
        "timesteps": done.result.timesteps,
        "lava_vs_fast": asdict(done.lava_vs_fast),
        "sample": None if done.sample_vs_fast is None else {"cores": list(done.sampled), **asdict(done.sample_vs_fast)},
        "differing_counters": done.differing_counters,
        "counters": [
            {"chip": core.address.chip, "core": core.address.core, **asdict(counted)}
            for core, counted in zip(mapping.cores, done.counters, strict=True)
        ],
        "steps": done.steps,
        "seconds": round(done.seconds, 3),
        "steps_per_second": round(done.steps / done.seconds, 1),
        "ok": done.ok,
    }


def _show(name: str, mapping: Mapping, done: Deployment, random: bool) -> None:
    busiest = sorted(zip(mapping.cores, done.counters, strict=True), key=lambda pair: -pair[1].synops)[:BUSIEST]
    rows = []
    for core, counted in busiest:
        held = ", ".join(dict.fromkeys(shard.population for shard in core.shards))
        rows.append((f"{core.address.chip}/{core.address.core}", held, *(f"{count:,}" for count in astuple(counted))))
    columns = ("chip/core", "holds", *(field.name.replace("_", " ") for field in fields(done.counters[0])))
    show_table(
        f"{name} on {mapping.chip.name}, all images together: {len(rows)} of {len(mapping.cores)} core(s), busiest first", columns, rows
    )
    show_lines(
        f"runtime: {done.runtime} ({RUNTIMES[done.runtime]}), {done.processes} process(es) for {len(mapping.cores)} core(s)",
        f"{done.steps} steps in {done.seconds:.1f} s, {done.steps / done.seconds:,.1f} steps/s, start included"
        + ("; random images, as no --data was given" if random else ""),
        f"against fast: {_differences(done.lava_vs_fast)}",
    )
    if done.sample_vs_fast is not None:
        cores = ", ".join(f"{mapping.cores[n].address.chip}/{mapping.cores[n].address.core}" for n in done.sampled)
        show_lines(f"cores {cores} alone in Lava's own runtime: {_differences(done.sample_vs_fast)}")
    show_lines(
        f"counters of {done.differing_counters} core(s) differ from those predicted",
        "everything is equal" if done.ok else "FAILED: see above",
    )


def _differences(found: Differences) -> str:
    return f"{found.differing_spikes} spikes and {found.differing_potentials} potentials differ on {found.images} image(s)"
