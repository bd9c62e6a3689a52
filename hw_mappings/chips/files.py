"""Chip files: JSON. Reading checks every key and every number.

::

    {"schema": 4, "name": "mine", "format": "loihi2", "blocked": [[0, 127], [null, 3]], "figures": {
        "cores": {"value": 128, "public": "where it was published"},
        "state_bits": {"value": 72, "assumed": "why"}, ...}}

All figures of `ChipSpec` are required. Where a figure may be missing, ``null`` means "not limited" or "not known". An entry of `blocked`
names a chip (``null`` is every chip) and a core on it. Files of schema 3 lack the figure of multicast, those of schema 2 also the figures
of payloads; both are read too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from ecc_lava.common import JSON_BYTES_MAX, read_bytes
from ecc_lava.errors import EccLavaError, FileError, InvalidInput
from ecc_lava.formats import FORMATS
from hw_mappings.chips.figures import Figure, assumed
from hw_mappings.chips.spec import ChipSpec, figure_names

__all__ = ["chip_from_json", "chip_to_json", "load_chip"]

SCHEMA: Final = 4
_WITHOUT_PAYLOADS: Final = 2
"""The schema before payloads."""
_WITHOUT_MULTICAST: Final = 3
"""The schema before multicast."""


def chip_to_json(spec: ChipSpec) -> dict[str, Any]:
    """Return the chip as JSON values; `chip_from_json` is the inverse."""
    figures = {}
    for name in figure_names():
        figure: Figure = getattr(spec, name)
        figures[name] = {"value": figure.value, "public" if figure.public else "assumed": figure.source}
    return {
        "schema": SCHEMA,
        "name": spec.name,
        "format": spec.format,
        "blocked": [list(entry) for entry in spec.blocked],
        "figures": figures,
    }


def _keys(where: str, value: object, expected: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(f"{where} is {type(value).__name__}; it must be an object with the keys {', '.join(sorted(expected))}")
    missing, unknown = sorted(expected - set(value)), sorted(set(value) - expected)
    if missing or unknown:
        faults = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has unknown keys {', '.join(unknown)}"] * bool(unknown)
        raise InvalidInput(f"{where} {' and '.join(faults)}")
    return value


def _figure(name: str, value: object) -> Figure:
    where = f"the figure {name}"
    public = isinstance(value, dict) and "public" in value
    entry = _keys(where, value, {"value", "public" if public else "assumed"})
    return Figure(entry["value"], public, entry["public" if public else "assumed"])


def _figures_of_payloads(format: object) -> dict[str, Figure]:
    """Return the figures that a file without payloads lacks: spikes are as wide as the number format has them."""
    known = FORMATS.get(format) if isinstance(format, str) else None
    bits = 0 if known is None else known.payload_bits
    return {
        "payload_bits": assumed(max(bits, 1), "a chip file without this figure; as wide as the number format's"),
        "signed_state_bits": assumed(24 if bits else 0, "a chip file without this figure; a sum as wide as the potential"),
    }


def _figures_since(schema: int, format: object) -> dict[str, Figure]:
    """Return the figures that a file of a schema lacks."""
    added = _figures_of_payloads(format) if schema <= _WITHOUT_PAYLOADS else {}
    if schema <= _WITHOUT_MULTICAST:
        added["multicast"] = assumed(0, "a chip file without this figure; one message for each destination core")
    return added


def chip_from_json(data: object) -> ChipSpec:
    """Return the chip that JSON values describe.

    Raises
    ------
    InvalidInput
        For a missing or unknown key, a wrong type or an impossible number.
    """
    top = _keys("a chip", data, {"schema", "name", "format", "blocked", "figures"})
    if type(top["schema"]) is not int or not _WITHOUT_PAYLOADS <= top["schema"] <= SCHEMA:
        raise InvalidInput(f"the chip's schema is {top['schema']!r:.40}; this version reads {_WITHOUT_PAYLOADS} to {SCHEMA}")
    added = _figures_since(top["schema"], top["format"])
    figures = _keys("figures", top["figures"], set(figure_names()) - set(added))
    blocked = top["blocked"]
    if not isinstance(blocked, list) or not all(isinstance(entry, list) for entry in blocked):
        raise InvalidInput(f"blocked cores must be a list of [chip, core], got {blocked!r:.80}")
    cores = tuple((*entry,) for entry in blocked)
    return ChipSpec(top["name"], top["format"], **{name: _figure(name, value) for name, value in figures.items()}, **added, blocked=cores)


def load_chip(path: str | Path) -> ChipSpec:
    """Read a chip file.

    Raises
    ------
    FileError
        If the file cannot be read, is not JSON, or describes an impossible chip.
    """
    try:
        return chip_from_json(json.loads(read_bytes(path, JSON_BYTES_MAX)))
    except FileError:
        raise
    except EccLavaError as error:
        raise FileError(f"chip file {path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"chip file {path} cannot be read as JSON: {error}") from error
