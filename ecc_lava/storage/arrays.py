"""Arrays and attributes in HDF5 groups: equal arrays are stored once, nothing outside the file is followed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ecc_lava.common import Array, read_only
from ecc_lava.errors import InvalidNetwork
from ecc_lava.storage.packed import Packed, packed, unpacked

__all__ = ["Reader", "Writer", "has_member", "read_group", "read_texts", "whole", "write_json"]

JSON_BYTES_MAX = 2**24
"""Most bytes of JSON values in a network file; as Python values they take ten times as many and more."""

TIMES_READ_MAX = 8
"""How often the arrays of a file may be read, on the mean: equal arrays are stored once, and read wherever they stand."""


class Writer:
    """Writes arrays, linking to one already written if it is equal."""

    def __init__(self) -> None:
        self._written: dict[tuple[str, tuple[int, ...], str], Any] = {}

    def array(self, group: Any, name: str, value: Array) -> None:
        """Store `value` as `group`/`name`."""
        contiguous = np.ascontiguousarray(value)
        key = (contiguous.dtype.str, contiguous.shape, hashlib.sha256(contiguous.tobytes()).hexdigest())
        if key in self._written:
            group[name] = self._written[key]  # a hard link
            return
        small = packed(contiguous)
        if small is None:
            self._written[key] = group.create_dataset(name, data=contiguous)
            return
        stored = self._written[key] = group.create_group(name)
        for part, array in small._asdict().items():
            stored.create_dataset(part, data=array)
        write_json(stored, "shape", contiguous.shape)


def write_json(group: Any, name: str, value: Any) -> None:
    """Store JSON values as `group`/`name`."""
    group.create_dataset(name, data=np.frombuffer(json.dumps(value, sort_keys=True).encode(), np.uint8))


def has_member(group: Any, name: str) -> bool:
    """Whether a group has a link of this name; it is not followed."""
    return bool(group.id.links.exists(name.encode()))


def _member(group: Any, name: str) -> Any:
    import h5py

    if not has_member(group, name):
        raise InvalidNetwork(f"{group.name}/{name} is missing")
    if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
        raise InvalidNetwork(f"{group.name}/{name} points elsewhere")
    return group[name]


def read_group(group: Any, name: str) -> Any:
    """Return a subgroup."""
    import h5py

    member = _member(group, name)
    if not isinstance(member, h5py.Group):
        raise InvalidNetwork(f"{group.name}/{name} is not a group")
    return member


class Reader:
    """Reads arrays and JSON values; what stands in several places of the file is read once.

    Parameters
    ----------
    size : int
        Bytes of the file; what is read of it has a bound that grows with them.
    memory : int
        Most bytes of arrays that stand in the file in few bits.
    """

    def __init__(self, size: int, memory: int) -> None:
        self._left, self._memory = TIMES_READ_MAX * size, memory
        self._read: dict[int, Array] = {}

    def array(self, group: Any, name: str, *dtypes: str) -> Array:
        """Return an array; its type must be one of `dtypes`, and its bytes must be in the file."""
        import h5py

        member = _member(group, name)
        place = h5py.h5o.get_info(member.id).addr
        if isinstance(member, h5py.Group):
            if place not in self._read:
                self._read[place] = read_only(self._unpacked(member, dtypes))
            return self._read[place]
        self._check_stored(member, f"{group.name}/{name}", dtypes)
        if place not in self._read:
            self._read[place] = read_only(member[()])
        return self._read[place]

    def _check_stored(self, member: Any, where: str, dtypes: Sequence[str]) -> None:
        import h5py

        if not isinstance(member, h5py.Dataset) or member.external is not None or member.is_virtual or member.chunks is not None:
            raise InvalidNetwork(f"{where} is not an array stored whole in this file")
        if str(member.dtype) not in dtypes:
            raise InvalidNetwork(f"{where} is {member.dtype}; it must be {' or '.join(dtypes)}")
        stored = member.id.get_storage_size()
        if member.shape is None or stored != member.nbytes or stored > member.file.id.get_filesize():
            raise InvalidNetwork(f"{where} claims {member.shape} values and does not store them")
        self._left -= stored
        if self._left < 0:
            raise InvalidNetwork(f"the file names the same arrays so often that they are {TIMES_READ_MAX} times as large as the file")

    def _unpacked(self, member: Any, dtypes: Sequence[str]) -> Array:
        """Return an array that stands in few bits."""
        shape = self.json(member, "shape")
        if not isinstance(shape, list) or not all(type(size) is int and 0 < size < 2**63 for size in shape):
            raise InvalidNetwork(f"{member.name}/shape is no shape of an array")
        stored = Packed(self.array(member, "values", *dtypes), self.array(member, "codes", "uint8"))
        self._memory -= prod(shape) * stored.values.itemsize
        if self._memory < 0:
            raise InvalidNetwork(f"{member.name} takes more memory than may be used: raise ECC_LAVA_MAX_MEMORY if the file is yours")
        return unpacked(stored, tuple(shape), member.name)

    def json(self, group: Any, name: str) -> Any:
        """Return JSON values."""
        text = self.array(group, name, "uint8")
        if text.size > JSON_BYTES_MAX:
            raise InvalidNetwork(f"{group.name}/{name} has {text.size} bytes of JSON; at most {JSON_BYTES_MAX} are read")
        return json.loads(text.tobytes())


def whole(value: Any, what: str, least: int, most: int) -> int:
    """Return a JSON value that must be a whole number within bounds.

    Raises
    ------
    InvalidNetwork
        If it is another value.
    """
    if type(value) is not int or not least <= value <= most:
        shown = f"{value!r:.40}" if not isinstance(value, int) or abs(value) < 2**64 else "a number of more than 64 bits"
        raise InvalidNetwork(f"the {what} is {shown}; it must be a whole number from {least} to {most}")
    return value


def read_texts(value: Any, what: str) -> tuple[str, ...]:
    """Return JSON values that must be a list of texts.

    Raises
    ------
    InvalidNetwork
        If they are not.
    """
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidNetwork(f"the {what} is not a list of texts")
    return tuple(value)
