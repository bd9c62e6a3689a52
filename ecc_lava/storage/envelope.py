"""The checksummed envelope: a 512-byte HDF5 userblock in front of the HDF5 data, verified before HDF5 opens anything."""

from __future__ import annotations

import hashlib
import struct

from ecc_lava.errors import FileError

__all__ = ["BLOCK", "seal", "verify"]

BLOCK = 512
"""Size of the userblock, bytes."""

MAGIC = b"ECCLAVA\0"
SCHEMA = 2
_HEADER = struct.Struct("<8sIQ32s")
"""Magic, u32 schema, u64 length of the rest, SHA-256 of the rest."""


def seal(content: bytes) -> bytes:
    """Return an HDF5 file with a `BLOCK`-byte userblock as a sealed file."""
    body = content[BLOCK:]
    header = _HEADER.pack(MAGIC, SCHEMA, len(body), hashlib.sha256(body).digest())
    return header + bytes(BLOCK - len(header)) + body


def verify(content: bytes, where: str) -> None:
    """Check a sealed file.

    Raises
    ------
    FileError
        If it is not such a file, has another schema, is cut short or altered.
    """
    if len(content) < BLOCK or content[: len(MAGIC)] != MAGIC:
        raise FileError(f"{where}: not a network file of ecc_lava; make one with `ecc-lava convert`")
    _, schema, length, digest = _HEADER.unpack_from(content)
    if any(content[_HEADER.size : BLOCK]):
        raise FileError(f"{where}: its header has been altered or damaged. Copy or convert it again")
    if schema != SCHEMA:
        raise FileError(f"{where}: written with schema {schema}; this version reads {SCHEMA}. Convert the model again")
    body = content[BLOCK:]
    if len(body) != length:
        raise FileError(
            f"{where}: holds {len(body)} of {length} bytes; the file is cut short or has been added to. Copy or convert it again"
        )
    if hashlib.sha256(body).digest() != digest:
        raise FileError(f"{where}: its checksum does not match; the file has been altered or damaged. Copy or convert it again")
