"""Opens NIR files of strangers: groups, arrays and texts within bounds, and nothing outside the file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

import numpy as np

from ecc_lava.common import check_memory, memory_limit, read_bytes
from ecc_lava.errors import EccLavaError, FileError, InvalidInput

__all__ = ["Tree", "read_tree", "without_zero_resets"]

Tree = dict[str, Any]
"""A group: names and what they stand for, arrays, texts and groups."""

UNPACKED_MAX: Final = 2**27
"""Bytes that any file may unpack to: thresholds of whole maps, mostly equal numbers, are packed a thousandfold."""

TIMES_PACKED: Final = 2
"""How many times its own size a file may unpack to beyond that."""

OBJECTS_MAX: Final = 2**17
"""Most groups and arrays of a file."""

DEPTH_MAX: Final = 8
"""Most groups within groups."""

TEXTS_MAX: Final = 2**16
"""Most texts of an array, such as the ends of edges."""

TEXT_BYTES_MAX: Final = 2**24
"""Most bytes of all texts of a file together."""

FILTERS: Final = (None, "gzip", "lzf")

REASON_MAX: Final = 300
"""Most characters of a reason that a message repeats; the reason may quote the file."""


def read_tree(path: str | Path, max_memory: int | None = None) -> Tree:
    """Return the graph of a file.

    Raises
    ------
    FileError
        If it is missing, damaged, leads to other files, holds other things than numbers and texts, or unpacks to far more than it stores.
    """
    import h5py

    limit = memory_limit(max_memory)
    content = read_bytes(path)
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            reader = _Reader(min(limit, UNPACKED_MAX + TIMES_PACKED * len(content)))
            found = reader.member(file, "node", 0)
            if not isinstance(found, dict):
                raise InvalidInput("/node is not a group")
            check_memory("its graph", reader.unpacked, limit)
            return found
    except EccLavaError as error:
        raise FileError(f"{path}: {str(error)[:REASON_MAX]}; no NIR file that can be read. Write it again") from error
    except (OSError, LookupError, AttributeError, TypeError, ValueError, ArithmeticError, RuntimeError, MemoryError) as error:
        # HDF5 on content that it was never meant to see
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:REASON_MAX]
        raise FileError(f"{path}: not a NIR file ({reason}). Write it again") from error


def without_zero_resets(file: io.BytesIO) -> None:
    """Take the field `v_reset` off the neurons of a file: 0 is what all versions take it for, and `nir` 1.0.4 refuses it."""
    import h5py

    with h5py.File(file, "r+") as opened:
        for node in opened["node/nodes"].values():
            if "v_reset" in node:
                del node["v_reset"]


class _Reader:
    """Reads members, and counts what they unpack to."""

    def __init__(self, most: int) -> None:
        self.unpacked = 0
        self._most = most
        self._objects = 0
        self._texts = 0

    def member(self, group: Any, name: str, depth: int) -> Any:
        """Return a member of a group: a group of its own, an array or a text."""
        import h5py

        where = f"{group.name.rstrip('/')}/{name}"
        self._objects += 1
        if self._objects > OBJECTS_MAX or depth > DEPTH_MAX:
            raise InvalidInput(f"more than {OBJECTS_MAX} groups and arrays, or groups more than {DEPTH_MAX} deep, at {where:.80}")
        if not group.id.links.exists(name.encode()):
            raise InvalidInput(f"{where:.80} is missing")
        if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
            raise InvalidInput(f"{where:.80} points elsewhere")
        found = group[name]
        if isinstance(found, h5py.Group):
            return {child: self.member(found, child, depth + 1) for child in found}
        if not isinstance(found, h5py.Dataset) or found.external is not None or found.is_virtual:
            raise InvalidInput(f"{where:.80} is not an array stored in this file")
        if found.compression not in FILTERS or found.shape is None:
            raise InvalidInput(f"{where:.80} is empty, or packed by {found.compression!r:.40}; gzip and lzf are read")
        if h5py.check_string_dtype(found.dtype) is not None:
            return self._text(found, where)
        if found.dtype.kind not in "fiub":
            raise InvalidInput(f"{where:.80} holds {found.dtype!s:.40}; numbers and texts are read")
        self.unpacked += found.size * found.dtype.itemsize
        if self.unpacked > self._most:
            raise InvalidInput(f"up to {where:.80} the file unpacks to {self.unpacked} bytes; from its size at most {self._most} are read")
        return np.asarray(found[()])

    def _text(self, found: Any, where: str) -> Any:
        """Return a text, or an array of texts, one row after the other, as many may be the same long one."""
        if found.size > TEXTS_MAX or found.dtype.itemsize > TEXT_BYTES_MAX:
            raise InvalidInput(f"{where:.80} holds {found.size} texts; at most {TEXTS_MAX} of {TEXT_BYTES_MAX} bytes are read")
        texts = []
        for index in np.ndindex(found.shape):
            text = found[index]
            self._texts += len(text)
            if self._texts > TEXT_BYTES_MAX:
                raise InvalidInput(f"up to {where:.80} the file has more than {TEXT_BYTES_MAX} bytes of texts")
            texts.append(text.decode() if isinstance(text, bytes) else str(text))
        return texts[0] if found.shape == () else np.array(texts, object).reshape(found.shape)
