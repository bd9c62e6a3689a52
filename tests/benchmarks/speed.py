"""Measure the fast back end: against other simulators, against a roofline, layer by layer, and how its cost grows.

    uv run --extra bench python tests/benchmarks/speed.py --data FOLDER [--network NET.h5] [--out speed.json] [--images 100] [--repeats 5]

One run on one machine: contenders take turns, each figure is the median of the repeats, and the environment is in the JSON. Others and ours
run at their best batch of 1, 10, 100 and 500 (SpikingJelly, which holds all steps at once, up to 100). The roofline and the layers are in
processor time of one core, all else is by the wall clock: run it on an idle machine.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import ecc_lava
from ecc_lava.backends.fast import run as fast_module
from ecc_lava.backends.fast.kernels.native import NativeKernels
from ecc_lava.backends.fast.run import fast
from ecc_lava.backends.lava.importing import import_lava
from ecc_lava.common import usable_cores
from ecc_lava.common.arrays import Array
from ecc_lava.geometry import Conv
from ecc_lava.inputs.batches import as_batch
from ecc_lava.inputs.encoding import encode_all
from ecc_lava.networks import QuantisedNetwork
from tests.benchmarks.environment import environment
from tests.benchmarks.growth import growth
from tests.benchmarks.rivals import RIVALS, float_layers, ms_per_image_step
from tests.benchmarks.roofline import busy_loops, roofline, told
from tests.benchmarks.stages import by_population, stages
from tests.benchmarks.timing import PLAIN, first_of, medians, ms_of_fast, synops_into, using_kernels

HERE = Path(__file__).parent
PACKAGES = {"TensorFlow": "tensorflow", "PyTorch": "torch", "SpikingJelly": "spikingjelly"}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--network", type=Path)
    parser.add_argument("--out", type=Path, default=Path("benchmark-results/speed.json"))
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--skip", nargs="*", default=[], choices=["rivals", "lava", "growth", "set"])
    asked = parser.parse_args()
    network, q, x = _network(asked.data, asked.network, max(500, asked.images))
    report: dict[str, Any] = {"environment": environment()}
    report["roofline"] = roofline(asked.repeats)
    report["layers"] = layers(network, first_of(q, asked.images), asked.repeats, report["roofline"])
    few = first_of(q, asked.images)
    start = time.perf_counter()
    encode_all(as_batch(x[: asked.images], network.input_specs), network.codings)
    report["stages"] = stages(network, few, asked.repeats, time.perf_counter() - start)
    report["cores"] = cores(network, q, asked.repeats)
    if "rivals" not in asked.skip:
        report["rivals"] = rivals(network, q, asked.repeats)
    if "lava" not in asked.skip:
        report["lava"] = lava(network, x)
    if "growth" not in asked.skip:
        report["growth"] = growth(network, first_of(q, asked.images), asked.repeats)
    if "set" not in asked.skip:
        start = time.perf_counter()
        ecc_lava.simulate(network, np.load(asked.data / "cifar10.npz")["x_test"])
        report["cifar10_5000_images_s"] = time.perf_counter() - start
    report["environment"]["load_after"] = os.getloadavg()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(report, indent=1))
    _print(report)


def _network(data: Path, path: Path | None, images: int) -> tuple[QuantisedNetwork, dict[str, Array], Array]:
    with np.load(data / "cifar10.npz", allow_pickle=False) as arrays:
        x, calibration = arrays["x_test"][:images], arrays["x_train"][:256]
    if path is None:
        import keras

        graph = ecc_lava.from_keras(keras.models.load_model(data / "vgg16_half_cifar10.keras"))
        network = ecc_lava.quantise(ecc_lava.convert(graph, calibration=calibration, timesteps=32))
    else:
        network = ecc_lava.load(path)[0]
    return network, encode_all(as_batch(x, network.input_specs), network.codings), x


# ── our own figures ──


def layers(network: QuantisedNetwork, q: dict[str, Array], repeats: int, roof: dict[str, Any]) -> list[dict[str, Any]]:
    """Time every population on one core, from the rows of spikes that it reads to the spikes that it sends."""
    use, steps, samples = fast_module.kernels(), network.timesteps, len(next(iter(q.values())))
    assert isinstance(use, NativeKernels)
    runs = [by_population(network, q, use) for _ in range(repeats)]
    synops, table = synops_into(network, fast(network, q, steps, PLAIN)), []
    for population in network.populations[len(network.inputs) :]:
        name = population.name
        seconds = statistics.median(once[name] for once in runs)
        kernel = [p.geometry.kernel.shape for p in network.into(name)]
        rate = synops.get(name, 0) / seconds / 1e9
        weights = sum(int(np.prod(shape)) for shape in kernel)
        level = "L1" if weights <= 24 * 1024 else "L2"
        best = max(roof["gsynop_s"][level].values())
        row = {"name": name, "shape": population.shape, "kernels": kernel, "ms": seconds * 1e3 / samples / steps}
        table.append(row | {"gsynop_s": rate, "roofline": level, "of_roofline": rate / best})
    return table


def cores(network: QuantisedNetwork, q: dict[str, Array], repeats: int) -> dict[str, Any]:
    """Compare one core with all, in C and in numba, and what busy loops reach in the same run."""
    from ecc_lava.backends.fast.kernels.with_numba import NumbaKernels

    count, numba, steps = usable_cores(), NumbaKernels(), network.timesteps
    few = first_of(q, 20)
    contenders = {
        "1 core": lambda: ms_of_fast(network, q, steps, using_kernels(threads=1)),
        "all cores": lambda: ms_of_fast(network, q, steps, using_kernels()),
        "all cores, numba": lambda: ms_of_fast(network, few, steps, using_kernels(kernels=numba)),
        "all cores, one image": lambda: ms_of_fast(network, first_of(q, 1), steps, using_kernels()),
        "1 busy loop": lambda: busy_loops(1),
        "busy loops on all cores": lambda: busy_loops(count) / count,
    }
    found = medians(contenders, repeats)
    ideal = found["1 busy loop"] / found["busy loops on all cores"]
    return {"cores": count, "ms_per_image_step": found, "speedup": found["1 core"] / found["all cores"], "speedup_of_busy_loops": ideal}


# ── others ──


def rivals(network: QuantisedNetwork, q: dict[str, Array], repeats: int) -> dict[str, Any]:
    """Run the same network in other simulators, at their best batch."""
    (values,) = q.values()
    steps, prepared = network.timesteps, float_layers(network)
    contenders: dict[str, Callable[[], float]] = {}
    has_bfloat16 = any(flag in (told("flags") or "").split() for flag in ("avx512_bf16", "amx_bf16", "avx_ne_convert"))
    batches: dict[str, int] = {}
    for name, make in RIVALS.items():
        if not importlib.util.find_spec(PACKAGES[name.split()[0]]) or (name.endswith("bfloat16") and not has_bfloat16):
            continue
        run = make(prepared, steps)

        def timed(batch: int, run: Callable[[Array], Array] = run) -> float:
            return ms_per_image_step(run, values[:batch].astype(np.float32), steps)

        batches[name] = _best_batch(timed, (1, 10, 100) if name == "SpikingJelly" else (1, 10, 100, 500))
        contenders[name] = partial(timed, batches[name])

    def ours(batch: int) -> float:
        return ms_of_fast(network, first_of(q, batch), steps, using_kernels())

    batches["ours"] = _best_batch(ours, (1, 10, 100, 500))
    contenders["ours"] = partial(ours, batches["ours"])
    found = medians(contenders, repeats)
    others = {name: value for name, value in found.items() if name != "ours"}
    reference = fast(network, first_of(q, 100), steps, PLAIN)[network.readout.name].potential.reshape(100, -1).argmax(axis=1)
    agreement = {
        name: float((RIVALS[name](prepared, steps)(values[:100].astype(np.float32)).argmax(axis=1) == reference).mean()) for name in others
    }
    times = {
        precision: min((value for name, value in others.items() if name.endswith("bfloat16") is (precision == "bfloat16")), default=None)
        for precision in ("float32", "bfloat16")
    }
    faster = {precision: best / found["ours"] for precision, best in times.items() if best is not None}
    return {"ms_per_image_step": found, "best_batch": batches, "same_class": agreement, "faster_than_the_best": faster}


def _best_batch(timed: Callable[[int], float], batches: Sequence[int]) -> int:
    """Return the number of images at which one takes the least time, each measured in a second run."""
    trials = {}
    for batch in batches:
        timed(batch)
        trials[batch] = timed(batch)
    return min(trials, key=lambda batch: trials[batch])


def lava(network: QuantisedNetwork, x: Array) -> dict[str, Any]:
    """Time Lava's own Conv arithmetic layer by layer, and its runtime on this network where it ends within ten minutes."""
    if not importlib.util.find_spec("lava"):
        return {}
    import_lava()
    from lava.proc.conv.utils import conv as lava_conv

    table, rng = {}, np.random.default_rng(0)
    for p in network.projections:
        geometry = p.geometry
        if not isinstance(geometry, Conv) or geometry.groups > 1:
            continue
        height, width, channels = network.by_name[p.source].shape
        spikes = (rng.random((width, height, channels)) < 0.08).astype(np.int32)
        kernel = geometry.kernel.transpose(3, 1, 0, 2)[:, ::-1, ::-1].astype(np.int32)
        start = time.perf_counter()
        lava_conv(spikes, kernel, (3, 3), geometry.strides[::-1], (geometry.padding[2], geometry.padding[0]), (1, 1), 1)
        table[p.target] = (time.perf_counter() - start) * 1e3
    result: dict[str, Any] = {"conv_ms_per_image_step": table, "sum_ms": sum(table.values())}
    start = time.perf_counter()
    try:
        ecc_lava.simulate(network, x[:1], backend="lava", timesteps=8)
        result["runtime_ms_per_image_step"] = (time.perf_counter() - start) * 1e3 / 8
    except ecc_lava.EccLavaError as error:
        result["runtime"] = f"ended after {time.perf_counter() - start:.0f} s: {error}"
    return result


