"""`ecc-lava inspect`: what every layer becomes, and both costs of every choice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ecc_lava.cli.models import import_model
from ecc_lava.cli.output import emit_json, provenance, show_lines, show_table
from ecc_lava.expressions import Cost
from ecc_lava.geometry import synapses
from ecc_lava.lowering import Lowering, lower
from ecc_lava.network import depths

__all__ = ["run"]


def run(model: Path, input_shape: tuple[int, int, int] | None, json: bool) -> None:
    """Print the layers and the populations of a model."""
    graph = import_model(model, input_shape)
    lowering = lower(graph)
    populations = _populations(lowering)
    choices = [{"node": d.node, "became": d.kind, "folded": _cost(d.folded), "pair": _cost(d.pair)} for d in lowering.decisions]
    if json:
        emit_json(provenance(macs=graph.macs, layers=choices, populations=populations))
        return
    rows = [(str(c["node"]), str(c["became"]), *(_text(c[key]) for key in ("folded", "pair"))) for c in choices]
    show_table(f"Layers of {model.name}", ("layer", "becomes", "folded: weights, synapses", "unfolded"), rows)
    columns = ("population", "kind", "shape", "neurons", "synapses in", "depth")
    show_table(
        "Populations",
        columns,
        [tuple(str(p[key]) for key in ("name", "kind", "shape", "neurons", "synapses", "depth")) for p in populations],
    )
    neurons = sum(p["neurons"] for p in populations if p["kind"] != "input")
    show_lines(f"{neurons} neurons, {sum(p['synapses'] for p in populations)} synapses, {graph.macs} MACs of the CNN per image")


def _populations(lowering: Lowering) -> list[dict[str, Any]]:
    network = lowering.network
    depth = depths(list(network.by_name), [(p.source, p.target) for p in network.projections])
    return [
        {
            "name": p.name,
            "kind": p.kind.value,
            "shape": p.shape,
            "neurons": p.neurons,
            "synapses": sum(synapses(j.geometry, network.by_name[j.source].shape) for j in network.into(p.name)),
            "depth": depth[p.name],
        }
        for p in network.populations
    ]


def _cost(cost: Cost | None) -> dict[str, int] | None:
    return None if cost is None else {"weights": cost.weights, "synapses": cost.synapses}


def _text(cost: Any) -> str:
    return "" if cost is None else f"{cost['weights']}, {cost['synapses']}"
