"""The integer and the float network as HDF5 groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import inf
from typing import Any

from ecc_lava.common import BINARY, NEURONS_MAX, POPULATIONS_MAX, TIMESTEPS_MAX, Payload, Shape
from ecc_lava.errors import InvalidNetwork
from ecc_lava.formats import number_format
from ecc_lava.geometry import ARRAYS, Geometry, WeightGrid, arrays, describe, rebuild
from ecc_lava.inputs import PAYLOAD_MAX, InputCoding, InputRange
from ecc_lava.networks import (
    Kind,
    Population,
    Projection,
    Quantisation,
    QuantisedNetwork,
    QuantisedPopulation,
    QuantisedProjection,
    SpikingNetwork,
)
from ecc_lava.storage.arrays import Reader, Writer, has_member, read_group, read_texts, whole, write_json

__all__ = ["read_float", "read_geometry", "read_grid", "read_integer", "write_float", "write_geometry", "write_grid", "write_integer"]


_INTEGERS = ("bias", "vth", "v_init")
"""Arrays of an integer population."""

_FLOATS = (*_INTEGERS, "lambda_")
"""Arrays of a float population."""

BITS_MAX = 64
"""Largest width of a number in a file; each number format and each record has a bound of its own below it."""

_OF_PROJECTIONS = {"delay": (0, POPULATIONS_MAX), "exponent": (-BITS_MAX, BITS_MAX), "bits": (1, BITS_MAX)}
"""Integers of an integer projection, and the bounds within which a file may give them."""


def write_geometry(group: Any, geometry: Geometry, writer: Writer) -> None:
    """Store a geometry: a description, its kernel and its other arrays if it has any."""
    write_json(group, "geometry", describe(geometry))
    writer.array(group, "kernel", geometry.kernel)
    for name, array in arrays(geometry).items():
        writer.array(group, name, array)


def read_geometry(group: Any, reader: Reader, *dtypes: str) -> Geometry:
    """Return a geometry whose kernel has one of the types."""
    others = {name: reader.array(group, name, *of) for name, of in ARRAYS.items() if has_member(group, name)}
    return rebuild(reader.json(group, "geometry"), reader.array(group, "kernel", *dtypes), others)


def write_grid(group: Any, grid: WeightGrid | None, writer: Writer) -> dict[str, int]:
    """Store the grid of weights, if they lie on one, and return what its owner's header says of it."""
    if grid is None:
        return {}
    writer.array(group, "peaks", grid.peaks)
    return {"grid_bits": grid.bits}


def read_grid(group: Any, header: dict[str, Any], reader: Reader) -> WeightGrid | None:
    """Return the grid of weights, if they lie on one."""
    if "grid_bits" not in header:
        return None
    return WeightGrid(reader.array(group, "peaks", "int64"), whole(header["grid_bits"], "width of a grid of weights", 1, BITS_MAX))


def as_shape(value: Any) -> Shape:
    """Return three integers as a shape."""
    if not isinstance(value, list) or len(value) != 3:
        raise InvalidNetwork(f"{value!r:.80} is not a shape (height, width, channels)")
    height, width, channels = (whole(size, "size of a map", 1, NEURONS_MAX) for size in value)
    return height, width, channels


def _write_arrays(group: Any, network: QuantisedNetwork | SpikingNetwork, fields: Sequence[str], writer: Writer) -> None:
    """Store these arrays of every population, and the geometry of every projection."""
    for index, population in enumerate(network.populations):
        stored = group.create_group(f"populations/{index}")
        for field in fields:
            writer.array(stored, field, getattr(population, field))
    for index, projection in enumerate(network.projections):
        write_geometry(group.create_group(f"projections/{index}"), projection.geometry, writer)


def _stored(group: Any, kind: str, index: int) -> Any:
    """Return the group of one population or projection."""
    return read_group(read_group(group, kind), str(index))


def _header(population: QuantisedPopulation | Population) -> dict[str, Any]:
    """Return what both networks store of a population beside its arrays; what few have, such as a payload, only where they have it."""
    known: dict[str, Any] = {"name": population.name, "shape": population.shape, "kind": population.kind.value}
    known |= {"theta": population.theta} if population.theta else {}
    known |= {"carries_to": population.carries_to} if population.carries_to else {}
    return known if population.payload == BINARY else {**known, "payload": asdict(population.payload)}


def _payload(header: Any) -> Payload:
    """Return what a stored population's spikes carry; files of binary networks do not say."""
    return Payload(**header["payload"]) if "payload" in header else BINARY


def write_integer(group: Any, network: QuantisedNetwork, writer: Writer) -> None:
    """Store an integer network."""
    header = {
        "format": network.format.name,
        "bits": network.bits,
        "codings": [asdict(coding) for coding in network.codings],
        "timesteps": network.timesteps,
        "logit_scales": network.logit_scales,
        "digest": network.digest,
        "quantisation": None if network.quantisation is None else asdict(network.quantisation),
        "calibrated": [asdict(found) for found in network.calibrated],
        "populations": [{**_header(p), "depth": p.depth} for p in network.populations],
        "projections": [
            {"source": p.source, "target": p.target, "delay": p.delay, "exponent": p.exponent, "bits": p.bits} for p in network.projections
        ],
    }
    write_json(group, "network", header)
    _write_arrays(group, network, _INTEGERS, writer)


