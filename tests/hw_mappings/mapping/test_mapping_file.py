"""Mapping files: round trips, edits, forgeries, other networks."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ecc_lava.errors import FileError, InvalidNetwork
from hw_mappings import Mapping, map_network
from tests.helpers.chips import TINY
from tests.helpers.networks import random_network


@pytest.mark.parametrize("seed", range(3))
def test_round_trip(seed: int, tmp_path: Path) -> None:
    mapping = map_network(random_network(seed), TINY, synapse_model="ideal" if seed == 2 else "strict")
    path = tmp_path / "mapping.json"
    path.write_text("an older file")
    mapping.save(path)
    assert Mapping.load(path) == mapping
    assert [p.name for p in tmp_path.iterdir()] == ["mapping.json"]
    with pytest.raises(FileError):
        mapping.save(tmp_path / "no such folder" / "mapping.json")


def test_a_mapping_of_another_network_is_refused_with_both_digests() -> None:
    network, other = random_network(1), random_network(2)
    with pytest.raises(InvalidNetwork, match=f"{network.digest}, not of {other.digest}"):
        map_network(network).check(other)


def _sealed(data: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in data.items() if key != "digest"}
    return {**rest, "digest": hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()}


def _set(*path: Any) -> Callable[[dict[str, Any]], None]:
    def edit(data: dict[str, Any]) -> None:
        inner: Any = data
        for key in path[:-2]:
            inner = inner[key]
        inner[path[-2]] = path[-1]

    return edit


def _drop_core(data: dict[str, Any]) -> None:
    data["cores"].pop()


def _repeat_core(data: dict[str, Any]) -> None:
    data["cores"].append(data["cores"][0])


def _shift_shard(data: dict[str, Any]) -> None:
    data["cores"][1]["shards"], data["cores"][1]["usage"] = copy.deepcopy([data["cores"][0][key] for key in ("shards", "usage")])


def _no_grid(data: dict[str, Any]) -> None:
    """Cut one shard of a population in two, and no other."""
    core = next(core for core in data["cores"] if core["shards"][0][3][1] - core["shards"][0][3][0] > 1)
    name, y, x, (start, stop) = core["shards"][0]
    core["shards"] = [[name, y, x, [start, start + 1]], [name, y, x, [start + 1, stop]], *core["shards"][1:]]


EDITS: dict[str, Callable[[dict[str, Any]], None]] = {
    "unknown key": _set("colour", 1),
    "missing core": _drop_core,
    "core twice": _repeat_core,
    "shard twice": _shift_shard,
    "no grid": _no_grid,
    "synapse model": _set("synapse_model", "loose"),
    "synapse model is a list": _set("synapse_model", []),
    "no cores": _set("cores", []),
    "cores is text": _set("cores", "all"),
    "core is a list": _set("cores", 0, []),
    "core beyond the chip": _set("cores", 0, "core", 128),
    "negative chip": _set("cores", 0, "chip", -1),
    "chip is a float": _set("cores", 0, "chip", 0.0),
    "wrong place": _set("cores", 0, "x", 99),
    "no shards": _set("cores", 0, "shards", []),
    "short shard": _set("cores", 0, "shards", [["p0", [0, 1]]]),
    "empty range": _set("cores", 0, "shards", 0, 1, [1, 1]),
    "range outside": _set("cores", 0, "shards", 0, 1, [0, 99]),
    "range of text": _set("cores", 0, "shards", 0, 1, ["0", "1"]),
    "unknown population": _set("cores", 0, "shards", 0, 0, "nobody"),
    "population is a list": _set("cores", 0, "shards", 0, 0, []),
    "negative usage": _set("cores", 0, "usage", "synapse_bits", 0, -1),
    "usage above the limit": _set("cores", 0, "usage", "input_axons", 0, 10**6),
    "wrong compartments": _set("cores", 0, "usage", "compartments", 0, 0),
    "other limit": _set("cores", 0, "usage", "input_axons", 1, 10**6),
    "limit is true": _set("cores", 0, "usage", "input_axons", 1, True),
    "usage is short": _set("cores", 0, "usage", "input_axons", [1]),
    "usage without a resource": _set("cores", 0, "usage", {}),
    "schema": _set("schema", 1),
    "schema is text": _set("schema", "1"),
    "network digest": _set("network", "abc"),
    "bound above the cores": _set("lower_bound_cores", 10**6),
    "bound is text": _set("lower_bound_cores", "1"),
    "other shape": _set("populations", 0, 1, [1, 1, 1]),
    "huge shape": _set("populations", 0, 1, [10**9, 10**9, 10**9]),
    "two dimensions": _set("populations", 0, 1, [1, 1]),
    "population twice": _set("populations", 1, ["p0", [1, 1, 1]]),
    "chip figure": _set("chip", "figures", "cores", "value", -1),
    "package": _set("package", 3),
}


@cache
def _tiny() -> Mapping:
    """Return a mapping that the tests edit in its files; mapping takes longer than they do."""
    return map_network(random_network(0), TINY)


def _written(mapping: Mapping, path: Path) -> dict[str, Any]:
    mapping.save(path)
    data = json.loads(path.read_text())
    assert isinstance(data, dict)
    return data


@pytest.mark.parametrize("edit", EDITS.values(), ids=list(EDITS))
def test_an_edited_mapping_is_refused(edit: Callable[[dict[str, Any]], None], tmp_path: Path) -> None:
    path = tmp_path / "mapping.json"
    data = _written(_tiny(), path)
    edit(data)
    for version in (data, _sealed(data)):
        path.write_text(json.dumps(version))
        with pytest.raises(FileError, match=str(path)):
            Mapping.load(path)


def test_a_mapping_that_was_edited_in_no_other_rule_is_refused_by_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "mapping.json"
    data = _written(_tiny(), path)
    _set("package", "another")(data)
    path.write_text(json.dumps(data))
    with pytest.raises(FileError, match="changed after it was written"):
        Mapping.load(path)
    path.write_text(json.dumps(_sealed(data)))
    Mapping.load(path)


def test_a_forged_usage_is_found_against_the_network(tmp_path: Path) -> None:
    network, path = random_network(0), tmp_path / "mapping.json"
    data = _written(_tiny(), path)
    data["cores"][0]["usage"]["synapse_bits"][0] -= 64
    path.write_text(json.dumps(_sealed(data)))
    with pytest.raises(InvalidNetwork, match=r"core \d+ of chip 0 says"):
        Mapping.load(path).check(network)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"schema": 1}', "[" * 100_000, "\x00"])
def test_files_that_are_no_mapping(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mapping.json"
    path.write_text(text)
    with pytest.raises(FileError):
        Mapping.load(path)
