"""Mappings as JSON files.

::

    {"schema": 2, "digest": SHA-256 of the rest in canonical JSON, "package": version, "network": SHA-256, "chip": {...},
     "populations": [[name, [H, W, C]], ...], "lower_bound_cores": n,
     "synapse_model": "strict",
     "cores": [{"chip": 0, "core": 0, "x": 0, "y": 0, "shards": [[name, [y0, y1], [x0, x1], [c0, c1]], ...],
                "usage": {resource: [used, max]}}, ...]}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypedDict, TypeVar

from ecc_lava.common import JSON_BYTES_MAX, Shape, read_bytes, write_bytes
from ecc_lava.errors import EccLavaError, FileError, InvalidNetwork
from ecc_lava.networks import Shard
from ecc_lava.version import __version__
from hw_mappings.chips import RESOURCES, Address, ChipSpec, chip_from_json, chip_to_json, mesh_position
from hw_mappings.mapping.core import MappedCore
from hw_mappings.resources import SynapseModel

__all__ = ["Fields", "load_mapping", "save_mapping"]

M = TypeVar("M")


class Fields(TypedDict):
    """The fields of `hw_mappings.mapping.Mapping`; this module does not import that class."""

    network_digest: str
    populations: tuple[tuple[str, Shape], ...]
    chip: ChipSpec
    cores: tuple[MappedCore, ...]
    lower_bound_cores: int
    model: SynapseModel


SCHEMA: Final = 2
_LARGEST: Final = 2**53
"""Largest whole number of a mapping: every reader of JSON has it exactly."""
_TOP: Final = {"schema", "digest", "package", "network", "chip", "populations", "lower_bound_cores", "synapse_model", "cores"}
_CORE: Final = {"chip", "core", "x", "y", "shards", "usage"}


def _digest(data: dict[str, Any]) -> str:
    rest = {key: value for key, value in data.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _to_json(mapping: Fields) -> dict[str, Any]:
    """Return a mapping as JSON values; `_from_json` is the inverse."""
    cores = []
    chip = mapping["chip"]
    for core in mapping["cores"]:
        x, y = mesh_position(core.address, chip)
        shards = [[s.population, list(s.y), list(s.x), list(s.c)] for s in core.shards]
        usage = {name: [amount, chip.limit(name)] for name, amount in core.usage.items()}
        cores.append({"chip": core.address.chip, "core": core.address.core, "x": x, "y": y, "shards": shards, "usage": usage})
    data = {
        "schema": SCHEMA,
        "package": __version__,
        "network": mapping["network_digest"],
        "chip": chip_to_json(chip),
        "populations": [[name, list(shape)] for name, shape in mapping["populations"]],
        "lower_bound_cores": mapping["lower_bound_cores"],
        "synapse_model": mapping["model"].value,
        "cores": cores,
    }
    return {"digest": _digest(data), **data}


def _object(where: str, value: object, keys: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != keys:
        found = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise InvalidNetwork(f"{where} must have the keys {sorted(keys)}, it has {found}")
    return value


def _list(where: str, value: object, length: int | None = None) -> list[Any]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise InvalidNetwork(f"{where} must be a list{'' if length is None else f' of {length}'}, got {value!r:.80}")
    return value


def _text(where: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidNetwork(f"{where} must be text, got {value!r:.80}")
    return value


def _whole(where: str, value: object) -> int:
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise InvalidNetwork(f"{where} must be a whole number from 0 to {_LARGEST}, got {value!r:.40}")
    return value


def _span(where: str, value: object) -> tuple[int, int]:
    start, stop = (_whole(where, number) for number in _list(where, value, 2))
    return start, stop


def _shard(value: object) -> Shard:
    name, y, x, c = _list("a shard", value, 4)
    return Shard(_text("a shard's population", name), _span("a shard's rows", y), _span("its columns", x), _span("its channels", c))


def _population(value: object) -> tuple[str, Shape]:
    name, shape = _list("a population", value, 2)
    height, width, channels = (_whole("a shape", number) for number in _list("a shape", shape, 3))
    return _text("a population's name", name), (height, width, channels)


def _core(value: object, chip: ChipSpec) -> MappedCore:
    entry = _object("a core", value, _CORE)
    address = Address(_whole("a chip index", entry["chip"]), _whole("a core index", entry["core"]))
    if (_whole("x", entry["x"]), _whole("y", entry["y"])) != mesh_position(address, chip):
        raise InvalidNetwork(f"{address} is at {mesh_position(address, chip)} of the mesh, the file says ({entry['x']}, {entry['y']})")
    used: dict[str, int] = {}
    for name, amount in _object("a core's usage", entry["usage"], set(RESOURCES)).items():
        used[name], most = _whole(name, _list(name, amount, 2)[0]), amount[1]
        if type(most) is not type(chip.limit(name)) or most != chip.limit(name):
            raise InvalidNetwork(f"{name} is limited to {most!r} on a core and to {chip.limit(name)!r} in the chip")
    return MappedCore(address, tuple(_shard(shard) for shard in _list("a core's shards", entry["shards"])), used)


def _from_json(data: object) -> Fields:
    """Return the fields of the mapping that JSON values describe; every field is checked.

    Raises
    ------
    InvalidNetwork, InvalidInput
        If the values are not a mapping, or were changed after they were written.
    """
    if not isinstance(data, dict) or type(data.get("schema")) is not int:
        raise InvalidNetwork("this is not a mapping: it has no schema number")
    if data["schema"] != SCHEMA:
        raise InvalidNetwork(f"the mapping's schema is {data['schema']!r:.40}; this version reads {SCHEMA}")
    top = _object("a mapping", data, _TOP)
    if top["digest"] != _digest(top):
        raise InvalidNetwork(f"the mapping was changed after it was written: its digest is {_digest(top)}, it says {top['digest']!r:.80}")
    if top["package"] is not None:
        _text("the package version", top["package"])
    chip = chip_from_json(top["chip"])
    return Fields(
        network_digest=_text("the network's digest", top["network"]),
        populations=tuple(_population(value) for value in _list("populations", top["populations"])),
        chip=chip,
        cores=tuple(_core(value, chip) for value in _list("cores", top["cores"])),
        lower_bound_cores=_whole("the lower bound", top["lower_bound_cores"]),
        model=SynapseModel(top["synapse_model"]),
    )


def save_mapping(mapping: Fields, path: str | Path) -> None:
    """Write a mapping; the file is either the old one or the whole new one, even after a crash.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    write_bytes(path, (json.dumps(_to_json(mapping), indent=1) + "\n").encode())


def load_mapping(path: str | Path, made: Callable[..., M]) -> M:
    """Return `made` applied to the fields of a mapping file.

    Raises
    ------
    FileError
        If the file cannot be read, is not JSON, or is not an unchanged mapping.
    """
    try:
        return made(**_from_json(json.loads(read_bytes(path, JSON_BYTES_MAX))))
    except FileError:
        raise
    except EccLavaError as error:
        raise FileError(f"mapping file {path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"mapping file {path} cannot be read as JSON: {error}") from error
