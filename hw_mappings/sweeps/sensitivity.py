"""How many cores a network would take if a core had more of one resource, and how much more saves a chip.

Each limit grows by itself; `growing` finds the figures.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ecc_lava.errors import DoesNotFit
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.chips import RESOURCES, ChipSpec
from hw_mappings.resources import SynapseModel
from hw_mappings.sweeps.boards import chips_for, cores_on
from hw_mappings.sweeps.growing import GROWTHS, Growing
from hw_mappings.sweeps.growth import unlimited
from hw_mappings.sweeps.planning import Plans

__all__ = ["LimitGrowth", "LimitSensitivity", "sensitivity"]


@dataclass(frozen=True)
class LimitGrowth:
    """What the growth of one limit does.

    Attributes
    ----------
    resource : str
    limit : int
        The chip's own.
    fullest : int or None
        What the fullest core uses now.
    cores : tuple of (int or None)
        The fewest cores found as it is, at each of `GROWTHS`, and without the limit; None where nothing fits.
    chips : tuple of (int or None)
        The chips that hold them.
    lower_bound_cores : int
        No mapping without this limit has fewer cores.
    at_least_percent : int or None
        Growth by less saves no chip, as the lower bound proves; 0 if it rules out nothing, None if it rules out every growth.
    percent : int or None
        The mapper takes fewer chips at this growth, and not at one percent less; None if at no growth.
    """

    resource: str
    limit: int
    fullest: int | None
    cores: tuple[int | None, ...]
    chips: tuple[int | None, ...]
    lower_bound_cores: int
    at_least_percent: int | None = None
    percent: int | None = None


@dataclass(frozen=True)
class LimitSensitivity:
    """What the limits of a chip's cores cost one network.

    Attributes
    ----------
    chip, synapse_model : str
    cores, chips : int or None
        As `map_network` finds them; None where the network does not fit.
    lower_bound_cores : int
    goal_cores : int or None
        The most cores of one chip fewer; of the whole board where the network does not fit; None on a single chip.
    limits : tuple of LimitGrowth
        One for each resource that the chip limits.
    unlimited : tuple of str
        The resources that it does not limit.
    """

    chip: str
    synapse_model: str
    cores: int | None
    chips: int | None
    lower_bound_cores: int
    goal_cores: int | None
    limits: tuple[LimitGrowth, ...]
    unlimited: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**asdict(self), "growth_percent": [0, *GROWTHS, None]}


def _growth(growing: Growing, goal: int | None) -> LimitGrowth:
    chip, resource, base = growing.chip, growing.resource, growing.base
    lifted = unlimited(growing.network, chip, resource)
    bound = growing.bound(lifted)
    cores = growing.fewest(bound)
    at_least = percent = None
    if goal is not None and bound <= goal:
        at_least = growing.least_by_bound(goal)
        planned = growing.planned(lifted) if cores[-1] is not None and cores[-1] <= goal else None
        if planned is not None:
            percent = growing.least_by_mapper(goal, at_least, growing.used(planned))
    return LimitGrowth(
        resource,
        chip.amount(resource),
        None if base is None else growing.used(base),
        tuple(cores),
        tuple(None if number is None else chips_for(chip, number) for number in cores),
        bound,
        at_least,
        percent,
    )


def sensitivity(network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel, plans: Plans) -> LimitSensitivity:
    """Return what each limit of a chip's cores costs a network of its number format.

    Raises
    ------
    InvalidInput
        If the network has another number format than the chip.
    """
    try:
        base = plans.planned(network, chip, model)
    except DoesNotFit:
        base = None
    chips = None if base is None else chips_for(chip, base.cores)
    goal = chip.cores_in_all if chips is None else cores_on(chip, chips - 1) or None
    limited = [resource for resource in RESOURCES if chip.limit(resource) is not None]
    limits = []
    for done, resource in enumerate(limited):
        plans.tell("limits of a core", done, len(limited))
        limits.append(_growth(Growing(network, chip, model, resource, base, plans), goal))
    plans.tell("limits of a core", len(limited), len(limited))
    return LimitSensitivity(
        chip.name,
        model.value,
        None if base is None else base.cores,
        chips,
        plans.lower_bound_cores(network, chip, model),
        goal,
        tuple(limits),
        tuple(resource for resource in RESOURCES if resource not in limited),
    )
