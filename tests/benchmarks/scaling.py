"""How a run grows with workers: two of one thread beside one, measured; up to 1,024, simulated from what was measured.

Two and one: the same images of CIFAR-10 through `simulate`, by turns, on workers that have run them once before.

The simulation hands parts in as `ecc_lava.cluster` does: the client sends the network to every worker, one after the other, over one link;
it then serves one part at a time, which takes the time that was measured for parts without work; a part's images cross the same link unless
workers read them themselves; a free worker takes the next part. It leaves out machines of different speed, and that memory and caches are
shared by workers of one machine.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from ecc_lava import QuantisedNetwork, load, simulate
from ecc_lava.backends.parts import PART_IMAGES, PARTS_EACH
from ecc_lava.cluster import Shards, map_shards, open_client
from ecc_lava.cluster.held import packed
from ecc_lava.inputs import load_dataset
from tests.benchmarks.environment import environment
from tests.benchmarks.image_cost import networks
from tests.helpers.clusters import sum_or_fail

IMAGENET: Final = 50_000
LINK: Final = 125e6
"""Bytes a second of the client's link: 1 Gbit/s, an assumption."""

WORKERS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
ENOUGH: Final = 0.8
"""Speedup by worker below which more workers do not count as scaling."""

EMPTY_PARTS: Final = 300
BUSY_LOOPS: Final = 40_000_000


class Work(NamedTuple):
    """What one run of 50,000 images is made of."""

    image_seconds: float
    network_bytes: int
    image_bytes: int
    client_seconds: float


def simulated(work: Work, workers: int, sends_images: bool) -> float:
    """Return the seconds of a run."""
    size = max(1, min(PART_IMAGES, -(-IMAGENET // (PARTS_EACH * workers))))
    parts = [min(size, IMAGENET - first) for first in range(0, IMAGENET, size)]
    free = [work.network_bytes / LINK * (number + 1) for number in range(workers)]  # when each may begin
    client = end = 0.0
    for images in parts:
        client += work.client_seconds + (images * work.image_bytes / LINK if sends_images else 0.0)
        begins = max(heapq.heappop(free), client)
        heapq.heappush(free, begins + images * work.image_seconds)
        end = max(end, begins + images * work.image_seconds)
    return end


def growth(work: Work, sends_images: bool) -> dict[str, Any]:
    """Return hours and efficiency by number of workers, and the most workers that still scale."""
    one = simulated(work, 1, sends_images)
    hours = {str(n): simulated(work, n, sends_images) / 3600 for n in WORKERS}
    efficiency = {name: one / 3600 / (int(name) * found) for name, found in hours.items()}
    return {"hours": hours, "efficiency": efficiency, "scales_to": max(int(n) for n, found in efficiency.items() if found >= ENOUGH)}


def empty_part_seconds() -> float:
    """Return the client's seconds for a part without work, in a cluster of one worker."""
    with open_client("local:1") as client:
        shards = Shards([1] * EMPTY_PARTS, lambda index: index)
        map_shards(client, sum_or_fail, 0, shards)
        began = time.perf_counter()
        map_shards(client, sum_or_fail, 0, shards)
        return (time.perf_counter() - began) / EMPTY_PARTS


BUSY: Final = "for _ in range({}): pass"


def busy_loops(processes: int) -> float:
    """Return the seconds of a fixed number of empty loops, shared by processes: what the machine gives two at this time."""
    began = time.perf_counter()
    running = [subprocess.Popen([sys.executable, "-c", BUSY.format(BUSY_LOOPS // processes)]) for _ in range(processes)]
    for process in running:
        process.wait()
    return time.perf_counter() - began


def two_and_one(network: QuantisedNetwork, data: Path, images: int, repeats: int) -> dict[str, Any]:
    """Return the seconds of two workers and of one: on the clock, and of the busier worker's processor, which other work moves less."""
    x = np.concatenate([_some(data, 500)] * -(-images // 500))[:images]
    times, busy, processor = ({1: list[float](), 2: list[float]()} for _ in range(3))
    with open_client("local:1") as one, open_client("local:2") as two:
        clients = {1: one, 2: two}
        for client in clients.values():
            simulate(network, x[:64], client=client)
        for _ in range(repeats):
            for number, client in clients.items():
                began, before = time.perf_counter(), client.run(time.process_time)
                simulate(network, x, client=client)
                times[number].append(time.perf_counter() - began)
                processor[number].append(max(after - before[worker] for worker, after in client.run(time.process_time).items()))
                busy[number].append(busy_loops(number))
    ratios = {
        name: statistics.median(of[1]) / statistics.median(of[2])
        for name, of in (("work", times), ("busy_loops", busy), ("processor", processor))
    }
    return {"images": images, "seconds": times, "busy_seconds": busy, "processor_seconds": processor, "two_over_one": ratios}


def _some(data: Path, images: int) -> Any:
    return load_dataset(data / "cifar10.npz", "train", images).x


def _works(costs: Sequence[dict[str, Any]], client_seconds: float) -> dict[str, Work]:
    sizes: dict[tuple[str, str], int] = {}
    for name in dict.fromkeys(row["network"] for row in costs):
        for spikes, _, network in networks(name):
            sizes.setdefault((name, spikes), len(packed(network)[1]))
    return {
        f"{row['network']} {row['spikes']} T={row['timesteps']}": Work(
            row["core_seconds_per_image"], sizes[row["network"], row["spikes"]], 224 * 224 * 3, client_seconds
        )
        for row in costs
    }


def main() -> None:
    """Measure, simulate and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--network", type=Path, required=True, help="of `ecc-lava convert`, for CIFAR-10")
    parser.add_argument("--costs", type=Path, help="JSON of image_cost.py; without it, nothing is simulated")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("scaling.json"), help="a file that is there keeps what it measured")
    options = parser.parse_args()
    if options.out.exists():
        report: dict[str, Any] = json.loads(options.out.read_text())
    else:
        report = {"environment": environment(), "part_seconds": empty_part_seconds()}
        report["two_workers"] = two_and_one(load(options.network)[0], options.data, options.images, options.repeats)
        report["environment"]["load_after"] = os.getloadavg()
        options.out.write_text(json.dumps(report, indent=1) + "\n")
    if options.costs:
        report["costs"] = json.loads(options.costs.read_text())["rows"]
        works = _works(report["costs"], report["part_seconds"])
        report["simulated"] = {
            name: {**work._asdict(), "read_by_workers": growth(work, False), "sent_by_client": growth(work, True)}
            for name, work in works.items()
        }
        options.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps({key: value for key, value in report.items() if key != "environment"}, indent=1))


if __name__ == "__main__":
    main()
