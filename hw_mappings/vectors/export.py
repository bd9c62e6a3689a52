"""Write the test vectors of every core of a mapping: memory, events in, expected events and potentials.

`hw_mappings.vectors.format.FORMAT` describes the files and is written beside them.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ecc_lava.backends import LavaPlan, Recording, lava_plan
from ecc_lava.common import Array, Images, StageProgress, whole_folder
from ecc_lava.inputs import as_batch, clipping_not_repeated, digest, encode_all, sent_by_all
from ecc_lava.networks import QuantisedNetwork, refuse_stream
from ecc_lava.version import __version__
from hw_mappings.deployment import expected_result, rasters_of
from hw_mappings.mapping import MappedCore, Mapping
from hw_mappings.partition import ChipNetwork, chip_network
from hw_mappings.vectors.format import FORMAT, SCHEMA
from hw_mappings.vectors.memory_image import MemoryImage, memory_image

__all__ = ["CoreVectors", "export_vectors", "vectors_of"]


@dataclass(frozen=True, eq=False)
class CoreVectors:
    """The arrays of one core; see `hw_mappings.vectors.format.FORMAT`.

    Attributes
    ----------
    memory : MemoryImage
    in_step, in_axon, in_value : int32, int32, int16 arrays (events,)
    out_step, out_neuron, out_value : int32, int32, int16 arrays (events,)
    potential : int32 array (N*T, neurons)
    """

    memory: MemoryImage
    in_step: Array
    in_axon: Array
    in_value: Array
    out_step: Array
    out_neuron: Array
    out_value: Array
    potential: Array

    def arrays(self) -> dict[str, Array]:
        """Return the arrays of the core's file by name."""
        own = {name: array for name, array in vars(self).items() if name != "memory"}
        return {**{name: array for name, array in vars(self.memory).items() if name != "axon_channel"}, **own}


def vectors_of(plan: LavaPlan) -> CoreVectors:
    """Return the vectors of a plan's only core.

    Parameters
    ----------
    plan : LavaPlan
        The plan of a replay of one core.
    """
    (core,) = plan.cores
    memory = memory_image(core)
    messages = np.stack([plan.source_message(step) for step in range(plan.clock.steps)])
    reached = messages[:, memory.axon_channel]
    in_step, in_axon = (index.astype(np.int32) for index in reached.nonzero())
    arithmetic = plan.arithmetic(1)
    fired, potentials = [], []
    for step, message in enumerate(messages):
        fired.append(arithmetic.step(step))
        potentials.append(arithmetic.potentials())
        arithmetic.receive(step, {0: message})
    rows = memory.depth + np.arange(plan.clock.samples * plan.clock.timesteps)[:, None]  # the steps of every neuron's windows
    columns = np.arange(len(memory.depth))
    spikes = np.zeros((plan.clock.steps, len(columns)), np.int16)
    spikes[:, memory.fires] = np.stack(fired)
    inside = np.zeros_like(spikes)
    inside[rows, columns] = spikes[rows, columns]
    out_step, out_neuron = (index.astype(np.int32) for index in inside.nonzero())
    return CoreVectors(
        memory,
        in_step,
        in_axon,
        reached[in_step, in_axon].astype(np.int16),
        out_step,
        out_neuron,
        inside[out_step, out_neuron],
        np.stack(potentials)[rows, columns],
    )


def _about(core: MappedCore, plan: LavaPlan, vectors: CoreVectors, file: str, content: bytes) -> dict[str, Any]:
    """Return a core's entry in vectors.json."""
    parts, memory = plan.cores[0].shards, vectors.memory
    firsts = np.cumsum([0, *(part.shard.neurons for part in parts)]).tolist()
    return {
        "file": file,
        "sha256": hashlib.sha256(content).hexdigest(),
        "chip": core.address.chip,
        "core": core.address.core,
        "shards": [
            {
                "population": part.shard.population,
                "rows": list(part.shard.y),
                "columns": list(part.shard.x),
                "channels": list(part.shard.c),
                "first_neuron": first,
                "first_step": part.depth,
            }
            for part, first in zip(parts, firsts, strict=False)
        ],
        "projections": [
            {"source": s.box.population, "shape": list(s.pieces[0].shard.shape), "shard": number, "delay": s.delay}
            for number, part in enumerate(parts)
            for s in part.synapses
        ],
        "neurons": len(memory.bias),
        "axons": len(memory.axon_list),
        "lists": len(memory.list_start) - 1,
        "entries": len(memory.entry_weight),
        "in_events": len(vectors.in_step),
        "out_events": len(vectors.out_step),
    }


