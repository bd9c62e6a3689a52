"""`save` and `load`: the integer network, and optionally the float network and the graph it came from, in one HDF5 file.

Layout: ``/integer``, ``/float``, ``/graph`` (each optional but the first), ``/trace``, ``/calibration``. No pickle anywhere.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ecc_lava.errors import EccLavaError, FileError
from ecc_lava.files import read_bytes, write_bytes
from ecc_lava.graph import Graph
from ecc_lava.network import SpikingNetwork
from ecc_lava.quantised import QuantisedNetwork
from ecc_lava.storage.arrays import Writer, read_group, read_json, write_json
from ecc_lava.storage.envelope import BLOCK, seal, verify
from ecc_lava.storage.graph_group import read_graph, write_graph
from ecc_lava.storage.network_groups import read_float, read_integer, write_float, write_integer

__all__ = ["load", "read_calibration", "save"]


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
    """
    import h5py

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


def load(path: str | Path) -> tuple[QuantisedNetwork, SpikingNetwork | None, Graph | None]:
    """Read a network file; nothing of it is executed.

    Returns
    -------
    network, snn, graph
        The last two are None if they were not saved.

    Raises
    ------
    FileError
        If the file is missing, cut short, altered, or not what this version writes.
    """

    def read(file: Any) -> tuple[QuantisedNetwork, SpikingNetwork | None, Graph | None]:
        trace = tuple(str(step) for step in read_json(file, "trace"))
        return (
            read_integer(read_group(file, "integer"), trace),
            read_float(read_group(file, "float")) if "float" in file else None,
            read_graph(read_group(file, "graph")) if "graph" in file else None,
        )

    return _opened(path, read)


def read_calibration(path: str | Path) -> dict[str, Any]:
    """Return how the network of a file was calibrated; errors as for `load`."""
    result: dict[str, Any] = _opened(path, lambda file: read_json(file, "calibration"))
    return result


def _opened(path: str | Path, read: Any) -> Any:
    import h5py

    content = read_bytes(path)
    verify(content, str(path))
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            return read(file)
    except EccLavaError as error:
        raise FileError(f"{path}: {error}") from error
    except (OSError, KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise FileError(f"{path}: not what this version writes ({type(error).__name__}: {error}); convert the model again") from error
