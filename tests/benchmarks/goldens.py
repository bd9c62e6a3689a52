"""Digests of everything that the project makes, to show that a change of its code changed none of its numbers.

`--record FILE` writes them, `--compare FILE` compares the code of today with a recorded file and exits 1 if a digest differs. They cover
the demo's model, six generated networks and two trained models: graphs, networks and their traces, results, mappings, deployments, files,
and what every command prints with `--json`. Versions, seconds and paths are left out. A file holds for one machine, one set of packages.

    uv run python tests/benchmarks/goldens.py --data FOLDER --record goldens.json
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import logging
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import ecc_lava
import hw_mappings
from ecc_lava.cli.app import main as program
from ecc_lava.demo.data import FOLDER, MODEL
from tests.helpers.chips import for_chip
from tests.helpers.networks import random_network

VARYING = {"packages", "version", "out", "storage", "table", "picture", "page"}
"""Keys of `--json` that may differ from run to run."""

GENERATED: dict[str, dict[str, Any]] = {
    "plain": {"seed": 1},
    "rails": {"seed": 2, "rails": True},
    "ranges": {"seed": 3, "ranges": True},
    "ports": {"seed": 4, "ports": True},
    "sparse": {"seed": 5, "sparse": True},
    "deep": {"seed": 6, "layers": 9, "ranges": True, "sparse": True},
}


def _sha(*parts: Any) -> str:
    sha = hashlib.sha256()
    for part in parts:
        data = (
            part
            if isinstance(part, bytes)
            else np.ascontiguousarray(part).tobytes()
            if isinstance(part, np.ndarray)
            else repr(part).encode()
        )
        sha.update(data)
    return sha.hexdigest()


def _arrays(value: Any) -> Any:
    """Return a value whose repr shows every number of the arrays in it, and no class."""
    match value:
        case np.ndarray():
            return (str(value.dtype), value.shape, _sha(value))
        case dict():
            return {key: _arrays(item) for key, item in sorted(value.items())}
        case tuple() | list():
            return [_arrays(item) for item in value]
        case _ if hasattr(value, "__dataclass_fields__"):
            return {name: _arrays(getattr(value, name)) for name in value.__dataclass_fields__}
        case _:
            return value


def _stable(value: Any) -> Any:
    match value:
        case dict():
            return {key: _stable(item) for key, item in value.items() if key not in VARYING and "second" not in key}
        case list():
            return [_stable(item) for item in value]
        case _:
            return value


def _spiking(snn: Any) -> str:
    return _sha(*(_arrays(p) for p in snn.populations), *(_arrays(p) for p in snn.projections), snn.codings, snn.timesteps, snn.trace)


def _result(result: Any) -> str:
    return _sha(_arrays({name: getattr(result, name) for name in result.__dataclass_fields__}))


def _folder(folder: Path) -> str:
    return _sha(*((path.name, path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".db"))


def _mapped(name: str, net: Any, folder: Path) -> Iterator[tuple[str, str]]:
    for chip in (hw_mappings.LOIHI1, hw_mappings.LOIHI2):
        if chip.format != net.format.name:
            continue
        mapping = hw_mappings.map_network(net, chip=chip)
        path = folder / f"{name}-{chip.name}.json"
        mapping.save(path)
        stored = _stable(json.loads(path.read_text()))
        yield f"{name}/mapping/{chip.name}", _sha(json.dumps(stored, sort_keys=True))


def _generated(folder: Path) -> Iterator[tuple[str, str]]:
    for name, options in GENERATED.items():
        net = random_network(**options)
        rng = np.random.default_rng(0)
        x = {spec.name: rng.integers(0, 256, (3, *spec.shape), np.uint8) for spec in net.input_specs}
        yield f"{name}/network", net.digest
        names = [p.name for p in net.populations]
        for backend in ("golden", "fast", "lava") if name in ("plain", "ports") else ("golden", "fast"):
            with contextlib.suppress(ecc_lava.errors.RangeError):
                yield f"{name}/{backend}", _result(ecc_lava.simulate(net, x, backend=backend, over_time=True, record=names))
        path = folder / f"{name}.h5"
        ecc_lava.save(path, net)
        yield f"{name}/loaded", ecc_lava.load(path)[0].digest
        for chip in (hw_mappings.LOIHI1, hw_mappings.LOIHI2):
            yield from _mapped(f"{name}-{chip.format}", for_chip(net, chip), folder)
        if name in ("plain", "deep"):
            mapping = hw_mappings.map_network(net, chip=hw_mappings.LOIHI2)
            done = hw_mappings.deploy(net, mapping, x, runtime="one-process", sample=0)
            yield f"{name}/deployed", _sha(_arrays(done.counters), done.ok)
            hw_mappings.export_vectors(net, mapping, x, folder / f"{name}-vectors")
            yield f"{name}/vectors", _folder(folder / f"{name}-vectors")


def _trained(name: str, path: Path, folder: Path, images: np.ndarray[Any, Any], options: dict[str, Any]) -> Iterator[tuple[str, str]]:
    graph = ecc_lava.from_keras(ecc_lava.load_model(path))
    yield f"{name}/graph", graph.digest
    yield f"{name}/lowered", _spiking(ecc_lava.lower(graph).network)
    snn = ecc_lava.convert(graph, calibration=images, **options)
    yield f"{name}/converted", _spiking(snn)
    yield f"{name}/trace", _sha(snn.trace)
    net = ecc_lava.quantise(snn, format="loihi2", bits=8)
    yield f"{name}/network", net.digest
    yield f"{name}/widths", ecc_lava.quantise(snn, format="loihi2", bits=4, per="layer").digest
    yield f"{name}/fast", _result(ecc_lava.simulate(net, images[:8], over_time=True))
    report = ecc_lava.check(net, images[:8], snn=snn, graph=graph, labels=np.zeros(8, np.int64), exact_images=1, lava=False)
    yield f"{name}/check", _sha(json.dumps(_stable(report.as_dict())))
    yield from _mapped(name, net, folder)


COMMANDS: dict[str, tuple[Any, ...]] = {
    "inspect": ("inspect", MODEL),
    "convert": ("convert", MODEL, "--calibration", FOLDER / "digits.npz", "-o", "net.h5", "--timesteps", 16),
    "convert-loihi1": ("convert", MODEL, "--calibration", FOLDER / "digits.npz", "-o", "one.h5", "--format", "loihi1", "--timesteps", 8),
    "run": ("run", "net.h5", "--data", FOLDER / "digits.npz", "--over-time", "--confident", 2, "--limit", 50),
    "run-float": ("run", "net.h5", "--data", FOLDER / "digits.npz", "--backend", "closed-form", "--limit", 50),
    "check": ("check", "net.h5", "--data", FOLDER / "digits.npz", "--attribute", "--limit", 40, "--lava-limit", 1),
    "map": ("map", "net.h5", "--data", FOLDER / "digits.npz", "-o", "mapping.json", "--html", "page.html"),
    "map-loihi1": ("map", "one.h5", "--chip", "loihi1", "-o", "mapping1.json", "--placer", "hilbert"),
    "deploy": ("deploy", "net.h5", "mapping.json", "--runtime", "one-process", "--sample", 0, "--limit", 1),
    "export": ("export", "net.h5", "--to", "vectors", "--mapping", "mapping.json", "-o", "vectors"),
    "study": (
        *("study", MODEL, "--calibration", FOLDER / "digits.npz", "--data", FOLDER / "digits.npz", "--bits", 4, 8),
        *("--timesteps", 4, "--limit", 60, "--recipe", "ecc", "--out", "study", "--chip", "loihi2"),
    ),
    "demo": ("demo", "--out", "demo"),
}


def _printed(arguments: tuple[Any, ...]) -> Any:
    sys.argv = ["ecc-lava", *(str(a) for a in arguments), "--json"]
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        program()
    return _stable(json.loads(out.getvalue()))


def _commands(folder: Path) -> Iterator[tuple[str, str]]:
    with _inside(folder):
        for name, arguments in COMMANDS.items():
            yield f"command/{name}", _sha(json.dumps(_printed(arguments), sort_keys=True))
        for file in ("net.h5", "one.h5", "mapping.json", "mapping1.json"):
            yield f"file/{file}", _sha(Path(file).read_bytes())
        yield "file/vectors", _folder(Path("vectors"))


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    import os

    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def goldens(data: Path | None) -> Iterator[tuple[str, str]]:
    """Yield what is recorded by name; trained models only where there is a folder of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from _commands(folder)
        yield from _generated(folder)
        if data is not None:
            with np.load(data / "cifar10.npz", allow_pickle=False) as archive:
                images = archive["x_train"][:48]
            yield from _trained("resnet20", data / "resnet20_cifar10.keras", folder, images, {"timesteps": 4})
            yield from _trained("vgg16_half", data / "vgg16_half_cifar10.keras", folder, images, {"timesteps": 8, "recipe": "channel"})


def main() -> int:
    """Record or compare; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of trained models and cifar10.npz")
    parser.add_argument("--record", type=Path, metavar="FILE")
    parser.add_argument("--compare", type=Path, metavar="FILE")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    found = dict(goldens(given.data))
    if given.record:
        given.record.write_text(json.dumps(found, indent=1) + "\n")
        print(f"{len(found)} digests in {given.record}")
    if not given.compare:
        return 0
    before = json.loads(given.compare.read_text())
    differing = [name for name in sorted({*before, *found}) if before.get(name) != found.get(name)]
    print(f"{len(before) - len(differing)} of {len(before)} digests equal" + "".join(f"\n  differs: {name}" for name in differing))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
