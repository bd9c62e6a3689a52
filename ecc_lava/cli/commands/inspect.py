"""`ecc-lava inspect`: what every layer becomes, both costs of every choice, and what cannot be converted and why."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ecc_lava.cli.files import CalibrationDraw, examine_model, open_images, tell_doubts_of_labels, with_input_scale
from ecc_lava.cli.options import CalibrationImages, InputScale, InputShape, Json, Model, seed_option
from ecc_lava.cli.several import Words
from ecc_lava.cli.show.inputs import input_facts, show_inputs
from ecc_lava.cli.show.output import emit_json, provenance, show_lines, show_table
from ecc_lava.cli.show.progress import stages
from ecc_lava.conversion import CALIBRATION_IMAGES
from ecc_lava.errors import UnsupportedModel
from ecc_lava.geometry import synapses
from ecc_lava.graph import Final, Graph, doubts_of_scale
from ecc_lava.lowering import Decision, Lowering, OperatorCost, lower
from ecc_lava.networks import Kind, depths

__all__ = ["command"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Row:
    """One call of a layer.

    Attributes
    ----------
    layer, type : str
    became : str
        "input", "population", "maxima", "relay", "readout", "folded", "reported before it", "not needed", "refused" or "supported".
    into : tuple of str
        The layers whose populations a folded layer is part of.
    populations : tuple of str
    neurons, synapses : int
        Neurons of these populations, and synapses onto them.
    depth : int or None
        Largest depth of these populations.
    folded, pair : OperatorCost or None
        The two costs of the layer's linear operators, folded into their readers or left apart; `folded` is None where folding is not exact.
    reason : str
    """

    layer: str
    type: str
    became: str
    into: tuple[str, ...] = ()
    populations: tuple[str, ...] = ()
    neurons: int = 0
    synapses: int = 0
    depth: int | None = None
    folded: OperatorCost | None = None
    pair: OperatorCost | None = None
    reason: str = ""


LookedAt = Annotated[
    Optional[Path], typer.Option("--calibration", metavar="IMAGES", help="Also look at images x_train: their range, and whether it fits.")
]

_Rows = list[tuple[_Row, tuple[str, ...]]]
"""The rows, each with the names of its layer's nodes."""


def command(
    model: Model,
    calibration: LookedAt = None,
    input_scale: InputScale = None,
    seed: Annotated[int, seed_option("Seed of the draw of calibration images.")] = 0,
    images: CalibrationImages = CALIBRATION_IMAGES,
    input_shape: InputShape = None,
    json: Json = False,
) -> None:
    """Print the layers and the populations of a model; raise an error afterwards if a layer cannot be converted."""
    with stages() as stage:
        stage("reading the model", 0, 0)
        rows, result = _read(model, input_shape)
    if isinstance(result, UnsupportedModel):
        _print(model, rows, [], {}, json)
        raise result
    result = with_input_scale(result, input_scale)
    lowering, inputs = lower(result), _inputs(result, calibration, images, seed)
    populations = _populations(lowering)
    rows = _with_fates(rows, result, lowering, {p["name"]: p for p in populations})
    neurons = sum(p["neurons"] for p in populations if p["kind"] != "input")
    totals = {"macs": result.macs, "neurons": neurons, "synapses": sum(p["synapses"] for p in populations)}
    _print(model, rows, populations, totals, json, inputs)


def _inputs(graph: Graph, calibration: Path | None, count: int, seed: int) -> list[dict[str, Any]]:
    """Return what each input takes and, of calibration images, their range; warn of what speaks against these."""
    if calibration is None:
        return [{"input": spec.name, "takes": spec.described, "uint8_factor": spec.uint8_scale} for spec in graph.input_specs]
    drawn = CalibrationDraw.of(open_images(calibration, "train", graph.input_specs, None), count, seed)
    for doubt in doubts_of_scale(graph, drawn.images):
        _log.warning("%s", doubt)
    tell_doubts_of_labels(graph, drawn, graph.input_specs)
    return input_facts(drawn.images, graph.input_specs)


def _read(path: Path, input_shape: Words) -> tuple[_Rows, Graph | UnsupportedModel]:
    """Return the layers of a model with their nodes, and the model's graph or the error that says why there is no graph."""
    layers, result = examine_model(path, input_shape)
    rows = [(_Row(x.name, x.kind, "refused" if x.reason else "supported", reason=x.reason), x.nodes) for x in layers]
    return rows, result