# ── growth ──


# ── the table ──


def _print(report: dict[str, Any]) -> None:
    print(json.dumps(report["environment"], indent=1))
    roof = report["roofline"]
    print(f"\nroofline at {roof['clock_ghz']:.2f} GHz: lanes x ports x clock {roof['lanes x ports x clock']:.0f} Gsynop/s")
    for level, found in roof["gsynop_s"].items():
        print(f"  {level}: C {found['c']:.0f}, numba {found['numba']:.0f} Gsynop/s")
    print(f"\n{'population':16} {'shape':16} {'kernels':28} {'us/step':>8} {'Gsynop/s':>9} {'of roofline':>12}")
    for row in report["layers"]:
        share = f"{row['of_roofline']:.0%} of {row['roofline']}"
        print(f"{row['name']:16} {row['shape']!s:16} {row['kernels']!s:28} {row['ms'] * 1e3:8.2f} {row['gsynop_s']:9.1f} {share:>12}")
    _print_stages(report["stages"])
    for name in ("cores", "rivals", "lava", "growth", "cifar10_5000_images_s"):
        if name in report:
            print(f"\n{name}: {json.dumps(report[name], indent=1)}")


def _print_stages(found: dict[str, Any]) -> None:
    print(f"\nby stage, {found['all_us']:.1f} us an image and step of one core; the clocks take {found['clocks']:.0%} more")
    print(", ".join(f"{what} {value:.1f}" for what, value in found["us_per_image_step"].items()))
    names = [name for name in next(iter(found["populations"].values())) if name != "us"]
    print(f"{'population':16} {'us':>7}" + "".join(f" {name:>17}" for name in names))
    for population, row in found["populations"].items():
        print(f"{population:16} {row['us']:7.2f}" + "".join(f" {row[name]:17.0%}" for name in names))


if __name__ == "__main__":
    main()
