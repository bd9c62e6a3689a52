"""Exported networks in other people's simulators, and theirs here: who reads what, and the first spike that differs. A table, and JSON.

    uv run --python 3.11 --group simulators python tests/benchmarks/exchange.py --data FOLDER [--only NAME ...] [--out FILE] [--page FILE]

Four CNNs, converted and quantised for Loihi 2: the demo's digits CNN, a LeNet-5 with average pools that is trained here by a seed for
three epochs on 10,000 images of MNIST, ResNet-20 and the VGG16 of half width on CIFAR-10; the digits CNN also with payloads of 4 bits.
Each is written as a NIR file. Every simulator reads the file by its own reader and runs the first test images in 64 bits: once as its
reader made the network, and once with the settings of `tests/helpers/simulators`, from numbers of the file's metadata. Every spike of every
neuron at every step is compared with the golden model. Networks that sinabs and snnTorch write are read here and compared in the same way.

Models are read, and LeNet is trained, in processes of their own: TensorFlow and PyTorch in one process may end it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import ecc_lava
from ecc_lava.common import Array
from ecc_lava.demo.data import MODEL
from ecc_lava.graph import Graph
from ecc_lava.importers.keras import examined_file
from ecc_lava.networks import QuantisedNetwork
from tests.benchmarks.environment import environment
from tests.helpers.simulators import SIMULATORS, Simulator, load
from tests.helpers.simulators.comparing import differences, in_floats, own_spikes

CALIBRATION = 64
IMAGES = 8

PACKAGES = ("nir", "nirtorch", "torch", *SIMULATORS)

HEAD = ["| network | simulator | spikes that differ as read | with its settings |", "|---|---|---|---|"]

LENET = """
import sys, keras, numpy as np
from keras import layers
keras.utils.set_random_seed(0)
x, y = (np.load(sys.argv[1])[name] for name in ("x_train", "y_train"))
pool = lambda: layers.AveragePooling2D(2)
model = keras.Sequential([
    keras.Input((28, 28, 1)), layers.Conv2D(6, 5, padding="same", activation="relu"), pool(),
    layers.Conv2D(16, 5, activation="relu"), pool(),
    layers.Flatten(), layers.Dense(120, activation="relu"), layers.Dense(84, activation="relu"), layers.Dense(10, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x.reshape(-1, 28, 28, 1) / 255.0, y.ravel(), batch_size=128, epochs=3, verbose=0)
model.save(sys.argv[2])
"""


@dataclass(frozen=True)
class Case:
    """A network: the model, the file of images, T, payload bits, the coding of images, the integers, and whose thresholds are one."""

    model: str
    images: str
    timesteps: int
    payload_bits: int | None = None
    coding: str = "graded"
    format: str = "loihi2"
    per: str = "channel"


CASES = {
    "digits CNN": Case("", "", 32),
    "digits CNN, payloads of 4 bits": Case("", "", 4, 4),
    "LeNet-5": Case("lenet.keras", "mnist.npz", 32),
    "ResNet-20": Case("resnet20_cifar10.keras", "cifar10.npz", 16),
    "half VGG16": Case("vgg16_half_cifar10.keras", "cifar10.npz", 16),
}


def converted(case: Case, folder: Path, work: Path, limit: int = IMAGES) -> tuple[QuantisedNetwork, Array, Array]:
    """Return a network, its first test images and their labels."""
    images, model = folder / case.images, folder / case.model
    if not case.model:
        images, model = MODEL.parent / "digits.npz", MODEL
    if case.model == "lenet.keras":
        model = work / case.model
    if case.model == "lenet.keras" and not model.exists():
        subprocess.run([sys.executable, "-W", "ignore", "-c", LENET, str(images), str(model)], check=True, stderr=subprocess.DEVNULL)
    _, graph = examined_file(model)
    assert isinstance(graph, Graph), graph
    with np.load(images, allow_pickle=False) as stored:
        calibration, test, labels = stored["x_train"][:CALIBRATION], stored["x_test"][:limit], stored["y_test"][:limit]
    settings: dict[str, Any] = {
        "timesteps": case.timesteps,
        "payload_bits": case.payload_bits,
        "coding": case.coding,
        "format": case.format,
    }
    snn = ecc_lava.convert(graph, calibration=calibration, **settings)
    return ecc_lava.quantise(snn, format=case.format, per=case.per), test, labels.ravel()


def _names(graph: Any) -> dict[str, str]:
    """Return the population of every node that has one."""
    told = {name: node.metadata.get("ecc_lava") for name, node in graph.nodes.items()}
    return {name: json.loads(facts["json"])["population"] for name, facts in told.items() if facts}


def exported(name: str, case: Case, folder: Path, work: Path) -> list[dict[str, Any]]:
    """Return what every simulator makes of a network, printed as it comes."""
    network, images, _ = converted(case, folder, work)
    path = work / f"{name}.nir"
    names = _names(ecc_lava.to_nir(network, path))
    own = own_spikes(network, images)
    about = {"network": name, "timesteps": network.timesteps, "images": len(images), "digest": network.digest, "saturated": own.saturated}
    rows = []
    for simulator in SIMULATORS:
        row = about | {"simulator": simulator, "settings": load(simulator).settings}
        for how in ("as_read", "as_set"):
            row[how] = _difference(load(simulator), how, path, own, names, network.payload.bits)
        rows.append(row)
        print(_line(row), flush=True)
    return rows


def _difference(simulator: Simulator, how: str, path: Path, own: Any, names: dict[str, str], bits: int) -> dict[str, Any]:
    if bits > 1 and not simulator.has_payloads:
        return {"error": "its neurons send one spike a step"}
    try:
        return differences(own, getattr(simulator, how)(path, own.x), names).as_json()
    except (AssertionError, ValueError, TypeError, RuntimeError, NotImplementedError) as error:
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0][:160]}


def imported(work: Path) -> list[dict[str, Any]]:
    """Return what this project makes of the networks of others, printed as it comes."""
    from tests.helpers.simulators.writers import SHAPE, WRITERS

    x = (np.random.default_rng(5).random((IMAGES, 32, *SHAPE)) < 0.3).astype(np.float64)
    rows = []
    for name, write in WRITERS.items():
        theirs = write(work / f"{name}.nir", x)
        network = ecc_lava.from_nir(work / f"{name}.nir", timesteps=x.shape[1], reset="subtract")
        found = differences(in_floats(network, x), theirs, {node: node for node in theirs})
        rows.append({"written_by": name, "timesteps": x.shape[1], "images": len(x), "neurons": _neurons(network), **found.as_json()})
        print(f"a network of {name}, read here: {found.differing} of {found.spikes} spikes differ", flush=True)
    return rows


def _neurons(network: Any) -> int:
    return sum(p.neurons for p in network.populations if p.kind.spikes)


def _told(found: dict[str, Any]) -> str:
    if "error" in found:
        return str(found["error"])
    return f"{found['differing']:,} of {found['spikes']:,}" + (f", first in `{found['first'].replace(',', '`,')}" if found["first"] else "")


def _line(row: dict[str, Any]) -> str:
    return f"| {row['network']}, T = {row['timesteps']} | {row['simulator']} | {_told(row['as_read'])} | {_told(row['as_set'])} |"


def table(report: dict[str, Any]) -> list[str]:
    """Return the lines of Markdown that the page has of a report."""
    lines = ["Versions: " + ", ".join(f"{package} {number}" for package, number in report["simulators"].items()) + ".", "", *HEAD]
    lines += [_line(row) for row in report["exported"]]
    lines += ["", "| network written by | neurons | T | spikes that differ here |", "|---|---|---|---|"]
    return lines + [f"| {r['written_by']} | {r['neurons']:,} | {r['timesteps']} | {_told(r)} |" for r in report["imported"]]


def put(page: Path, lines: list[str], script: str = "exchange") -> None:
    """Replace what stands between a script's mark on the page and the next end."""
    mark, end = f"<!-- written by tests/benchmarks/{script}.py -->", "<!-- end -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(mark)
    _, _, after = rest.partition(end)
    page.write_text("\n".join([f"{before}{mark}", "", *lines, "", f"{end}{after}"]), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print and write."""
    warnings.simplefilter("ignore")  # those of the simulators
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--out", type=Path, default=Path("benchmark-results/exchange.json"))
    parser.add_argument("--page", type=Path, help="a page whose tables are replaced: docs/exchange.md")
    asked = parser.parse_args(arguments)
    versions = {package: version(package) for package in PACKAGES}
    print(", ".join(f"{package} {number}" for package, number in versions.items()))
    print(*HEAD, sep="\n")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        rows = [row for name in asked.only for row in exported(name, CASES[name], asked.data, work)]
        theirs = imported(work)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    report = {"environment": environment(), "simulators": versions, "exported": rows, "imported": theirs}
    asked.out.write_text(json.dumps(report, indent=1) + "\n")
    if asked.page is not None:
        put(asked.page, table(report))


if __name__ == "__main__":
    main()
