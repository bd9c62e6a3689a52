"""Exported folders in SANA-FE: its spikes, its counts, its energy and its time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["SanaFeRun", "run_in_sanafe"]

_RUN = """
import json, sys, sanafe
folder, steps = sys.argv[1], int(sys.argv[2])
architecture = sanafe.load_arch(f"{folder}/architecture.yaml")
chip = sanafe.SpikingChip(architecture)
chip.load(sanafe.load_net(f"{folder}/network.yaml", architecture))
traces = {"spike_trace": f"{folder}/spikes.csv", "potential_trace": True, "perf_trace": f"{folder}/perf.csv"}
found = chip.sim(steps, timing_model=sys.argv[3], **traces)
last = found["potential_trace"][-1]
kept = {name: value for name, value in found.items() if not name.endswith("_trace")}
print(json.dumps({**kept, "potentials": last}), file=sys.stderr)
"""


@dataclass(frozen=True)
class SanaFeRun:
    """What SANA-FE made of a folder.

    Attributes
    ----------
    about : dict
        sanafe.json.
    found : dict
        Its counts, energy in joules and time in seconds, of all steps.
    differing : int
        Spikes that one of the two has and the other has not.
    first : str or None
        The first of them, as neuron and step.
    readouts : group -> potentials at the end
    hops : int
    """

    about: dict[str, Any]
    found: dict[str, Any]
    differing: int
    first: str | None
    readouts: dict[str, list[float]]
    hops: int


def run_in_sanafe(folder: Path, timing: str = "detailed", program: str = sys.executable) -> SanaFeRun:
    """Run an exported folder, in a process of its own: SANA-FE prints what it does."""
    about = json.loads((folder / "sanafe.json").read_text(encoding="utf-8"))
    done = subprocess.run([program, "-c", _RUN, str(folder), str(about["steps"]), timing], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    expected, spikes = (Counter((folder / name).read_text().split()[1:]) for name in ("expected_spikes.csv", "spikes.csv"))
    apart = (expected - spikes) + (spikes - expected)
    first = min(apart, key=lambda line: int(line.split(",")[1]), default=None)
    perf = [line.split(",") for line in (folder / "perf.csv").read_text().splitlines()]
    hops = sum(int(row[perf[0].index("hops")]) for row in perf[1:])
    found = json.loads(done.stderr.splitlines()[-1])
    ends, readouts = iter(found.pop("potentials")), {}
    for group in sorted(about["readouts"]):
        readouts[group] = [next(ends) for _ in about["readouts"][group]]
    return SanaFeRun(about, found, apart.total(), first, readouts, hops)
