"""A mapping as tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecc_lava.cli.show.energy import show_account
from ecc_lava.cli.show.output import counted, show_lines, show_table

if TYPE_CHECKING:
    from hw_mappings import Mapping
    from hw_mappings.costs import Cost

__all__ = ["show_mapping"]


def show_mapping(name: str, mapping: Mapping, facts: dict[str, Any], cost: Cost | None) -> None:
    """Print the layers, their use of the cores, and what an image costs."""
    from hw_mappings.report import layer_rows

    limited = [resource for resource, share in facts["utilisation"].items() if share is not None]
    layers, shares = [], []
    for row in layer_rows(mapping):
        used, most = row.fullest[row.limited_by]
        shape, grid = ("x".join(map(str, numbers)) for numbers in (row.shape, row.tiling))
        layers.append((row.name, shape, grid, str(row.cores), row.limited_by, f"{used:,} of {most:,}"))
        shares.append((row.name, *(f"{100 * (row.utilisation[resource] or 0.0):.0f}" for resource in limited)))
    columns = ("population", "H x W x C", "tiles", "cores", "limited by", "fullest core")
    show_table(f"{name} on {mapping.chip.name}", columns, layers)
    show_table("mean use of its cores, %", ("population", *(resource.replace("_", " ") for resource in limited)), shares)
    other, figures = next((model, figures) for model, figures in facts["models"].items() if model != facts["synapse_model"])
    least = counted(figures["lower_bound_cores"], "core")
    show_lines(
        f"{counted(facts['cores'], 'core')} on {counted(facts['chips'], 'chip')}; no mapping needs fewer than "
        f"{facts['lower_bound_cores']}: {facts['ratio']:.2f} times; {facts['seconds']} s",
        f"with synaptic memory counted as {other}: at least {least} (--sweep maps with both)",
    )
    if facts["cores"] > 1:
        _show_hops(facts)
    if cost is not None:
        _show_cost(mapping, cost)


def _show_hops(facts: dict[str, Any]) -> None:
    """Print how the chip delivers spikes, and the hops of each way, the chip's own first."""
    words, routing = {"unicast": "a message for each core", "multicast": "routers copy spikes"}, facts["routing"]
    kept = "public" if routing["public"] else "assumed"
    rows = []
    for way in sorted(words, key=lambda way: way != routing["way"]):
        hops = facts["hops"][way]
        rows.append((words[way], *(f"{hops[what]:,.0f}" for what in ("hops", "hops_row_major", "between_chips", "busiest_link"))))
    columns = ("delivery", "hops", "in row-major order", "between chips", "busiest link")
    show_table(f"hops of a {facts['messages_per']}", columns, rows)
    show_lines(f"spikes: {words[routing['way']]}, {routing['order']} ({kept}; its source: --json)")


def _show_cost(mapping: Mapping, cost: Cost) -> None:
    """Print what happens for an image, what is slowest, the account of energy, and what the estimate rests on."""
    busiest = mapping.cores[cost.bottleneck_core]
    held = ", ".join(dict.fromkeys(shard.population for shard in busiest.shards))
    where = f"core {busiest.address.core} of chip {busiest.address.chip} ({held})"
    link = "none" if cost.busiest_link is None else "({},{}) to ({},{})".format(*cost.busiest_link[0], *cost.busiest_link[1])
    events = ", ".join(f"{n:,.0f} {name.replace('_', ' ')}" for name, n in cost.events.items() if n)
    show_lines(
        f"an image: {counted(cost.latency_steps, 'step')} to its output; events: {events}",
        f"busiest core: {where}; busiest link: {link}, {cost.busiest_link_messages:,.0f} messages an image",
    )
    show_account(cost.account, "energy and time")
    if cost.step_us is None:
        return
    moved = [s for s in cost.sensitivity if max(s.energy or 1.0, s.time or 1.0) > 1.01]
    show_lines(
        f"{cost.step_us:.2f} us a step, limited by the {cost.limited_by}; {cost.images_per_second:,.1f} images/s, latency "
        f"{cost.latency_us:,.1f} us",
        *(f"if the assumed {s.figure} were twice as large: energy x {s.energy:.2f}, time x {s.time:.2f}" for s in moved),
    )
