"""The mapper: repeaters, partition and packing, placement, then the usage of every core."""

from __future__ import annotations

from functools import partial

from ecc_lava.backends import Result
from ecc_lava.common import Progress, check_memory, memory_limit
from ecc_lava.errors import InvalidInput
from ecc_lava.networks import Kind, QuantisedNetwork, network_bytes
from hw_mappings.chips import DEFAULT_CHIP, ChipSpec
from hw_mappings.mapping import Mapping, mapped_cores
from hw_mappings.partition import ChipNetwork, PartitionPlan, chip_network, plan
from hw_mappings.placement import DEFAULT_PLACER, PLACERS, PlacementProblem, Placer, spike_trees, traffic
from hw_mappings.resources import SynapseModel

__all__ = ["map_network", "plan_network"]

_PLACING = "placing cores"


def _check_format(network: QuantisedNetwork, chip: ChipSpec) -> None:
    if network.format.name != chip.format:
        raise InvalidInput(
            f"the network's integers are in the format {network.format.name!r}, chip {chip.name!r} computes in {chip.format!r}: "
            f"convert with format={chip.format!r} (--format {chip.format}), or map to a chip of format {network.format.name!r}"
        )


def _check_activity(network: QuantisedNetwork, activity: Result | None) -> None:
    if activity is not None:
        missing = [p.name for p in network.populations if p.kind.spikes and p.name not in activity.spike_counts]
        if missing:
            raise InvalidInput(f"the activity has no spike counts of {', '.join(missing)}; simulate the network that is mapped")


def plan_network(
    network: QuantisedNetwork,
    chip: ChipSpec,
    model: SynapseModel,
    max_cores: int | None = None,
    progress: Progress | None = None,
    enough: int = 0,
) -> tuple[ChipNetwork, PartitionPlan]:
    """Return the network with its repeaters, and its shards on cores: `map_network` without placement.

    Parameters
    ----------
    network : QuantisedNetwork
    chip : ChipSpec
    model : SynapseModel
    max_cores : int, optional
        The most cores that the plan may have, beside those of the chips.
    progress : callable (stage, done, total), optional
    enough : int
        The search ends at a plan of so many cores or fewer.

    Raises
    ------
    InvalidInput
        If network and chip differ in format, or the network with its repeaters takes too much memory.
    DoesNotFit
        With a message about every population that does not fit.
    """
    _check_format(network, chip)
    on_chip = chip_network(network, chip)
    check_memory(f"mapping this network with its repeaters to {chip.name!r}", network_bytes(on_chip.network), memory_limit())
    return on_chip, plan(on_chip.network, chip, model, max_cores, progress, enough)


def map_network(
    network: QuantisedNetwork,
    chip: ChipSpec = DEFAULT_CHIP,
    activity: Result | None = None,
    *,
    placer: Placer | str = DEFAULT_PLACER,
    synapse_model: SynapseModel | str = SynapseModel.STRICT,
    seed: int = 0,
    max_cores: int | None = None,
    progress: Progress | None = None,
) -> Mapping:
    """Cut a network into shards, pack the shards on cores within every limit, and place the cores.

    The input populations take no cores: the host (or a chip's embedded processors) injects their spikes. A readout takes cores like every
    other population.

    Parameters
    ----------
    network : QuantisedNetwork
    chip : ChipSpec
        A chip of the network's number format.
    activity : Result or None
        A simulation of the network. Its spike counts weigh the spikes whose hops the placer minimises.
    placer : Placer, or the name of one in `hw_mappings.placement.PLACERS`
    synapse_model : {"strict", "ideal"}
        Model of synaptic memory: lists with headers, indices and borders, or weights alone.
    seed : int
        Seed of placers that draw random numbers.
    max_cores : int, optional
        The most cores that the mapping may have. What no mapping can reach is refused at once, before any search.
    progress : callable (stage, done, total), optional
        The name of the first stage tells the fewest cores and chips that any mapping has. A placer that takes long tells its progress too.

    Raises
    ------
    InvalidInput
        If the network has another number format than the chip, `activity` is of another network, there is no such placer or model, or
        mapping takes more memory than ECC_LAVA_MAX_MEMORY allows.
    DoesNotFit
        With the population, the resource, its use, the limit, and the smallest change that fits.
    """
    _check_format(network, chip)
    _check_activity(network, activity)
    if max_cores is not None and (type(max_cores) is not int or max_cores < 1):
        raise InvalidInput(f"max_cores must be a whole number of at least 1, got {max_cores!r:.80}")
    if isinstance(placer, str):
        if placer not in PLACERS:
            raise InvalidInput(f"placer {placer!r} is not known; known: {', '.join(PLACERS)}")
        placer = PLACERS[placer]
    model = SynapseModel(synapse_model)
    on_chip, planned = plan_network(network, chip, model, max_cores, progress)
    tilings = dict(planned.partition.tilings)
    told: Progress = progress or (lambda stage, done, total: None)
    told(_PLACING, 0, 0)
    edges = traffic(on_chip, tilings, planned.cores, activity)
    spikes = spike_trees(on_chip, tilings, planned.cores, activity)
    addresses = placer(PlacementProblem(len(planned.cores), edges, chip, seed, spikes, partial(told, _PLACING)))
    told(_PLACING, 1, 1)
    return Mapping(
        network_digest=network.digest,
        populations=tuple((p.name, p.shape) for p in on_chip.network.populations if p.kind is not Kind.INPUT),
        chip=chip,
        cores=mapped_cores(on_chip.network, tilings, addresses, planned.cores, chip, model),
        lower_bound_cores=planned.bound.cores,
        model=model,
    )
