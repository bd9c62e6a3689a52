"""Placers and rivals on the same cores and spikes: a table, JSON with `--json FILE`, and the problems themselves with `--save DIR`.

    uv run --extra bench python tests/benchmarks/placement.py [--only NAME:CHIP ...] [--data FOLDER]
        [--json FILE [--keep]] [--save DIR]

Networks are those of `mapping.py`: trained ones fire as they do on images, the others' neurons all fire at every step. Routers copy spikes
on every chip here, rows first. A saved problem is an NPZ that other placers can read: `positions` (places, 2), column and row of every core
that may be used; `cores`, how many to place there; `sources`, `starts`, `targets`, `spikes`: tree t has a source, the targets
``targets[starts[t] : starts[t + 1]]`` and a number of spikes; `chip`, columns and rows of one chip. Hops are spikes times links of trees.
`--keep` keeps the rows of the JSON that are not measured anew.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from hw_mappings.chips import LOIHI1, Address, ChipSpec, board_positions
from hw_mappings.chips.figures import assumed
from hw_mappings.mapper import map_network
from hw_mappings.mapping import deployed
from hw_mappings.placement import PLACERS, PlacementProblem, Placer, Traffic, hop_weighted, loads, routes
from hw_mappings.placement.pair_annealing import pairs_annealed
from tests.benchmarks import mapping
from tests.benchmarks.environment import environment
from tests.benchmarks.placement_rivals import rivals
from tests.helpers.chips import random_trees

ROWS = (
    *(("vgg16-half", "loihi2"), ("vgg16-half", "loihi1"), ("resnet20", "loihi2"), ("resnet20", "loihi1"), ("mobilenet", "loihi2")),
    *(("mobilenet", "loihi1"), ("vgg16-full", "loihi2"), ("vgg16-full", "loihi1"), ("pilotnet", "loihi2"), ("pilotnet", "loihi1")),
    *(("resnet50-224", "loihi2"),),
)
MULTICAST = assumed(1, "compared as if routers copy spikes")


def problem_of(name: str, chip_name: str, data: Path, cache: Path) -> PlacementProblem:
    """Return the cores of a network and their spikes."""
    network = mapping.network_of(name, chip_name, data, cache)
    activity = mapping.simulated(network, data) if name in mapping.TRAINED else None
    chip = replace(mapping.CHIPS[chip_name], multicast=MULTICAST)
    return deployed(map_network(network, chip, activity, placer="row-major"), network, activity).problem


def measured(problem: PlacementProblem, placer: Placer) -> dict[str, Any]:
    """Return what a placement costs and the seconds that it takes, the processor's, as other programs lengthen the clock's."""
    started = time.process_time(), time.perf_counter()
    addresses = placer(problem)
    seconds = time.process_time() - started[0], time.perf_counter() - started[1]
    assert len(set(addresses)) == problem.cores, "two cores in one place"
    found = routes(loads(problem.multicast, addresses, problem.chip), problem.chip)
    return {
        "hops": found.horizontal + found.vertical,
        "between_chips": found.between_chips,
        "busiest_link": found.busiest_messages,
        "hops_one_message_a_core": hop_weighted(problem, addresses),
        "chips": len({address.chip for address in addresses}),
        "seconds": round(seconds[0], 3),
        "wall_seconds": round(seconds[1], 3),
    }


def warm(placers: dict[str, Placer], chip: ChipSpec) -> None:
    """Let everything compile that compiles."""
    trees = random_trees(np.random.default_rng(0), 6)
    lengths = np.diff(trees.starts)
    traffic = Traffic(np.repeat(trees.sources, lengths), trees.targets, np.repeat(trees.spikes, lengths))
    for placer in placers.values():
        placer(PlacementProblem(6, traffic, chip, spikes=trees))


def save(problem: PlacementProblem, path: Path) -> None:
    """Write a problem for other placers."""
    chip, trees = problem.chip, problem.multicast
    chips = dict.fromkeys(address.chip for address in PLACERS["hilbert"](problem))
    positions = board_positions([Address(number, core) for number in chips for core in chip.usable(number)], chip)
    mesh = [chip.amount("mesh_columns"), chip.amount("mesh_rows")]
    fields = {"sources": trees.sources, "starts": trees.starts, "targets": trees.targets, "spikes": trees.spikes}
    np.savez_compressed(path, positions=positions, cores=problem.cores, chip=mesh, **fields)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the rows asked for, print them as they come, and write them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[f"{n}:{c}" for n, c in ROWS], help="rows as NAME:CHIP")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "ecc-lava-benchmarks")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", action="store_true", help="keep the rows of the JSON that are not measured anew")
    parser.add_argument("--save", type=Path, help="a folder for the problems")
    options = parser.parse_args(arguments)
    if options.keep and options.json is None:
        parser.error("--keep needs --json, whose rows it keeps")
    options.cache.mkdir(parents=True, exist_ok=True)
    placers = {**PLACERS, "pairs annealed": pairs_annealed, **rivals()}
    warm(placers, replace(LOIHI1, multicast=MULTICAST))
    report: dict[str, Any] = {"version": 1, "environment": environment()}
    kept = json.loads(options.json.read_text())["rows"] if options.keep else []
    rows = {(row["network"], row["chip"]): row for row in kept}
    columns = ("cores", "chips", "hops", "to qap", "between chips", "busiest link", "seconds")
    print(f"{'network':14} {'chip':7} {'placer':20}" + "".join(f"{column:>15}" for column in columns))
    for row in options.only:
        name, chip_name = row.split(":")
        problem = problem_of(name, chip_name, options.data, options.cache)
        if options.save is not None:
            options.save.mkdir(parents=True, exist_ok=True)
            save(problem, options.save / f"{name}-{chip_name}.npz")
        found = {placer: measured(problem, place) for placer, place in placers.items()}
        for placer, figures in found.items():
            ratio = figures["hops"] / found["qap"]["hops"] - 1
            print(
                f"{name:14} {chip_name:7} {placer:20}{problem.cores:15}{figures['chips']:15}{figures['hops']:15,.0f}{100 * ratio:+14.1f}%"
                f"{figures['between_chips']:15,.0f}{figures['busiest_link']:15,.0f}{figures['seconds']:15.2f}",
                flush=True,
            )
        about = {"network": name, "chip": chip_name, "cores": problem.cores, "trees": len(problem.multicast.spikes)}
        rows[name, chip_name] = {**about, "placers": found, "commit": report["environment"]["commit"]}
        if options.json is not None:
            options.json.write_text(json.dumps({**report, "rows": [*rows.values()]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
