"""Mutants of NIR files: fields of other types, shapes and ranges, edges that lead nowhere, damaged bytes."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from ecc_lava import from_nir, to_nir
from ecc_lava.exchange.nir.facts import KEY
from tests.hostile.attack import Reader
from tests.hostile.mutations import mutated_bytes, mutated_json

__all__ = ["NIR", "as_file", "tree_of_graph"]

TYPES: Final = ("IF", "LIF", "Conv2d", "Affine", "NIRGraph", "Flatten", "Input", "Output", "SumPool2d", "Scale", "Nothing", "\u202e")
SIZES: Final = (0, 1, -1, 2**31, 2**40, 2**62)


def as_file(tree: dict[str, Any]) -> bytes:
    """Return a tree of groups, arrays and texts as an HDF5 file, as the package `nir` lays it out."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["version"] = "1.0.8"
        _fill(file.create_group("node"), tree)
    return buffer.getvalue()


def _fill(group: Any, tree: dict[str, Any]) -> None:
    for name, value in tree.items():
        if isinstance(value, dict):
            _fill(group.create_group(name), value)
        elif isinstance(value, list):
            group.create_dataset(name, data=np.array(value, object), dtype=h5py.string_dtype())
        elif isinstance(value, str):
            group[name] = value.encode("utf-8", "replace").replace(b"\0", b"").decode()
        elif isinstance(value, np.ndarray) and value.ndim and value.size:
            group.create_dataset(name, data=value, compression="gzip")
        else:
            group[name] = value


def _seeds() -> list[dict[str, Any]]:
    from tests.helpers.networks import random_network

    return [tree_of_graph(to_nir(random_network(seed, layers=2))) for seed in range(3)]


def tree_of_graph(graph: Any) -> dict[str, Any]:
    """Return a graph of the package `nir` as a tree of groups, arrays and texts that may be changed."""
    tree: dict[str, Any] = _copied(graph.to_dict())
    return tree


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(item) for name, item in value.items()}
    if isinstance(value, list):
        return [list(pair) for pair in value]
    return value if isinstance(value, str) else np.array(value)


def _places(tree: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for name, value in tree.items():
        yield tree, name
        if isinstance(value, dict):
            yield from _places(value)


def _changed(rng: random.Random, group: dict[str, Any], name: str) -> None:
    old = group[name]
    match rng.randrange(8):
        case 0:
            del group[name]
        case 1:
            group[name] = rng.choice((np.array(rng.choice(SIZES)), np.array([float("nan")]), "", {}, np.zeros((0,)), np.array([True])))
        case 2 if isinstance(old, np.ndarray) and old.size:
            values = old.astype(np.float64).ravel().copy()
            values[rng.randrange(values.size)] = rng.choice((float("nan"), float("inf"), -1.0, 0.0, 1e300, float(rng.choice(SIZES))))
            group[name] = values.reshape(old.shape)
        case 3 if isinstance(old, np.ndarray):
            twice = np.concatenate([old, old]) if old.ndim else old
            group[name] = rng.choice((old[None], old.ravel(), old.astype(np.int8), old[:1] if old.ndim else old, twice))
        case 4 if isinstance(old, list) and old:
            pair = rng.choice(old)
            pair[rng.randrange(2)] = rng.choice((*[p[0] for p in old], "nowhere"))
        case 5 if isinstance(old, list) and old:
            old.append(list(rng.choice(old))) if rng.random() < 0.5 else old.pop(rng.randrange(len(old)))
        case 6 if name == "type":
            group[name] = rng.choice(TYPES)
        case _ if isinstance(old, str) and old.startswith("{"):
            group[name] = json.dumps(mutated_json(rng, json.loads(old)))
        case _:
            group[name] = rng.choice((old, np.zeros((3, 3)), "x" * 1000))


def _mutants() -> Callable[[random.Random], bytes]:
    seeds = _seeds()

    def make(rng: random.Random) -> bytes:
        tree = _copied(rng.choice(seeds))
        kind = rng.random()
        if kind < 0.15:
            return mutated_bytes(rng, as_file(tree))
        for _ in range(rng.choice((1, 1, 2, 3))):
            places = list(_places(tree))
            if kind < 0.4:
                places = [(group, name) for group, name in places if name in ("edges", "type", KEY, "json")] or places
            _changed(rng, *rng.choice(places))
        return as_file(tree)

    return make


def _read(path: Path) -> None:
    network = from_nir(path, timesteps=4, reset="subtract")
    assert all(np.isfinite(p.vth).all() for p in network.populations)


NIR: Final = Reader("nir", ".nir", _mutants, _read)
