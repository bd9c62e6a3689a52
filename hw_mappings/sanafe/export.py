"""Write the architecture, the network of one image, and what SANA-FE must make of them."""

from __future__ import annotations

import json
from collections.abc import Mapping as Named
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from ecc_lava.common import Array, Images, Int, whole_folder
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.inputs import as_batch, batch_size, clipping_not_repeated, digest, encode_all, sent_by_all
from ecc_lava.networks import Kind, QuantisedNetwork
from ecc_lava.version import __version__
from hw_mappings.deployment import expected_result, rasters_of
from hw_mappings.mapping import Mapping
from hw_mappings.partition import ChipNetwork
from hw_mappings.sanafe.architecture import architecture, tiles_of
from hw_mappings.sanafe.network import SanaFeNetwork, draft_of
from hw_mappings.sanafe.prices import EventPrices, prices_of
from hw_mappings.sanafe.refusals import refuse

__all__ = ["export_sanafe"]

SCHEMA: Final = 1

README: Final = """\
A mapped network and one image, for SANA-FE 2.2

    import sanafe
    architecture = sanafe.load_arch("architecture.yaml")
    chip = sanafe.SpikingChip(architecture)
    chip.load(sanafe.load_net("network.yaml", architecture))
    found = chip.sim(STEPS, spike_trace="spikes.csv", potential_trace=True)

STEPS is `steps` of sanafe.json. After it,

- spikes.csv has the lines of expected_spikes.csv, in whatever order;
- found["potential_trace"][-1] is the readouts' potentials of sanafe.json plus 0.5, as every potential begins half a unit higher;
- found["spikes"] is `synaptic_events`, the spikes through synapses: those of the network, and `host_events`, by which the host opens and
  closes the windows of populations.

A population of depth d works in the steps d + 1 to d + T. Groups, first steps and cores are in sanafe.json. Core 0 of a tile is the chip's;
the others are the host's, which cost nothing. The prices of events are in sanafe.json, in joules and seconds; those that the chip does not
publish are 0.
"""


def export_sanafe(
    network: QuantisedNetwork,
    mapping: Mapping,
    x: Images,
    folder: str | Path,
    *,
    timesteps: int | None = None,
    prices: EventPrices | None = None,
) -> dict[str, Any]:
    """Write the files of one image into a new or empty folder, all or nothing.

    Parameters
    ----------
    network : QuantisedNetwork
    mapping : Mapping
        A mapping of this network.
    x : array (1, H, W, C), or arrays by input name
    folder : path
    timesteps : int, optional
        T; at most, and by default, the network's own.
    prices : EventPrices, optional
        By default those of the mapping's chip.

    Returns
    -------
    dict
        The content of sanafe.json.

    Raises
    ------
    InvalidNetwork
        If the mapping is of another network.
    InvalidInput
        If there are several images, or SANA-FE's models cannot do what the network does.
    RangeError
        If a potential saturates above, where SANA-FE's do not.
    FileError
        If the folder is not empty, or cannot be written.
    """
    mapping.check(network)
    on_chip = mapping.chip_network(network)
    refuse(on_chip.network)
    batch = as_batch(x, network.input_specs)
    if batch_size(batch) != 1:
        raise InvalidInput(f"{batch_size(batch)} images; SANA-FE's network file has the input of one")
    rasters, potentials, steps = _run(on_chip, x, timesteps)
    size, tiles = tiles_of([core.address for core in mapping.cores], mapping.chip)
    draft = draft_of(on_chip.network, rasters, steps, _cores_of(mapping), tiles)
    if prices is None:
        most = max(sum(core.address.chip == chip for core in mapping.cores) for chip in {core.address.chip for core in mapping.cores})
        prices = prices_of(mapping.chip, most / mapping.chip.amount("cores"))
    with whole_folder(Path(folder)) as place:
        chip = architecture("chip", size, draft.core_units(), draft.host_neurons(), prices)
        (place / "architecture.yaml").write_text(chip, encoding="utf-8")
        with (place / "network.yaml").open("w", encoding="utf-8") as file:
            file.writelines(draft.lines())
        lines = _expected(draft, rasters)
        about = {**_about(draft, mapping), "data": digest(x), "spikes": len(lines), "prices": asdict(prices)}
        about["readouts"] = {draft.groups[name]: v.ravel().tolist() for name, v in potentials.items()}
        (place / "expected_spikes.csv").write_text("neuron,timestep\n" + "".join(lines), encoding="utf-8")
        (place / "sanafe.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        (place / "README.txt").write_text(README, encoding="utf-8")
    return about


def _run(on_chip: ChipNetwork, x: Images, timesteps: int | None) -> tuple[dict[str, Array], dict[str, Array], int]:
    """Return what every population sends, (T, H, W, C) or (H, W, C) of graded inputs, the potentials of the readouts, and T."""
    network = on_chip.network
    result = expected_result(on_chip, x, timesteps)
    above = [name for name, times in result.saturated_high.items() if times]
    if above:
        bits = max(network.bits - 2, 2)
        remedy = f"convert with --bits {bits}: each bit less halves about what they reach" if bits < network.bits else "use fewer timesteps"
        raise RangeError(f"potentials of {', '.join(above)} saturate above, where SANA-FE's do not; {remedy}")
    with clipping_not_repeated():  # the simulation has warned
        q = encode_all(as_batch(x, network.input_specs), network.codings)
        sent = sent_by_all(q, network.codings, result.timesteps)
    rasters = {name: raster[0] for name, raster in (rasters_of(network, result) | sent).items()}
    return rasters, {p.name: result.potential[p.name][0] for p in network.readouts}, result.timesteps


def _cores_of(mapping: Mapping) -> dict[str, Int]:
    """Return the core of every neuron, population -> (neurons,)."""
    cores = {name: np.zeros(shape, np.int64) for name, shape in mapping.populations}
    for number, core in enumerate(mapping.cores):
        for shard in core.shards:
            cores[shard.population][shard.slices] = number
    return {name: of.ravel() for name, of in cores.items()}


def _expected(draft: SanaFeNetwork, rasters: Named[str, Array]) -> list[str]:
    """Return the lines of SANA-FE's trace of spikes, in the order of populations, steps and neurons."""
    found = []
    for name, group in draft.groups.items():
        population = draft.network.by_name[name]
        if population.kind is not Kind.READOUT:
            steps, neurons = rasters[name].reshape(len(rasters[name]), -1).nonzero()
            first = population.depth + 1
            found += [f"{group}.{neuron},{step + first}\n" for step, neuron in zip(steps.tolist(), neurons.tolist(), strict=True)]
    return found


def _about(draft: SanaFeNetwork, mapping: Mapping) -> dict[str, Any]:
    """Return what sanafe.json has of the files alone."""
    network = draft.network
    on_cores = [network.by_name[name] for name in draft.groups]
    return {
        "schema": SCHEMA,
        "package": __version__,
        "network": mapping.network_digest,
        "chip": mapping.chip.name,
        "timesteps": draft.timesteps,
        "depth": network.depth,
        "steps": draft.timesteps + network.depth,
        "cores": len(mapping.cores),
        "neurons": sum(p.neurons for p in on_cores),
        "host_spikes": draft.host_spikes(),
        "synaptic_events": draft.events + draft.pushes,
        "host_events": draft.pushes,
        "messages": draft.messages,
        "populations": [
            {"population": p.name, "group": draft.groups[p.name], "neurons": p.neurons, "first_step": p.depth + 1} for p in on_cores
        ],
    }
