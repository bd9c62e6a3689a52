"""A deployment as a table on the terminal."""

from __future__ import annotations

from dataclasses import astuple, fields
from typing import TYPE_CHECKING

from ecc_lava.analysis import Differences
from ecc_lava.backends import LAVA, ONE_PROCESS
from ecc_lava.cli.show.output import counted, in_short, show_lines, show_table

if TYPE_CHECKING:
    from hw_mappings import Deployment, Mapping

__all__ = ["show_deployment"]

BUSIEST = 12
"""The most cores that the table shows; JSON has all of them."""

RUNTIME_IN_WORDS = {LAVA: "Lava's own runtime", ONE_PROCESS: "Lava's process models in one process, not Lava's own runtime"}


def show_deployment(name: str, mapping: Mapping, done: Deployment, *, random: bool) -> None:
    """Print the busiest cores, the runtime, and what differs."""
    busiest = sorted(zip(mapping.cores, done.counters, strict=True), key=lambda pair: -pair[1].synops)[:BUSIEST]
    rows, cores = [], counted(len(mapping.cores), "core")
    for core, counters in busiest:
        first, *others = dict.fromkeys(shard.population for shard in core.shards)
        held = f"{first} +{len(others)}" if others else first
        rows.append((f"{core.address.chip}/{core.address.core}", *map(in_short, astuple(counters)), held))
    columns = ("core", *(field.name.replace("_", " ") for field in fields(done.counters[0])), "holds")
    show_table(f"{name} on {mapping.chip.name}", columns, rows)
    show_lines(
        f"{len(rows)} of {cores}, busiest first; all images together; +N: N more populations; exact counts: --json",
        f"runtime: {done.runtime} ({RUNTIME_IN_WORDS[done.runtime]}), {done.processes} process(es) for {cores}",
        f"{done.steps} steps in {done.seconds:.1f} s, {done.steps / done.seconds:,.1f} steps/s, start included"
        + ("; random images, as no --data was given" if random else ""),
        f"against fast: {_differences(done.lava_vs_fast)}",
    )
    if done.sample_vs_fast is not None:
        sample = ", ".join(f"{mapping.cores[n].address.chip}/{mapping.cores[n].address.core}" for n in done.sampled)
        show_lines(f"cores {sample} alone in Lava's own runtime: {_differences(done.sample_vs_fast)}")
    graded, bits = (float(events.mean()) for events in (done.result.graded_synops, done.result.payload_bits))
    if graded:
        show_lines(f"an image: {graded:,.0f} graded synops, {bits:,.0f} payload bits")
    show_lines(
        f"counters of {counted(done.differing_counters, 'core')} differ from those predicted",
        "everything is equal" if done.ok else "FAILED: see above",
    )


def _differences(found: Differences) -> str:
    return f"{found.differing_spikes} spikes and {found.differing_potentials} potentials differ on {found.images} image(s)"
