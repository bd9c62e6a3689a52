"""`save` and `load`: the integer network, and optionally the float network and the graph it came from, in one HDF5 file.

Layout: ``/integer``, ``/float``, ``/graph`` (each optional but the first), ``/trace``, ``/calibration``. No pickle anywhere.
"""

from __future__ import annotations

import io
from math import prod
from pathlib import Path
from typing import Any

from ecc_lava.common import check_memory, memory_limit, read_bytes, write_bytes
from ecc_lava.errors import EccLavaError, FileError, InvalidInput, InvalidNetwork
from ecc_lava.formats import number_format
from ecc_lava.graph import Graph
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork, network_bytes, output_name
from ecc_lava.storage.arrays import Reader, Writer, has_member, read_group, read_texts, write_json
from ecc_lava.storage.envelope import BLOCK, seal, verify
from ecc_lava.storage.graph_group import read_graph, write_graph
from ecc_lava.storage.network_groups import read_float, read_integer, write_float, write_integer

__all__ = ["load", "read_calibration", "save"]

REASON_MAX = 300
"""Most characters of a reason that a message repeats; the reason may quote the file."""


def save(
    path: str | Path,
    network: QuantisedNetwork,
    *,
    snn: SpikingNetwork | None = None,
    graph: Graph | None = None,
    calibration: dict[str, Any] | None = None,
) -> None:
    """Write a network file, whole or not at all.

    Parameters
    ----------
    path : path
        Replaced if it exists.
    network : QuantisedNetwork
    snn, graph : optional
        What it was made from, so that `check` needs neither Keras nor the model.
    calibration : dict of JSON values, optional
        How it was calibrated (data digest, indices, seed).

    Raises
    ------
    FileError
        If the file cannot be written.
    InvalidInput
        If the number format is none of `ecc_lava.formats.FORMATS`.
    InvalidNetwork
        If `snn` or `graph` are of another model.
    """
    import h5py

    if number_format(network.format.name) != network.format:
        raise InvalidInput(f"the number format differs from the {network.format.name!r} that a reader of the file would take")
    _check_together(network, snn, graph)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=BLOCK, libver="earliest") as file:
        writer = Writer()
        write_integer(file.create_group("integer"), network, writer)
        if snn is not None:
            write_float(file.create_group("float"), snn, writer)
        if graph is not None:
            write_graph(file.create_group("graph"), graph, writer)
        write_json(file, "trace", list(network.trace))
        write_json(file, "calibration", calibration or {})
    write_bytes(path, seal(buffer.getvalue()))


def load(path: str | Path, *, max_memory: int | None = None) -> tuple[QuantisedNetwork, SpikingNetwork | None, Graph | None]:
    """Read a network file; nothing of it is executed.

    Parameters
    ----------
    path : path
    max_memory : int, optional
        Bytes that running one image may take, by the sizes that the file gives; by default 2 GiB, or the environment variable
        ECC_LAVA_MAX_MEMORY.

    Returns
    -------
    network, snn, graph
        The last two are None if they were not saved.

    Raises
    ------
    FileError
        If the file is missing, cut short, altered, not what this version writes, or describes a network that takes more memory.
    InvalidInput
        If `max_memory` or the environment variable is no positive number.
    """
    limit = memory_limit(max_memory)

    def read(file: Any, reader: Reader) -> tuple[QuantisedNetwork, SpikingNetwork | None, Graph | None]:
        network = read_integer(read_group(file, "integer"), read_texts(reader.json(file, "trace"), "trace"), reader)
        snn = read_float(read_group(file, "float"), reader) if has_member(file, "float") else None
        graph = read_graph(read_group(file, "graph"), reader) if has_member(file, "graph") else None
        _check_together(network, snn, graph)
        return network, snn, graph

    network, snn, graph = _opened(path, read, limit)
    claims = {"network": network_bytes(network), "float network": snn and network_bytes(snn), "CNN": graph and graph.built_bytes}
    for what, taken in claims.items():
        try:
            check_memory(f"{path}: its {what}", taken or 0, limit)
        except InvalidInput as error:
            raise FileError(str(error)) from error
    return network, snn, graph


def read_calibration(path: str | Path) -> dict[str, Any]:
    """Return how the network of a file was calibrated; errors as for `load`."""

    def read(file: Any, reader: Reader) -> dict[str, Any]:
        value = reader.json(file, "calibration")
        if not isinstance(value, dict):
            raise InvalidNetwork("the calibration is not a table")
        return value

    result: dict[str, Any] = _opened(path, read, memory_limit())
    return result


def _check_together(network: QuantisedNetwork, snn: SpikingNetwork | None, graph: Graph | None) -> None:
    """Check that a float network and a graph are of the same model as the integer network."""
    if snn is not None:
        one, other = ([(p.name, p.shape, p.kind, p.payload) for p in n.populations if not p.carries_to] for n in (network, snn))
        if one != other or (snn.timesteps, snn.codings) != (network.timesteps, network.codings):
            raise InvalidNetwork("the float network has other populations, payloads, timesteps or input coding than the integer network")
    if graph is not None:
        facts = graph.input_specs, {name: prod(graph.shapes[tensor]) for name, tensor in graph.logits.items()}
        images = tuple(spec._replace(frames=False) for spec in network.input_specs)  # a stream's CNN takes one frame at a time
        needed = images, {output_name(p.name): p.neurons for p in network.readouts}
        if facts != needed:
            raise InvalidNetwork(f"the graph has (inputs, outputs) {facts}, the integer network {needed}")


def _opened(path: str | Path, read: Any, limit: int) -> Any:
    import h5py

    content = read_bytes(path)
    verify(content, str(path))
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            return read(file, Reader(len(content), limit))
    except EccLavaError as error:
        raise FileError(f"{path}: {str(error)[:REASON_MAX]}; convert the model again") from error
    except (OSError, LookupError, AttributeError, TypeError, ValueError, ArithmeticError, RuntimeError, MemoryError) as error:
        # HDF5, JSON and the constructors above, on content that they were never meant to see
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:REASON_MAX]
        raise FileError(f"{path}: not what this version writes ({reason}); convert the model again") from error
