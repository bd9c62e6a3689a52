"""Arrays and attributes in HDF5 groups: equal arrays are stored once, nothing outside the file is followed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from ecc_lava.arrays import Array
from ecc_lava.errors import InvalidNetwork

__all__ = ["Writer", "read_array", "read_group", "read_json", "write_json"]


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


def _member(group: Any, name: str) -> Any:
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise InvalidNetwork(f"{group.name}/{name} is missing or points outside the file")
    return group[name]


def read_group(group: Any, name: str) -> Any:
    """Return a subgroup."""
    import h5py

    member = _member(group, name)
    if not isinstance(member, h5py.Group):
        raise InvalidNetwork(f"{group.name}/{name} is not a group")
    return member


def read_array(group: Any, name: str, *dtypes: str) -> Array:
    """Return an array; its type must be one of `dtypes`, and its bytes must be in the file."""
    import h5py

    member = _member(group, name)
    if not isinstance(member, h5py.Dataset) or member.external is not None or member.is_virtual:
        raise InvalidNetwork(f"{group.name}/{name} is not an array of this file")
    if str(member.dtype) not in dtypes:
        raise InvalidNetwork(f"{group.name}/{name} is {member.dtype}; it must be {' or '.join(dtypes)}")
    if member.id.get_storage_size() != member.size * member.dtype.itemsize:
        raise InvalidNetwork(f"{group.name}/{name} claims {member.size} values and stores {member.id.get_storage_size()} bytes")
    return np.asarray(member[()])


def read_json(group: Any, name: str) -> Any:
    """Return JSON values."""
    return json.loads(read_array(group, name, "uint8").tobytes())
