"""Arrays and attributes in HDF5 groups: equal arrays are stored once, nothing outside the file is followed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from ecc_lava.common import Array
from ecc_lava.errors import InvalidNetwork

__all__ = ["Writer", "has_member", "read_array", "read_group", "read_json", "read_texts", "write_json"]


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


def read_array(group: Any, name: str, *dtypes: str) -> Array:
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
    return np.asarray(member[()])


def read_json(group: Any, name: str) -> Any:
    """Return JSON values."""
    return json.loads(read_array(group, name, "uint8").tobytes())


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