def _check(core: MappedCore, vectors: CoreVectors, rasters: dict[str, Array], potentials: dict[str, Array]) -> None:
    """Check that the vectors equal the spikes and potentials of `fast`."""
    timesteps = next(iter(rasters.values())).shape[1]
    first = 0
    for shard in core.shards:
        where, last = (..., *shard.slices), first + shard.neurons
        raster = rasters[shard.population][where].reshape(-1, shard.neurons)
        own = (vectors.out_neuron >= first) & (vectors.out_neuron < last)
        spikes = np.zeros_like(raster)
        spikes[vectors.out_step[own] - vectors.memory.depth[first], vectors.out_neuron[own] - first] = vectors.out_value[own]
        ends = vectors.potential[timesteps - 1 :: timesteps, first:last]
        assert np.array_equal(spikes, raster), f"{shard} does not fire as fast does"
        assert np.array_equal(ends, potentials[shard.population][where].reshape(-1, shard.neurons)), f"{shard} is not what fast is"
        first = last


def export_vectors(
    network: QuantisedNetwork,
    mapping: Mapping,
    x: Images,
    folder: str | Path,
    *,
    timesteps: int | None = None,
    progress: StageProgress | None = None,
) -> dict[str, Any]:
    """Write the vectors of every core into a new or empty folder, all or nothing.

    Parameters
    ----------
    network : QuantisedNetwork
    mapping : Mapping
        A mapping of this network.
    x : array (N, H, W, C), or arrays by input name
    folder : path
    timesteps : int, optional
        T; at most, and by default, the network's own.
    progress : callable (cores done, cores), optional

    Returns
    -------
    dict
        The content of vectors.json.

    Raises
    ------
    InvalidNetwork
        If the mapping is of another network.
    FileError
        If the folder is not empty, or cannot be written.
    """
    folder = Path(folder)
    refuse_stream(network, "export of vectors")
    mapping.check(network)
    with whole_folder(folder) as draft:
        return _write(chip_network(network, mapping.chip), mapping, x, draft, timesteps, progress)


def _write(
    on_chip: ChipNetwork, mapping: Mapping, x: Images, folder: Path, timesteps: int | None, progress: StageProgress | None
) -> dict[str, Any]:
    """Write the vectors into a folder, and return the content of vectors.json."""
    expected, network = expected_result(on_chip, x, timesteps), on_chip.network
    with clipping_not_repeated():  # the simulation of `expected` has warned
        sent = sent_by_all(encode_all(as_batch(x, network.input_specs), network.codings), network.codings, expected.timesteps)
    rasters = rasters_of(network, expected)
    cores = []
    for number, core in enumerate(mapping.cores):
        heard = {p.source for shard in core.shards for p in network.into(shard.population)}
        replay = {name: rasters[name] for name in sorted(heard) if name not in sent}
        plan = lava_plan(network, [core.shards], sent, expected.timesteps, Recording(), replay)
        vectors = vectors_of(plan)
        _check(core, vectors, rasters, dict(expected.potential))
        file, buffer = f"core_{core.address.chip}_{core.address.core}.npz", io.BytesIO()
        np.savez_compressed(buffer, **vectors.arrays())
        (folder / file).write_bytes(buffer.getvalue())
        cores.append(_about(core, plan, vectors, file, buffer.getvalue()))
        if progress is not None:
            progress(number + 1, len(mapping.cores))
    about = {
        "schema": SCHEMA,
        "package": __version__,
        "network": on_chip.original.digest,
        "data": digest(x),
        "chip": mapping.chip.name,
        "images": len(expected.synops),
        "timesteps": expected.timesteps,
        "depth": network.depth,
        "potential_max": network.format.potential_max,
        "cores": cores,
    }
    (folder / "README.txt").write_text(FORMAT, encoding="utf-8")
    (folder / "vectors.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return about
