"""Network files that were altered, cut short or added to, and files of other kinds: noticed and named."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

import ecc_lava
from ecc_lava.errors import FileError
from ecc_lava.storage.envelope import BLOCK, verify
from tests.helpers.network_files import refusal


def test_every_flipped_byte_is_noticed(sealed: bytes, tmp_path: Path) -> None:
    header = range(52)
    body = np.random.default_rng(0).integers(BLOCK, len(sealed), 150)
    for position in [*header, *body, len(sealed) - 1]:
        for bit in (0x01, 0x80):
            changed = bytearray(sealed)
            changed[position] ^= bit
            with pytest.raises(FileError):
                verify(bytes(changed), "net.h5")
    changed = bytearray(sealed)
    changed[-1] ^= 1
    assert "altered" in refusal(bytes(changed), tmp_path)


def test_the_unused_rest_of_the_header_may_not_be_altered_either(sealed: bytes) -> None:
    for position in range(52, BLOCK, 17):
        changed = bytearray(sealed)
        changed[position] ^= 4
        with pytest.raises(FileError):
            verify(bytes(changed), "net.h5")


def test_every_truncation_is_noticed(sealed: bytes, tmp_path: Path) -> None:
    lengths = {0, 1, 7, 8, 51, 52, 511, 512, 513, len(sealed) - 1, *np.random.default_rng(1).integers(0, len(sealed), 60).tolist()}
    for length in sorted(lengths):
        message = refusal(sealed[:length], tmp_path)
    assert "cut short" in message


@pytest.mark.parametrize("tail", [b"\0", b"more", bytes(4096)])
def test_appended_bytes_are_noticed(sealed: bytes, tail: bytes, tmp_path: Path) -> None:
    assert "added" in refusal(sealed + tail, tmp_path)


def test_other_files_are_named_as_what_they_are_not(tmp_path: Path) -> None:
    for content in (b"", b"not a network" * 99, bytes(2048), b"\x89HDF\r\n\x1a\n" + bytes(2000), b"PK\3\4" + bytes(3000)):
        assert "not a network file" in refusal(content, tmp_path)


def test_another_schema_is_named(sealed: bytes, tmp_path: Path) -> None:
    changed = sealed[:8] + struct.pack("<I", 9) + sealed[12:]
    assert "schema 9" in refusal(changed, tmp_path)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none\.h5.*no such file"):
        ecc_lava.load(tmp_path / "none.h5")
    with pytest.raises(FileError, match="folder"):
        ecc_lava.load(tmp_path)
