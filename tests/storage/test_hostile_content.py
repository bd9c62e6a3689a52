"""Network files with a right checksum and hostile content: refused in one line, or harmless."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import ecc_lava
from ecc_lava.errors import FileError
from ecc_lava.storage.envelope import BLOCK, seal
from ecc_lava.storage.network_file import read_calibration
from tests.helpers.network_files import (
    FLOAT,
    NET,
    NODES,
    Triple,
    assert_same,
    at,
    claimed,
    deleted,
    json_at,
    linked,
    put,
    refusal,
    replaced,
    resealed,
)
from tests.helpers.networks import random_network


def _virtual(file: Any) -> None:
    kernel = file["integer/projections/0/kernel"]
    layout = h5py.VirtualLayout(kernel.shape, kernel.dtype)
    layout[...] = h5py.VirtualSource("/etc/passwd", "x", kernel.shape)
    del file["integer/projections/0/kernel"]
    file.create_virtual_dataset("integer/projections/0/kernel", layout)


def _external(file: Any) -> None:
    shape = file["integer/projections/0/kernel"].shape
    del file["integer/projections/0/kernel"]
    file.create_dataset("integer/projections/0/kernel", shape, "int8", external=[("/etc/passwd", 0, int(np.prod(shape)))])


DEEP = b"[" * 200_000 + b"]" * 200_000

HOSTILE: dict[str, Callable[[Any], None]] = {
    "no integer group": deleted("integer"),
    "no populations": deleted("integer/populations"),
    "a population missing": deleted("integer/populations/2"),
    "a bias missing": deleted("integer/populations/1/bias"),
    "a kernel missing": deleted("integer/projections/1/kernel"),
    "no trace": deleted("trace"),
    "no calibration": deleted("calibration"),
    "no nodes": deleted(NODES),
    "no graph arrays": deleted("graph/arrays"),
    "a graph scale missing": deleted("graph/arrays/2/scale"),
    "a group for an array": linked("integer/projections/0/kernel/", h5py.SoftLink("/integer")),
    "an array for a group": replaced("integer/projections", np.zeros(3)),
    "integer is an array": replaced("integer", np.zeros(3)),
    "float is an array": replaced("float", np.zeros(3)),
    "float kernel for integers": replaced("integer/projections/0/kernel", np.zeros((3, 3, 2, 4))),
    "int64 bias": replaced("integer/populations/1/bias", np.zeros((1, 1, 4), np.int64)),
    "big-endian bias": replaced("integer/populations/1/bias", np.zeros((1, 1, 4), ">i4")),
    "text for a bias": replaced("integer/populations/1/bias", "os.system('true')"),
    "objects for a bias": replaced("integer/populations/1/bias", [b"a", b"bc"], dtype=h5py.special_dtype(vlen=bytes)),
    "an empty array": replaced("integer/populations/1/bias", h5py.Empty("int32")),
    "compound bias": replaced("integer/populations/1/bias", np.zeros(2, [("a", "i4"), ("b", "f4")])),
    "scalar bias": replaced("integer/populations/1/bias", np.int32(1)),
    "wrong bias shape": replaced("integer/populations/1/bias", np.zeros((1, 1, 3), np.int32)),
    "wrong kernel shape": replaced("integer/projections/0/kernel", np.zeros((3, 3, 3, 4), np.int8)),
    "kernel of two axes for a Conv": replaced("integer/projections/0/kernel", np.zeros((18, 4), np.int8)),
    "zero-sized kernel": replaced("integer/projections/0/kernel", np.zeros((3, 3, 2, 0), np.int8)),
    "huge claimed contiguous": claimed("integer/projections/0/kernel", "int8", (2**20, 2**20, 2, 4)),
    "huge claimed chunked": claimed("integer/projections/0/kernel", "int8", (2**20, 2**20, 2, 4), chunks=(64, 64, 2, 4)),
    "huge claimed compressed": claimed("integer/projections/0/kernel", "int8", (2**16, 2**16, 2, 4), compression="gzip"),
    "compressed": replaced("integer/projections/0/kernel", np.zeros((3, 3, 2, 4), np.int8), compression="gzip"),
    "chunked": replaced("integer/projections/0/kernel", np.zeros((3, 3, 2, 4), np.int8), chunks=(3, 3, 2, 4)),
    "huge compressed zeros": replaced("integer/projections/0/kernel", np.zeros((2**12, 2**12, 1, 4), np.int8), compression="gzip"),
    "virtual": _virtual,
    "external storage": _external,
    "soft link": linked("integer/projections/0/kernel", h5py.SoftLink("/integer/projections/1/kernel")),
    "dangling soft link": linked("integer/projections/0/kernel", h5py.SoftLink("/nowhere")),
    "soft link to itself": linked("integer/projections/0/kernel", h5py.SoftLink("/integer/projections/0/kernel")),
    "external link": linked("integer/projections/0/kernel", h5py.ExternalLink("/etc/passwd", "/")),
    "external link for a group": linked("integer", h5py.ExternalLink("/dev/zero", "/")),
    "external link for an optional group": linked("float", h5py.ExternalLink("/etc/passwd", "/")),
    "dangling link for an optional group": linked("graph", h5py.SoftLink("/nowhere")),
    "dangling link for a gain": linked("integer/projections/0/gain", h5py.SoftLink("/nowhere")),
    "gain map of floats": replaced("integer/projections/16/gain", np.ones((3, 3))),
    "gain of the wrong shape": replaced("integer/projections/16/gain", np.ones((2, 2), np.int32)),
    "vth 0": put("integer/populations/1/vth", ..., 0),
    "vth beyond 24 bits": put("integer/populations/1/vth", ..., 2**23),
    "bias -2**31": put("integer/populations/1/bias", ..., -(2**31)),
    "a changed weight": put("integer/projections/0/kernel", (0, 0, 0, 0), 3),
    "a weight of -128": put("integer/projections/0/kernel", (0, 0, 0, 0), -128),
    "fewer bits claimed": json_at(NET, at("bits", to=2)),
    "no bits": json_at(NET, at("bits", to=-1)),
    "bits as text": json_at(NET, at("bits", to="8.5")),
    "wrong digest": json_at(NET, at("digest", to="f" * 64)),
    "widths of another type": json_at(NET, at("quantisation", "bits", to={"relu": "8"})),
    "unknown scale axis": json_at(NET, at("quantisation", "per", to="neuron")),
    "quantisation as a list": json_at(NET, at("quantisation", to=[8, "channel"])),
    "a range of inputs out of order": json_at(NET, at("calibrated", to=[{"low": 1.0, "high": 0.0}])),
    "a range of inputs without an end": json_at(NET, at("calibrated", to=[{"low": 1.0}])),
    "ranges of more inputs than there are": json_at(NET, at("calibrated", to=[{"low": 0.0, "high": 1.0}] * 9)),
    "ranges of another type": json_at(NET, at("calibrated", to=7)),
    "digest of another type": json_at(NET, at("digest", to=None)),
    "unknown format": json_at(NET, at("format", to="tpu")),
    "format of another type": json_at(NET, at("format", to=["loihi2"])),
    "unknown coding": json_at(NET, at("codings", 0, "kind", to="morse")),
    "coding that is not a table": json_at(NET, at("codings", 0, to=[1])),
    "coding with unknown keys": json_at(NET, at("codings", 0, "code", to="import os")),
    "NaN offset": json_at(NET, at("codings", 0, "offset", to=float("nan"))),
    "scale 0": json_at(NET, at("codings", 0, "scale", to=0)),
    "text scale": json_at(NET, at("codings", 0, "scale", to="1")),
    "timesteps 0": json_at(NET, at("timesteps", to=0)),
    "timesteps infinite": json_at(NET, at("timesteps", to=float("inf"))),
    "timesteps absent": json_at(NET, lambda v: v.pop("timesteps") and None),
    "logit scale 0": json_at(NET, at("logit_scales", 0, to=0)),
    "logit scale NaN": json_at(NET, at("logit_scales", 0, to=float("nan"))),
    "populations as a table": json_at(NET, at("populations", to={"a": 1})),
    "populations as text": json_at(NET, at("populations", to="ab")),
    "no population at all": json_at(NET, at("populations", to=[])),
    "no projection": json_at(NET, at("projections", to=[])),
    "population named twice": json_at(NET, at("populations", 1, "name", to="image")),
    "unknown kind": json_at(NET, at("populations", 1, "kind", to="quantum")),
    "second input": json_at(NET, at("populations", 1, "kind", to="input")),
    "shape of two": json_at(NET, at("populations", 0, "shape", to=[6, 6])),
    "shape of floats": json_at(NET, at("populations", 0, "shape", to=[6.0, 6, 2])),
    "shape of 0": json_at(NET, at("populations", 0, "shape", to=[0, 6, 2])),
    "shape huge": json_at(NET, at("populations", 0, "shape", to=[2**40, 2**40, 2])),
    "depth wrong": json_at(NET, at("populations", 1, "depth", to=5)),
    "delay wrong": json_at(NET, at("projections", 0, "delay", to=3)),
    "exponent out of range": json_at(NET, at("projections", 0, "exponent", to=99)),
    "unknown source": json_at(NET, at("projections", 0, "source", to="nobody")),
    "cyclic": json_at(NET, at("projections", 0, "source", to="sum.relu")),
    "to itself": json_at(NET, at("projections", 1, "source", to="a.relu")),
    "unknown geometry": json_at("integer/projections/0/geometry", lambda v: {"type": "FFT"}),
    "geometry as a list": json_at("integer/projections/0/geometry", lambda v: ["Conv"]),
    "strides 0": json_at("integer/projections/0/geometry", at("strides", to=[0, 0])),
    "groups 0": json_at("integer/projections/0/geometry", at("groups", to=0)),
    "groups negative": json_at("integer/projections/0/geometry", at("groups", to=-1)),
    "padding huge": json_at("integer/projections/0/geometry", at("padding", to=[2**60, 0, 0, 0])),
    "padding null": json_at("integer/projections/0/geometry", at("padding", to=[None, 0, 0, 0])),
    "crops everything": json_at("integer/projections/0/geometry", at("padding", to=[-9, -9, 0, 0])),
    "not JSON": json_at(NET, lambda v: b"__import__('os').system('true')"),
    "JSON cut": json_at(NET, lambda v: json.dumps(v).encode()[:-5]),
    "JSON null": json_at(NET, lambda v: b"null"),
    "JSON list": json_at(NET, lambda v: b"[]"),
    "JSON number": json_at(NET, lambda v: b"7"),
    "JSON text": json_at(NET, lambda v: b'"abc"'),
    "deep JSON": json_at(NET, lambda v: DEEP),
    "deep trace": json_at("trace", lambda v: DEEP),
    "trace null": json_at("trace", lambda v: b"null"),
    "trace a table": json_at("trace", lambda v: b'{"a": 1}'),
    "trace not text": json_at("trace", lambda v: [1, 2]),
    "calibration a list": json_at("calibration", lambda v: [1]),
    "not UTF-8": json_at(NET, lambda v: b"\xff\xfe\xfd"),
    "long number": json_at(NET, lambda v: b'{"bits": ' + b"9" * 5000 + b"}"),
    "NaN float weight": put("float/projections/0/kernel", (0, 0, 0, 0), np.nan),
    "infinite float bias": put("float/populations/1/bias", ..., np.inf),
    "negative lambda": put("float/populations/1/lambda_", ..., -1),
    "float16 float weight": replaced("float/projections/0/kernel", np.zeros((3, 3, 2, 4), np.float16)),
    "float timesteps text": json_at(FLOAT, at("timesteps", to="many")),
    "float network of other timesteps": json_at(FLOAT, at("timesteps", to=7)),
    "float populations renamed": json_at(FLOAT, lambda v: json.dumps(v).replace('"a.relu"', '"c.relu"').encode()),
    "NaN graph weight": put("graph/arrays/1/kernel", (0, 0, 0, 0), np.nan),
    "infinite graph scale": put("graph/arrays/2/scale", 0, np.inf),
    "graph uint8 scale NaN": json_at(NODES, at("uint8_scale", to=float("nan"))),
    "graph uint8 scale text": json_at(NODES, at("uint8_scale", to="x")),
    "graph without nodes": json_at(NODES, at("nodes", to=[])),
    "graph node of unknown type": json_at(NODES, at("nodes", 3, "type", to="Lambda")),
    "graph node without sources": json_at(NODES, at("nodes", 3, "sources", to=[])),
    "graph sum of nothing": json_at(NODES, at("nodes", 7, "sources", to=[])),
    "graph node with too many sources": json_at(NODES, at("nodes", 3, "sources", to=["bn", "conv"])),
    "graph cycle": json_at(NODES, at("nodes", 1, "sources", to=["sum"])),
    "graph node named twice": json_at(NODES, at("nodes", 3, "name", to="bn")),
    "graph input shape of another network": json_at(NODES, lambda v: {"nodes": v["nodes"][:1], "uint8_scale": 1.0}),
    "graph reshape": json_at(NODES, at("nodes", 12, "shape", to=[1, 1, 35])),
    "graph input in the middle": json_at(NODES, at("nodes", 3, "type", to="Input")),
    "graph nodes as text": json_at(NODES, at("nodes", to="abc")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_content_is_refused_in_one_line(name: str, sealed: bytes, tmp_path: Path) -> None:
    refusal(resealed(sealed, HOSTILE[name]), tmp_path, read_calibration if "calibration" in name else None)


def test_editing_itself_is_not_what_is_refused(sealed: bytes, made: Triple, tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(resealed(sealed, json_at(NET, lambda v: v)))
    assert_same(ecc_lava.load(path), made)


def test_flipped_bytes_behind_a_right_checksum_are_refused_or_harmless(made: Triple, tmp_path: Path) -> None:
    """The file format's own structures, damaged at random: an error of ours, or the integers as they were."""
    network = random_network(1, layers=2)
    ecc_lava.save(tmp_path / "small.h5", network)
    content = (tmp_path / "small.h5").read_bytes()
    rng = np.random.default_rng(4)
    refused = 0
    for position in rng.integers(BLOCK, len(content), 250):
        changed = bytearray(content)
        changed[position] ^= 1 << int(rng.integers(8))
        (tmp_path / "changed.h5").write_bytes(seal(bytes(changed)))
        try:
            loaded = ecc_lava.load(tmp_path / "changed.h5")[0]
        except FileError:
            refused += 1
        else:
            assert loaded.digest == network.digest
    assert refused > 50
