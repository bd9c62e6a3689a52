"""Arrays and attributes in HDF5 groups: equal arrays are stored once, nothing outside the file is followed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from ecc_lava.common import Array, read_only
from ecc_lava.errors import InvalidNetwork

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
        else:
            self._written[key] = group.create_dataset(name, data=contiguous)


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
    """

    def __init__(self, size: int) -> None:
        self._left = TIMES_READ_MAX * size
        self._read: dict[int, Array] = {}

    def array(self, group: Any, name: str, *dtypes: str) -> Array:
        """Return an array; its type must be one of `dtypes`, and its bytes must be in the file."""
        import h5py

        member = _member(group, name)
        if not isinstance(member, h5py.Dataset) or member.external is not None or member.is_virtual or member.chunks is not None:
            raise InvalidNetwork(f"{group.name}/{name} is not an array stored whole in this file")
        if str(member.dtype) not in dtypes:
            raise InvalidNetwork(f"{group.name}/{name} is {member.dtype}; it must be {' or '.join(dtypes)}")
        stored = member.id.get_storage_size()
        if member.shape is None or stored != member.nbytes or stored > member.file.id.get_filesize():
            raise InvalidNetwork(f"{group.name}/{name} claims {member.shape} values and does not store them")
        self._left -= stored
        if self._left < 0:
            raise InvalidNetwork(f"the file names the same arrays so often that they are {TIMES_READ_MAX} times as large as the file")
        place = h5py.h5o.get_info(member.id).addr
        if place not in self._read:
            self._read[place] = read_only(member[()])
        return self._read[place]

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