def _with_fates(rows: _Rows, graph: Graph, lowering: Lowering, populations: dict[str, dict[str, Any]]) -> _Rows:
    """Return the rows with what each layer becomes, its populations and its costs."""
    layer_of = {node: row.layer for row, nodes in rows for node in nodes}
    made: dict[str, list[str]] = {row.layer: [] for row, _ in rows}
    for name in populations:
        node = name
        while node not in layer_of:  # relays, maxima and readouts have the node's name with a suffix
            node = node.rpartition(".")[0]
        made[layer_of[node]].append(name)
    decisions = {decision.node: decision for decision in lowering.decisions}
    final = {node.name for node in graph.nodes if isinstance(node, Final)}
    into = _folded_into(graph, layer_of, made)
    result = []
    for row, nodes in rows:
        own = [populations[name] for name in made[row.layer]]
        decided = [decisions[node] for node in nodes if node in decisions]
        became = _became(own, decided, bool(final.intersection(nodes)))
        costs = [(d.folded, d.pair) for d in decided if d.pair is not None]
        folded, pair = (_total([cost[k] for cost in costs]) for k in (0, 1))
        described = replace(
            row,
            became=became,
            into=into[row.layer] if became == "folded" else (),
            populations=tuple(made[row.layer]),
            neurons=sum(p["neurons"] for p in own),
            synapses=sum(p["synapses"] for p in own),
            depth=max((p["depth"] for p in own), default=None),
            folded=folded,
            pair=pair,
        )
        result.append((described, nodes))
    return result


def _became(own: list[dict[str, Any]], decided: list[Decision], final: bool) -> str:
    kinds = []
    for population in own:
        kind, name = population["kind"], population["name"]
        if kind in (Kind.INPUT.value, Kind.READOUT.value):
            kinds.append(kind)
        elif ".relay" in name:
            kinds.append("relay")
        else:
            kinds.append("maxima" if ".maximum" in name else "population")
    if kinds:
        return ", ".join(dict.fromkeys(kinds))
    if decided:
        return "folded"
    return "reported before it" if final else "not needed"


def _folded_into(graph: Graph, layer_of: dict[str, str], made: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """Return the first layers with populations that depend on each layer."""
    found: dict[str, dict[str, None]] = {}
    readers: dict[str, list[str]] = {layer: [] for layer in made}
    for node in graph.nodes:
        for source in node.sources:
            if layer_of[source] != layer_of[node.name]:
                readers[layer_of[source]].append(layer_of[node.name])
    for layer in reversed(made):
        found[layer] = {}
        for reader in readers[layer]:
            found[layer].update({reader: None} if made[reader] else found[reader])
    return {layer: tuple(names) for layer, names in found.items()}


def _total(costs: list[OperatorCost | None]) -> OperatorCost | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known, OperatorCost(0, 0)) if known and len(known) == len(costs) else None


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


def _print(
    model: Path, rows: _Rows, populations: list[dict[str, Any]], totals: dict[str, int], json: bool, inputs: Sequence[dict[str, Any]] = ()
) -> None:
    layers = [row for row, _ in rows]
    if json:
        emit_json(provenance(**totals, inputs=list(inputs), layers=[asdict(row) for row in layers], populations=populations))
        return
    if not totals:
        columns: tuple[str, ...] = ("layer", "type", "", "reason")
        show_table(f"Layers of {model.name}", columns, [(r.layer, r.type, r.became, r.reason) for r in layers])
        return
    columns = ("layer", "type", "becomes", "neurons", "synapses in", "depth", "folded: weights, synapses", "apart")
    show_table(f"Layers of {model.name}", columns, [_cells(row) for row in layers])
    columns = ("population", "kind", "shape", "neurons", "synapses in", "depth")
    names = ("name", "kind", "shape", "neurons", "synapses", "depth")
    show_table("Populations", columns, [tuple(str(p[key]) for key in names) for p in populations])
    show_lines(f"{totals['neurons']} neurons, {totals['synapses']} synapses, {totals['macs']} MACs of the CNN per image")
    show_lines(*(_takes(fact) for fact in inputs if "takes" in fact), *show_inputs([fact for fact in inputs if "type" in fact]))


def _takes(fact: dict[str, Any]) -> str:
    return (
        f"input {fact['input']} takes {fact['takes']}; uint8 is multiplied by {fact['uint8_factor']:.6g}, other types are taken as they are"
    )


def _cells(row: _Row) -> tuple[str, ...]:
    became = f"folded into {', '.join(row.into)}" if row.became == "folded" else row.became
    numbers = (str(row.neurons), str(row.synapses), str(row.depth)) if row.populations else ("", "", "")
    return row.layer, row.type, became, *numbers, _text(row.folded), _text(row.pair)


def _text(cost: OperatorCost | None) -> str:
    return "" if cost is None else f"{cost.weights}, {cost.synapses}"
