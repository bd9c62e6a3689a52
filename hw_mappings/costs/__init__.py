"""Events, energy and time of a mapped network, estimated from the chip's figures.

`events` counts what happens, `cost` prices the events. Nothing here is measured on silicon.
"""

from hw_mappings.costs.cost import Cost, core_step_us, estimate
from hw_mappings.costs.energy import core_energies_uj
from hw_mappings.costs.events import events
from hw_mappings.costs.reload import Reload, reload_cost

__all__ = ["Cost", "Reload", "core_energies_uj", "core_step_us", "estimate", "events", "reload_cost"]
