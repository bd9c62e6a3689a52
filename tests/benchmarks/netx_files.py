"""Networks as netx files: what its thresholds and its reset cost in accuracy, and lava-dl's own reader beside the golden model.

    uv run --python 3.10 --group netx python tests/benchmarks/netx_files.py --data FOLDER [--only NAME ...] [--out FILE] [--page FILE]

The demo's digits CNN on all its test images, and a LeNet-5 that is trained here by a seed on 1,000, both of rate-coded images and Loihi 1's
integers. Accuracy is that of the network with a threshold for each channel; with one for each layer, as netx has it; in netx's
numbers with reset by subtraction, which tells what rounded biases and the start at 0 cost; and of netx's neuron, reset to zero. lava-dl
reads the files of some images and runs them on Lava; every spike of every neuron is compared.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import ecc_lava
from ecc_lava.common import Array
from ecc_lava.exchange import predictions_of, run_netx, to_netx
from tests.benchmarks.environment import environment
from tests.benchmarks.exchange import Case, converted, put
from tests.helpers.netx import read_and_run

CASES = {
    "digits CNN": (Case("", "", 32, coding="rate", format="loihi1"), 360, 4),
    "LeNet-5": (Case("lenet.keras", "mnist.npz", 32, coding="rate", format="loihi1"), 1000, 2),
}
"""Networks, how many images are judged, and how many run in Lava."""

COLUMNS = {
    "channels": "a threshold each channel",
    "layers": "one each layer",
    "subtract": "netx's numbers, reset by subtraction",
    "netx": "reset to zero",
}


def judged(name: str, folder: Path, work: Path) -> dict[str, Any]:
    """Return the row of a network."""
    case, number, in_lava = CASES[name]
    network, images, labels = converted(case, folder, work, number)
    by_layer, _, _ = converted(replace(case, per="layer"), folder, work, 1)
    path = work / f"{name}.net"
    written = to_netx(by_layer, path)
    found = {
        "channels": np.asarray(ecc_lava.simulate(network, images).predictions),
        "layers": np.asarray(ecc_lava.simulate(by_layer, images).predictions),
        "subtract": predictions_of(written, images, subtract=True),
        "netx": predictions_of(written, images),
    }
    row: dict[str, Any] = {"network": name, "timesteps": case.timesteps, "images": len(labels), "digest": by_layer.digest}
    row |= {how: float((theirs == labels).mean()) for how, theirs in found.items()}
    row |= {"layers_of_netx": len(written.layers), "largest_rounding_of_a_bias": written.rounded}
    return row | compared(path, written, images[:in_lava])


def compared(path: Path, written: Any, images: Array) -> dict[str, Any]:
    """Return how far lava-dl's spikes and potentials are from the golden model's."""
    counts = {"images_in_lava": len(images), "spikes": 0, "differing": 0, "potentials_differ": 0}
    for number, image in enumerate(images):
        run = run_netx(written, image[None], first=number)
        spikes, readout = read_and_run(path, run.sent[0])
        for layer, ours in run.spikes.items():
            counts["spikes"] += int(ours.sum())
            counts["differing"] += int((ours[0] != spikes[layer].reshape(ours[0].shape)).sum())
        counts["potentials_differ"] += int((run.readout[0] != readout).sum())
    return counts


def table(report: dict[str, Any]) -> list[str]:
    """Return the lines of Markdown that the page has of a report."""
    lines = [f"Versions: lava-dl {report['lava_dl']}, lava-nc {report['lava_nc']}.", ""]
    lines += ["| network | images | " + " | ".join(COLUMNS.values()) + " |", "|---|---|" + "---|" * len(COLUMNS)]
    for row in report["networks"]:
        lines.append(
            f"| {row['network']}, T = {row['timesteps']} | {row['images']} | " + " | ".join(f"{row[how]:.1%}" for how in COLUMNS) + " |"
        )
    lines += ["", "| network | images in lava-dl | spikes that differ | potentials that differ |", "|---|---|---|---|"]
    for row in report["networks"]:
        lines.append(
            f"| {row['network']} | {row['images_in_lava']} | {row['differing']} of {row['spikes']:,} | {row['potentials_differ']} |"
        )
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print and write."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--out", type=Path, default=Path("benchmark-results/netx.json"))
    parser.add_argument("--page", type=Path, help="a page whose tables are replaced: docs/exchange.md")
    asked = parser.parse_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.only:
            rows.append(judged(name, asked.data, Path(folder)))
            print(json.dumps(rows[-1]), flush=True)
    report = {"environment": environment(), "lava_dl": version("lava-dl"), "lava_nc": version("lava-nc"), "networks": rows}
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(report, indent=1) + "\n")
    print(*table(report), sep="\n")
    if asked.page is not None:
        put(asked.page, table(report), "netx_files")


if __name__ == "__main__":
    main()
