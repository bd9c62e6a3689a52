"""Plans of networks on chips, each made once: what a network takes without a place for any core."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

from ecc_lava.common import Int, Progress
from ecc_lava.errors import DoesNotFit
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.chips import COSTS, ChipSpec, Figure, figure_names
from hw_mappings.mapper import plan_network
from hw_mappings.partition import chip_network, lower_bound_cores
from hw_mappings.resources import SynapseModel, core_usages

__all__ = ["Planned", "Plans"]


@dataclass(frozen=True, eq=False)
class Planned:
    """What a plan takes.

    Attributes
    ----------
    cores : int
    lower_bound_cores : int
    usage : int64 array (cores, resources)
    """

    cores: int
    lower_bound_cores: int
    usage: Int


class Plans:
    """Plans and lower bounds, each counted once for each network, model of synaptic memory and kind of core.

    Parameters
    ----------
    progress : callable (stage, done, total), optional
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self._stages: dict[str, None] = {}
        self._planned: dict[Hashable, Planned] = {}
        self._refused: dict[Hashable, DoesNotFit] = {}
        self._bounds: dict[Hashable, int] = {}

    def tell(self, stage: str, done: int, total: int) -> None:
        """Tell the caller's function, if there is one."""
        if self._progress is not None:
            self._progress(stage, done, total)

    def _tell_planning(self, stage: str, done: int, total: int) -> None:
        self._stages[stage] = None
        self.tell(stage, done, total)

    def planned(self, network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel, enough: int | None = None) -> Planned:
        """Return what `map_network` takes; with `enough`, what any plan of at most so many cores takes.

        Raises
        ------
        DoesNotFit
            As `map_network` does, with `enough` as the most cores.
        """
        key = network, _core(chip), model, enough
        if key in self._planned and self._planned[key].cores <= chip.cores_in_all:
            return self._planned[key]
        refused = *key, chip.name, chip.cores_in_all
        if refused in self._refused:
            raise self._refused[refused]
        try:
            on_chip, plan = plan_network(network, chip, model, enough, self._tell_planning, enough or 0)
        except DoesNotFit as error:
            self._refused[refused] = error
            raise
        finally:
            for stage in self._stages:
                self.tell(stage, 1, 1)
            self._stages.clear()
        usage = core_usages(on_chip.network, plan.partition.tilings, plan.cores, chip, model)
        self._planned[key] = Planned(len(plan.cores), plan.bound.cores, usage)
        return self._planned[key]

    def known(self, network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel) -> Planned | None:
        """Return the plan of a chip if it is made already, and made to the end."""
        return self._planned.get((network, _core(chip), model, None))

    def lower_bound_cores(self, network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel) -> int:
        """Return a number of cores below which no mapping exists: the quick bound, which is looser than that of a plan."""
        key = network, _core(chip), model
        if key not in self._bounds:
            self._bounds[key] = lower_bound_cores(chip_network(network, chip).network, chip, model)
        return self._bounds[key]


def _core(chip: ChipSpec) -> ChipSpec:
    """Return the chip without what no plan depends on: its name, board, costs and the sources of its figures."""
    unused: dict[str, Any] = dict.fromkeys(COSTS, Figure(None, False, "unused"))
    unused |= dict.fromkeys(("chips", "board_columns", "board_rows", "cores", "mesh_columns", "mesh_rows"), Figure(1, False, "unused"))
    values: dict[str, Any] = {name: Figure(chip.limit(name), False, "any") for name in figure_names() if name not in unused}
    return replace(chip, name="core", blocked=(), **values, **unused)
