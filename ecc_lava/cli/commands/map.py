"""`ecc-lava map`: a network file onto a chip."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecc_lava.backends import Result, simulate
from ecc_lava.cli.files import load_images
from ecc_lava.cli.show.output import emit_json, provenance, show_lines, show_table, stages
from ecc_lava.common import check_writable, write_bytes
from ecc_lava.errors import DoesNotFit, InvalidInput
from ecc_lava.inputs import digest
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.storage import load

if TYPE_CHECKING:
    from hw_mappings import Mapping
    from hw_mappings.costs import Cost

__all__ = ["Options", "run"]


@dataclass(frozen=True)
class Options:
    """What `map` was asked for."""

    chip: str
    data: Path | None
    limit: int
    placer: str
    synapse_model: str
    seed: int
    html: Path | None = None


def run(network: Path, output: Path, options: Options, json: bool) -> None:
    """Map, print and save."""
    import hw_mappings
    from hw_mappings.costs import estimate, events
    from hw_mappings.report import misfit_summary, summary

    started = time.perf_counter()
    inputs = (network, Path(options.chip), *([options.data] if options.data is not None else []))
    check_writable(output, inputs=inputs)
    if options.html is not None:
        check_writable(options.html, inputs=inputs)
        if options.html.resolve() == output.resolve():
            raise InvalidInput(f"{options.html}: is the mapping's file too; give the page another name")
    integer, _, _ = load(network)
    chip = hw_mappings.chip(options.chip)
    activity, data_digest = _activity(integer, options)
    about = provenance(network_digest=integer.digest, chip=chip.name, data_digest=data_digest, placer=options.placer, seed=options.seed)
    try:
        mapping = hw_mappings.map_network(
            integer, chip, activity, placer=options.placer, synapse_model=options.synapse_model, seed=options.seed
        )
    except DoesNotFit as misfit:
        if json:
            facts = misfit_summary(integer, chip, options.synapse_model, round(time.perf_counter() - started, 3))
            emit_json({**about, "reason": str(misfit), **facts})
        raise DoesNotFit(f"{network} does not fit on {chip.name}: {misfit}") from misfit
    cost = None if activity is None else estimate(events(mapping, integer, activity), chip)
    facts = summary(mapping, integer, activity, round(time.perf_counter() - started, 3))
    page = b""
    if options.html is not None:
        from hw_mappings.report import chip_page

        origin = {"placer": options.placer, "seed": options.seed, "images": data_digest, "ecc-lava": about["packages"].get("ecc-lava")}
        page = chip_page(mapping, integer, activity, title=network.name, facts=facts, about=origin).encode()
    mapping.save(output)
    if options.html is not None:
        write_bytes(options.html, page)
    if json:
        emit_json({**about, **facts, "cost": None if cost is None else asdict(cost)})
        return
    _show(network.name, mapping, facts, cost)


def _activity(network: QuantisedNetwork, options: Options) -> tuple[Result | None, str | None]:
    """Simulate the network on the first images, if there are any."""
    if options.data is None:
        return None, None
    images = load_images(options.data, "test", network.input_specs, options.limit)
    with stages() as stage:
        spiking = tuple(p.name for p in network.populations if p.kind.spikes)
        result = simulate(network, images.x, backend="fast", record=spiking, progress=lambda done, total: stage("activity", done, total))
    return result, digest(images.x)


def _show(name: str, mapping: Mapping, facts: dict[str, Any], cost: Cost | None) -> None:
    from hw_mappings.report import layer_rows

    limited = [resource for resource, share in facts["utilisation"].items() if share is not None]
    layers, shares = [], []
    for row in layer_rows(mapping):
        used, most = row.fullest[row.limited_by]
        shape, grid = ("x".join(map(str, numbers)) for numbers in (row.shape, row.tiling))
        layers.append((row.name, shape, grid, str(row.cores), row.limited_by, f"{used} of {most}"))
        shares.append((row.name, *(f"{100 * (row.utilisation[resource] or 0.0):.0f}" for resource in limited)))
    columns = ("population", "H x W x C", "tiles", "cores", "limited by", "fullest core")
    show_table(f"{name} on {mapping.chip.name}", columns, layers)
    show_table("mean use of its cores, %", ("population", *(resource.replace("_", " ") for resource in limited)), shares)
    models = ", ".join(
        f"{model}: {'does not fit' if figures['cores'] is None else figures['cores']} (bound {figures['lower_bound_cores']})"
        for model, figures in facts["models"].items()
    )
    show_lines(
        f"{facts['cores']} cores on {facts['chips']} chip(s); no mapping needs fewer than {facts['lower_bound_cores']}: "
        f"{facts['ratio']:.2f} times; {facts['seconds']} s",
        f"cores by model of synaptic memory: {models}",
        f"messages x hops: {facts['hop_weighted_messages']:,.0f} ({facts['messages_per']}), "
        f"{facts['hop_weighted_messages_row_major']:,.0f} in row-major order",
    )
    if cost is not None:
        show_lines(*_cost_lines(mapping, cost))


def _cost_lines(mapping: Mapping, cost: Cost) -> list[str]:
    """Say what an image costs, what that rests on, and what is slowest."""
    busiest = mapping.cores[cost.bottleneck_core]
    held = ", ".join(dict.fromkeys(shard.population for shard in busiest.shards))
    where = f"core {busiest.address.core} of chip {busiest.address.chip} ({held})"
    link = "none" if cost.busiest_link is None else "({},{}) to ({},{})".format(*cost.busiest_link[0], *cost.busiest_link[1])
    lines = [
        f"an image: {cost.latency_steps} steps to its output; events: " + ", ".join(f"{n:,.0f} {name}" for name, n in cost.events.items()),
        f"busiest core: {where}; busiest link: {link}, {cost.busiest_link_messages:,.0f} messages an image",
    ]
    if cost.step_us is None or cost.total_uj is None or cost.energy_uj is None:
        return [*lines, f"energy and time: n/a, {mapping.chip.name} has no figures for them"]
    parts = ", ".join(f"{part} {energy:,.1f}" for part, energy in cost.energy_uj.items())
    moved = [s for s in cost.sensitivity if max(s.energy or 1.0, s.time or 1.0) > 1.01]
    return [
        *lines,
        f"estimated, from the chip's figures: {cost.least_uj:,.1f} to {cost.total_uj:,.1f} uJ an image ({parts})",
        f"{cost.step_us:.2f} us a step, limited by the {cost.limited_by}; {cost.images_per_second:,.1f} images/s, latency "
        f"{cost.latency_us:,.1f} us",
        *(f"if the assumed {s.figure} were twice as large: energy x {s.energy:.2f}, time x {s.time:.2f}" for s in moved),
    ]
