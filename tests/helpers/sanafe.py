"""Exported folders in SANA-FE: its spikes, its counts, its energy and its time; and its equation without it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["SanaFeRun", "replay", "run_in_sanafe"]

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


def replay(folder: Path, about: dict[str, Any]) -> tuple[Counter[str], dict[str, list[float]], Counter[str]]:
    """Do what SANA-FE does; return the lines of its trace, the readouts' potentials, and how many events and messages it counts."""
    text = (folder / "network.yaml").read_text()
    groups: dict[str, list[tuple[int, int, float]]] = {}
    trains: dict[str, list[int]] = {}
    name, lowest = "", 0.0
    for line in text[: text.index("  edges:")].splitlines():
        if found := re.fullmatch(r"    - name: (\w+)", line):
            name = found[1]
        elif found := re.search(r"reverse_threshold: (-[\d.]+), reverse_reset_mode: saturate", line):
            lowest = float(found[1])
        elif found := re.fullmatch(r"        - (\d+)(?:\.\.(\d+))?: {threshold: (\d+), bias: (-?\d+), potential: (-?[\d.]+)}", line):
            number = int(found[2] or found[1]) - int(found[1]) + 1
            groups.setdefault(name, []).extend([(int(found[3]), int(found[4]), float(found[5]))] * number)
            assert len(groups[name]) == int(found[2] or found[1]) + 1
        elif found := re.fullmatch(r"        - (\d+): {spikes: \[([01, ]+)\]}", line):
            trains[f"{name}.{found[1]}"] = [int(n) for n in found[2].split(",")]
    cores = _cores(text[text.index("mappings:") :])
    edges: dict[str, list[tuple[str, int, int]]] = {}
    for a, b, w, d in re.findall(r"    - (\S+) -> (\S+): \[w: (-?\d+)(?:, delay: (\d+))?\]", text):
        edges.setdefault(a, []).append((b, int(w), int(d or 0)))
    names = [f"{group}.{n}" for group, neurons in groups.items() for n in range(len(neurons))]
    threshold, bias, v = (np.array(column) for column in zip(*(row for neurons in groups.values() for row in neurons), strict=True))
    index = {neuron: n for n, neuron in enumerate(names)}
    arriving = np.zeros((about["steps"] + 8, len(names)))
    lines: list[str] = []
    counts: Counter[str] = Counter()
    for step in range(about["steps"]):
        v = v + bias + arriving[step]
        fires = v > threshold
        v = np.maximum(v - threshold * fires, lowest)
        fired = [names[n] for n in np.flatnonzero(fires)]
        lines += [f"{neuron},{step + 1}" for neuron in fired]
        for neuron in fired + [host for host, train in trains.items() if step < len(train) and train[step]]:
            counts["messages"] += len({cores[target] for target, _, _ in edges.get(neuron, [])})
            for target, weight, delay in edges.get(neuron, []):
                arriving[step + 1 + delay, index[target]] += weight
                counts["events"] += 1
    return (
        Counter(lines),
        {group: [v[index[f"{group}.{n}"]] for n in range(len(ours))] for group, ours in about["readouts"].items()},
        counts,
    )


def _cores(text: str) -> dict[str, str]:
    """Return the core of every neuron; none of the cores' units holds more than SANA-FE's can."""
    cores: dict[str, str] = {}
    held: Counter[tuple[str, str]] = Counter()
    where = r'  - (\w+)\.(\d+)(?:\.\.(\d+))?: {core: ([\d.]+), soma: "([^"]+)"(?:, dendrite: "([^"]+)")?}'
    for group, first, last, core, soma, dendrite in re.findall(where, text):
        here = {f"{group}.{n}": core for n in range(int(first), int(last or first) + 1)}
        cores |= here
        held += Counter({(core, soma): len(here), (core, dendrite): len(here)})
        assert soma.replace("neuron", "dendrite") == dendrite or not dendrite
    assert max(held.values()) <= 1024
    return cores
