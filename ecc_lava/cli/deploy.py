"""`ecc-lava deploy`: a mapping as Lava processes on images, compared with the fast back end."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecc_lava.cli.models import some_images
from ecc_lava.cli.output import FAILED, OK, emit_json, provenance, show_lines, show_table, stages
from ecc_lava.dataset import digest
from ecc_lava.storage import load

if TYPE_CHECKING:
    from hw_mappings import Deployment, Mapping

__all__ = ["Options", "run"]

_RUNTIMES = {"lava": "Lava's runtime", "one-process": "one process of the operating system (the same process models, not Lava's runtime)"}


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


def run(network: Path, mapping: Path, options: Options, json: bool) -> int:
    """Deploy and print; return the exit code."""
    import hw_mappings

    integer, _, _ = load(network)
    mapped = hw_mappings.Mapping.load(mapping)
    mapped.check(integer)
    images = some_images(options.data, integer, options.limit, options.seed)
    with stages(lines=True) as stage:
        found = hw_mappings.deploy(
            integer,
            mapped,
            images.x,
            timesteps=options.timesteps,
            runtime=options.runtime,
            max_processes=options.max_processes,
            sample=options.sample,
            seed=options.seed,
            progress=stage,
        )
    if json:
        emit_json(provenance(network_digest=integer.digest, data_digest=digest(images.x), seed=options.seed, **_facts(mapped, found)))
    else:
        _show(network.name, mapped, found)
    return OK if found.ok else FAILED


def _facts(mapping: Mapping, found: Deployment) -> dict[str, Any]:
    cores = [
        {"chip": core.address.chip, "core": core.address.core, "measured": asdict(measured), "predicted": asdict(predicted)}
        for core, measured, predicted in zip(mapping.cores, found.counters, found.predicted, strict=True)
    ]
    return {
        "lava_vs_fast": asdict(found.lava_vs_fast),
        "cores": len(mapping.cores),
        "processes": found.processes,
        "runtime": found.runtime,
        "timesteps": found.result.timesteps,
        "steps": found.steps,
        "seconds": round(found.seconds, 3),
        "steps_per_second": found.steps / found.seconds,
        "sampled_cores": list(found.sampled),
        "sample_vs_fast": None if found.sample_vs_fast is None else asdict(found.sample_vs_fast),
        "differing_counters": found.differing_counters,
        "counters": cores,
    }


def _show(name: str, mapping: Mapping, found: Deployment) -> None:
    rows: dict[str, list[int]] = {}
    for core, counter in zip(mapping.cores, found.counters, strict=True):
        held = ", ".join(dict.fromkeys(shard.population for shard in core.shards))
        row = rows.setdefault(held, [0] * 5)
        for place, value in enumerate((1, counter.spikes_in, counter.spikes_out, counter.synops, counter.updates)):
            row[place] += value
    columns = ("populations", "cores", "spikes in", "spikes out", "synops", "updates")
    show_table(f"{name} on {mapping.chip.name}", columns, [(held, *(f"{n:,}" for n in row)) for held, row in rows.items()])
    against = found.lava_vs_fast
    lines = [
        f"{len(mapping.cores)} cores in {found.processes} processes, {_RUNTIMES[found.runtime]}: {found.steps} steps in "
        f"{found.seconds:.1f} s, {found.steps / found.seconds:,.1f} a second",
        f"against fast, {against.images} images: {against.differing_spikes} spikes and {against.differing_potentials} potentials differ; "
        f"counters of {found.differing_counters} cores differ from those predicted",
    ]
    if found.sample_vs_fast is not None:
        sample = found.sample_vs_fast
        lines.append(
            f"cores {', '.join(map(str, found.sampled))} also in Lava's runtime: {sample.differing_spikes} spikes and "
            f"{sample.differing_potentials} potentials differ"
        )
    show_lines(*lines)