def read_integer(group: Any, trace: tuple[str, ...], reader: Reader) -> QuantisedNetwork:
    """Return an integer network; its own checks and its digest must hold."""
    header = reader.json(group, "network")
    populations = []
    for index, p in enumerate(header["populations"]):
        stored = _stored(group, "populations", index)
        bias, vth, v_init = (reader.array(stored, field, "int32") for field in _INTEGERS)
        facts = str(p["name"]), as_shape(p["shape"]), Kind(p["kind"]), whole(p["depth"], "depth of a population", 0, POPULATIONS_MAX)
        theta = whole(p.get("theta", 0), "theta of a population", 0, PAYLOAD_MAX)
        populations.append(QuantisedPopulation(*facts, bias, vth, v_init, _payload(p), theta, str(p.get("carries_to", ""))))
    projections = []
    for index, p in enumerate(header["projections"]):
        geometry = read_geometry(_stored(group, "projections", index), reader, "int8")
        delay, exponent, bits = (whole(p[field], f"{field} of a projection", *within) for field, within in _OF_PROJECTIONS.items())
        projections.append(QuantisedProjection(str(p["source"]), str(p["target"]), delay, exponent, geometry, bits))
    network = QuantisedNetwork(
        tuple(populations),
        tuple(projections),
        number_format(header["format"]),
        whole(header["bits"], "width of the weights", 1, BITS_MAX),
        tuple(InputCoding(**coding) for coding in header["codings"]),
        whole(header["timesteps"], "number of timesteps", 1, TIMESTEPS_MAX),
        tuple(tuple(map(float, scale)) if isinstance(scale, list) else float(scale) for scale in header["logit_scales"]),
        trace,
        _read_quantisation(header.get("quantisation")),
        _read_ranges(header),
    )
    if network.digest != header["digest"]:
        raise InvalidNetwork("the digest of the integers does not match the stored one")
    return network


def _read_quantisation(value: Any) -> Quantisation | None:
    """Return how a network was quantised; None where the file does not say so."""
    match value:
        case None:
            return None
        case {"bits": int() | dict() as bits, "per": str(per)}:
            return Quantisation(bits, per)
        case _:
            raise InvalidNetwork("the record of the quantisation lacks its bits or its `per`")


def _read_ranges(header: dict[str, Any]) -> tuple[InputRange, ...]:
    """Return the ranges of the calibration images; none where the file does not give them."""
    return tuple(InputRange(float(found["low"]), float(found["high"])) for found in header.get("calibrated", ()))


def _float_header(population: Population) -> dict[str, Any]:
    """Return what is stored of a float population beside its arrays."""
    known = {**_header(population), "ceiling": None if population.ceiling == inf else population.ceiling}
    return known if population.own_bits is None else {**known, "own_bits": population.own_bits, "halves_up": population.halves_up}


def write_float(group: Any, network: SpikingNetwork, writer: Writer) -> None:
    """Store a float network."""
    header = {
        "codings": [asdict(coding) for coding in network.codings],
        "timesteps": network.timesteps,
        "trace": network.trace,
        "calibrated": [asdict(found) for found in network.calibrated],
        "populations": [_float_header(p) for p in network.populations],
    }
    _write_arrays(group, network, _FLOATS, writer)
    header["projections"] = [
        {"source": p.source, "target": p.target, **write_grid(_stored(group, "projections", index), p.grid, writer)}
        for index, p in enumerate(network.projections)
    ]
    write_json(group, "network", header)
    for index, population in enumerate(network.populations):
        if population.observed is not None:
            writer.array(_stored(group, "populations", index), "observed", population.observed)
    if network.ideal is not None:
        write_float(group.create_group("ideal"), network.ideal, writer)


def read_float(group: Any, reader: Reader, *, inside: bool = False) -> SpikingNetwork:
    """Return a float network; `inside` another one it must not hold a third."""
    header = reader.json(group, "network")
    populations = []
    for index, p in enumerate(header["populations"]):
        stored = _stored(group, "populations", index)
        bias, vth, v_init, lambda_ = (reader.array(stored, field, "float64") for field in _FLOATS)
        ceiling = inf if p["ceiling"] is None else float(p["ceiling"])
        observed = reader.array(stored, "observed", "float64") if has_member(stored, "observed") else None
        facts = str(p["name"]), as_shape(p["shape"]), Kind(p["kind"])
        own_bits = whole(p["own_bits"], "width of an activation", 1, BITS_MAX) if "own_bits" in p else None
        populations.append(
            Population(*facts, bias, vth, v_init, lambda_, ceiling, _payload(p), observed, own_bits, bool(p.get("halves_up")))
        )
    projections = []
    for index, p in enumerate(header["projections"]):
        stored = _stored(group, "projections", index)
        geometry = read_geometry(stored, reader, "float64", "float32")
        projections.append(Projection(str(p["source"]), str(p["target"]), geometry, read_grid(stored, p, reader)))
    steps = header["timesteps"]
    timesteps = None if steps is None else whole(steps, "number of timesteps", 1, TIMESTEPS_MAX)
    if inside and has_member(group, "ideal"):
        raise InvalidNetwork("the ideal network has an ideal network itself")
    return SpikingNetwork(
        tuple(populations),
        tuple(projections),
        tuple(InputCoding(**coding) for coding in header["codings"]),
        timesteps,
        trace=read_texts(header["trace"], "trace"),
        ideal=read_float(read_group(group, "ideal"), reader, inside=True) if has_member(group, "ideal") else None,
        calibrated=_read_ranges(header),
    )
