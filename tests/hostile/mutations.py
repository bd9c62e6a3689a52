"""Seeded changes of JSON values and of bytes."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any, Final

__all__ = ["mutated_bytes", "mutated_json"]

NUMBERS: Final = (-1, 0, 1, 2, 255, 256, 65_535, 65_536, 2**31 - 1, 2**31, -(2**31), 2**40, 2**63 - 1, 2**63, 2**64, 10**30, -(10**30))
ODDITIES: Final[tuple[Any, ...]] = (None, True, False, 0.5, -0.0, 1e308, float("nan"), float("inf"), "", [], {}, "1", [1], [[]], {"a": 1})
TEXTS: Final = ("\ud800", "\x1b[2J\x1b[31m", "a\nb", "\x00", "=1+1", "\u202egnp", "a" * 100_000, "../../etc/passwd", "{{7*7}}", "<script>")

Place = tuple[Any, Any]
"""A list or an object, and an index or a key of it."""


def _places(value: Any) -> Iterator[Place]:
    """Yield every place of a value that another may take."""
    stack = [value]
    while stack:
        inner = stack.pop()
        pairs = inner.items() if isinstance(inner, dict) else enumerate(inner)
        for key, item in pairs:
            yield inner, key
            if isinstance(item, dict | list):
                stack.append(item)


def mutated_json(rng: random.Random, value: Any) -> Any:
    """Return a copy of JSON values with one to three changes of type, range, reference or structure."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(_places(value))
        if not places:
            return value
        _change(rng, *rng.choice(places), places)
    return value


def _change(rng: random.Random, inner: Any, key: Any, places: list[Place]) -> None:
    old = inner[key]
    match rng.randrange(10):
        case 0 | 1:
            inner[key] = rng.choice(NUMBERS)
        case 2:
            inner[key] = copy.deepcopy(rng.choice(ODDITIES))
        case 3:
            inner[key] = rng.choice(TEXTS)
        case 4 if isinstance(old, int | float) and not isinstance(old, bool):
            inner[key] = rng.choice((old + 1, old - 1, -old, old * 2, old * 2**20))
        case 5:
            del inner[key]
        case 6:
            other, place = rng.choice(places)  # what stands elsewhere: names of others, cycles of references
            inner[key] = copy.deepcopy(other[place]) if _is_there(other, place) else None
        case 7 if isinstance(inner, list):
            inner.append(copy.deepcopy(old))
        case 7:
            inner[rng.choice((*TEXTS, f"{key}_"))] = old
        case 8:
            for _ in range(rng.choice((1, 20, 200))):
                old = [old]
            inner[key] = old
        case _:
            inner[key] = str(old) if rng.random() < 0.5 else [old, old]


def _is_there(inner: Any, key: Any) -> bool:
    return key in inner if isinstance(inner, dict) else key < len(inner)


def mutated_bytes(rng: random.Random, content: bytes) -> bytes:
    """Return bytes with bits flipped, parts cut, repeated, moved or overwritten by extreme numbers."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if not data:
            break
        at = rng.randrange(len(data))
        match rng.randrange(7):
            case 0 | 1:
                data[at] ^= 1 << rng.randrange(8)
            case 2:
                data[at : at + 8] = rng.choice((0, 1, 2**31, 2**63 - 1, 2**64 - 1, 2**40)).to_bytes(8, rng.choice(("little", "big")))
            case 3:
                del data[at:]
            case 4:
                del data[at : at + rng.randrange(64)]
            case 5:
                data[at:at] = data[at : at + rng.randrange(256)]
            case _:
                data[at : at + 16] = rng.randbytes(16)
    return bytes(data)
