"""Seconds, processor time and memory of a conversion by the recipe `best`, of this code and of other checkouts side by side.

    uv run python tests/benchmarks/conversion.py --data FOLDER [--before CHECKOUT] [--cells NAME:P:T ...] [--growth] [--repeats 1]
                                                 [--out conversion.json] [--picture growth.png]

Every conversion runs in a process of its own, after a small one that loads and compiles what all need; checkouts take turns. Time is that
of `convert` and `quantise` on 256 training images, drawn by a seed; the model is read before. `--growth` also varies images, T and the
width of the model one by one, and draws that. Digests show which checkouts make the same integers. A checkout is named by its commit.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

import ecc_lava
from tests.benchmarks.conversion_picture import draw
from tests.benchmarks.environment import environment

ROOT = Path(__file__).parents[2]
COMMAND = "uv run python tests/benchmarks/conversion.py --data FOLDER --before CHECKOUT --growth --picture docs/conversion_growth.png"
IMAGES = 256
DIGITS = "digits"

_PROGRAM = """
import json, resource, sys, time
import numpy as np
import ecc_lava
from ecc_lava.conversion import calibration_subset
from ecc_lava.demo import data as demo

def made(graph, images, payload, timesteps):
    options = {"payload_bits": payload} if payload > 1 else {}
    wall, processor = time.perf_counter(), time.process_time()
    options["calibration_images"] = None  # all of them
    network = ecc_lava.quantise(ecc_lava.convert(graph, calibration=images, timesteps=timesteps, **options))
    return time.perf_counter() - wall, time.process_time() - processor, network.digest

model, data, payload, timesteps, count = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
small = ecc_lava.from_keras(ecc_lava.load_model(demo.MODEL))
drawn = demo.calibration_images().x
drawn = drawn if isinstance(drawn, np.ndarray) else next(iter(drawn.values()))
made(small, drawn[:16], payload, timesteps)
if model == "digits":
    graph, images = small, drawn[:count]
else:
    graph = ecc_lava.from_keras(ecc_lava.load_model(f"{data}/{model}_cifar10.keras"))
    with np.load(f"{data}/cifar10.npz") as stored:
        train = stored["x_train"]
    images = train[calibration_subset(len(train), 0, count)]
wall, processor, digest = made(graph, images, payload, timesteps)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": wall, "processor": processor, "peak_mib": peak, "digest": digest}))
"""


class Cell(NamedTuple):
    """A conversion."""

    model: str
    payload_bits: int
    timesteps: int
    images: int = IMAGES


CELLS = (
    *(Cell("vgg16_half", 1, 8), Cell("vgg16_half", 1, 32), Cell("vgg16_half", 8, 1), Cell("resnet20", 1, 32), Cell("resnet20", 8, 1)),
    *(Cell("mobilenet", 8, 1), Cell("vgg16", 1, 8), Cell("vgg16", 8, 1), Cell(DIGITS, 1, 16)),
)
GROWTH = {
    "images": tuple(Cell("resnet20", 1, 8, images) for images in (64, 128, 256, 512, 1024)),
    "T": tuple(Cell("resnet20", 1, timesteps) for timesteps in (4, 8, 16, 32, 64)),
    "width": tuple(Cell(model, 8, 1) for model in ("vgg16_half", "vgg16")),
}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--before", type=Path, nargs="*", default=[], metavar="CHECKOUT")
    parser.add_argument("--cells", type=_cell, nargs="*", default=CELLS, metavar="NAME:P:T")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("benchmark-results/conversion.json"))
    parser.add_argument("--picture", type=Path, help="of --growth")
    asked = parser.parse_args()
    report: dict[str, Any] = {"version": ecc_lava.__version__, "command": COMMAND, "environment": environment()}
    data, trees = asked.data.resolve(), [*asked.before, ROOT]
    print("model        p   T  images  " + "".join(f"{_commit(tree):>28}" for tree in trees))
    report["rows"] = [_row(cell, trees, data, asked.repeats) for cell in asked.cells]
    if asked.growth:
        report["growth"] = {name: [_row(cell, [ROOT], data, asked.repeats) for cell in cells] for name, cells in GROWTH.items()}
        if asked.picture:
            draw(report["growth"], asked.picture)
    report["environment"]["load_after"] = os.getloadavg()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(report, indent=1) + "\n")


def _cell(text: str) -> Cell:
    """Return the cell of NAME:P:T."""
    model, payload, timesteps = text.split(":")
    return Cell(model, int(payload), int(timesteps))


def _commit(tree: Path) -> str:
    """Return the short name of a checkout's commit."""
    return subprocess.run(["git", "rev-parse", "--short=7", "HEAD"], cwd=tree, capture_output=True, text=True, check=True).stdout.strip()


def _row(cell: Cell, trees: Sequence[Path], data: Path, repeats: int) -> dict[str, Any]:
    """Measure a conversion by every checkout, which take turns, and print its line: medians of seconds, processor seconds and memory."""
    found: list[list[dict[str, Any]]] = [[] for _ in trees]
    for _ in range(repeats):
        for runs, tree in zip(found, trees, strict=True):
            runs.append(_once(cell, tree, data))
    medians = [
        {name: statistics.median(run[name] for run in runs) for name in ("seconds", "processor", "peak_mib")}
        | {"digest": runs[0]["digest"]}
        for runs in found
    ]
    texts = [f"{m['seconds']:8.1f} s {m['processor']:6.1f} s {m['peak_mib']:6.0f} MiB" for m in medians]
    print(
        f"{cell.model:11} {cell.payload_bits:2} {cell.timesteps:3}  {cell.images:6}  " + "".join(f"{text:>28}" for text in texts),
        flush=True,
    )
    return {**cell._asdict(), "contenders": {_commit(tree): median for tree, median in zip(trees, medians, strict=True)}}


def _once(cell: Cell, tree: Path, data: Path) -> dict[str, Any]:
    """Convert in a process of its own, by the code of a checkout."""
    program = [sys.executable, "-c", _PROGRAM, cell.model, str(data), str(cell.payload_bits), str(cell.timesteps), str(cell.images)]
    here = {**os.environ, "PYTHONPATH": str(tree.resolve()), "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(program, env=here, cwd=tree, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{cell} by {tree}: {done.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


if __name__ == "__main__":
    main()
