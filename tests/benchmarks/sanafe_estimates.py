"""Mapped networks in SANA-FE: the same spikes, and its energy and time beside our estimate, term by term. A table, and JSON.

    uv run --group sanafe python tests/benchmarks/sanafe_estimates.py --data FOLDER [--only NAME ...] [--out FILE] [--page FILE]

The demo's digits CNN and a LeNet-5 that is trained here by a seed, both converted for Loihi 1 with rate-coded images, and mapped; LeNet-5
also for Loihi 2, whose cores hold more neurons than a unit of SANA-FE, at the figures of Loihi 1. Each of the first test images is exported
and run twice: at the prices of our figures of the chip, and at those of the Loihi that SANA-FE has. The first differs from our estimate in
what is counted alone, the second in the figures too. Every spike of every neuron is compared.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import ecc_lava
from ecc_lava.common import Array
from ecc_lava.networks import QuantisedNetwork
from hw_mappings import LOIHI1, LOIHI2, ChipSpec, Mapping, export_sanafe, map_network
from hw_mappings.chips import COSTS
from hw_mappings.costs import estimate, events
from hw_mappings.costs.events import Events
from hw_mappings.mapping import deployed
from hw_mappings.sanafe import EventPrices, prices_of
from tests.benchmarks.environment import environment
from tests.benchmarks.exchange import Case, converted, put
from tests.helpers.sanafe import SanaFeRun, run_in_sanafe

CASES = {
    "digits CNN": (Case("", "", 32, coding="rate", format="loihi1"), 8),
    "LeNet-5": (Case("lenet.keras", "mnist.npz", 32, coding="rate", format="loihi1"), 4),
    "LeNet-5 on Loihi 2": (Case("lenet.keras", "mnist.npz", 32, coding="rate"), 4),
}
"""Networks, and how many images of each."""

CHIPS = {"loihi1": LOIHI1, "loihi2": replace(LOIHI2, **{figure: getattr(LOIHI1, figure) for figure in COSTS})}
"""The chip of each number format. Loihi 2 publishes no energies and times, and has those of Loihi 1 here."""

CORES_A_TILE = 4
"""Of SANA-FE's Loihi, whose barrier depends on the number of tiles."""

TERMS = {
    "synapses": "spikes through synapses",
    "neurons": "updates of neurons",
    "firing": "spikes fired",
    "messages": "messages to cores",
    "hops": "hops",
}

US = 1e6
UJ = 1e6


def shipped_prices(cores: int) -> EventPrices:
    """Return the prices of the Loihi that SANA-FE brings; synapses are those of its convolutions."""
    spec = find_spec("sanafe")
    assert spec is not None and spec.origin is not None
    text = (Path(spec.origin).parent / "examples" / "loihi.yaml").read_text()

    def number(name: str, after: str = "") -> float:
        found = re.search(rf"{name}: ([\d.e+-]+)", text[text.index(after) :])
        assert found is not None, name
        return float(found[1])

    steps = {int(n): float(s) for n, s in re.findall(r"(\d+): ([\d.]+e-6)", text[text.index("latency_sync: {") :])}
    tiles = -(-cores // CORES_A_TILE)
    soma = ("access_neuron", "update_neuron", "spike_out")
    return EventPrices(
        **{
            f"{what}_{event}": number(f"{what}_{event}") for what in ("energy", "latency") for event in (*soma, "message_in", "message_out")
        },
        **{f"{what}_process_spike": number(f"{what}_process_spike", "loihi_conv_synapse") for what in ("energy", "latency")},
        **{f"{what}_horizontal_hop": number(f"{what}_east_hop") for what in ("energy", "latency")},
        **{f"{what}_vertical_hop": number(f"{what}_north_hop") for what in ("energy", "latency")},
        latency_sync=max(s for n, s in steps.items() if n <= tiles),
    )


def ours(counted: Events, fired: int, chip: ChipSpec) -> dict[str, Any]:
    """Return our estimate of an image: (events, microjoules) by term; the time of a step, and as it were if a core overlapped its work."""
    cost = estimate(counted, chip)
    parts, found = cost.energy_uj, cost.events
    prices = prices_of(chip, counted.fullest_chip)
    longer = np.maximum(
        counted.synops * prices.latency_process_spike,
        counted.updates / chip.amount("compartments_per_neuron") * (prices.latency_access_neuron + prices.latency_update_neuron),
    )
    assert parts is not None
    return {
        "synapses": (found["synops"], parts["synops"]),
        "neurons": (found["updates"], parts["updates"]),
        "firing": (fired, 0.0),
        "messages": (found["messages"], parts["spikes"]),
        "hops": (found["hops"], parts["hops"]),
        "step_us": cost.step_us,
        "overlapped_us": (float(longer.max()) / counted.timesteps + prices.latency_sync) * US,
    }


def theirs(run: SanaFeRun, prices: EventPrices) -> dict[str, Any]:
    """Return SANA-FE's estimate of an image: what the host begins and ends left out, and updates of T of its T + D steps."""
    about, energy = run.about, run.found["energy"]
    inside = about["timesteps"] / about["steps"]
    messages = run.found["packets_sent"] - about["host_spikes"]
    updates = run.found["neurons_updated"] - about["host_spikes"]
    firing = about["spikes"] * prices.energy_spike_out
    sent = messages * prices.energy_message_out
    return {
        "synapses": (
            run.found["spikes"] - about["host_events"],
            (energy["synapse"] - about["host_events"] * prices.energy_process_spike) * UJ,
        ),
        "neurons": (updates * inside, (energy["soma"] - firing) * inside * UJ),
        "firing": (run.found["neurons_fired"] - about["host_spikes"], firing * UJ),
        "messages": (messages, sent * UJ),
        "hops": (run.hops, (energy["network"] - sent) * UJ),
        "step_us": run.found["sim_time"] / about["timesteps"] * US,
    }


def _mean(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: np.mean([row[name] for row in rows], axis=0).tolist() for name in rows[0]}


def compared(name: str, network: QuantisedNetwork, mapping: Mapping, images: Array, work: Path) -> dict[str, Any]:
    """Return the row of a network."""
    own, shipped = prices_of(mapping.chip, len(mapping.cores) / mapping.chip.amount("cores")), shipped_prices(len(mapping.cores))
    rows: dict[str, list[dict[str, Any]]] = {"ours": [], "our_figures": [], "its_prices": [], "its_simple_timing": []}
    found: dict[str, Any] = {"spikes": 0, "differing": 0, "first": None, "events_differ": 0, "readouts_differ": 0}
    for number, image in enumerate(images):
        activity = ecc_lava.simulate(network, image[None], record=[p.name for p in network.populations])
        fired = sum(int(activity.spike_counts[p.name].sum()) for p in network.populations if p.kind.spikes)
        rows["ours"].append(ours(events(deployed(mapping, network, activity)), fired, mapping.chip))
        for how, prices in (("our_figures", own), ("its_prices", shipped)):
            folder = work / f"{name}-{number}-{how}"
            about = export_sanafe(network, mapping, image[None], folder, prices=prices)
            run = run_in_sanafe(folder)
            rows[how].append(theirs(run, prices))
            found["differing"] += run.differing
            found["first"] = found["first"] or run.first
            found["events_differ"] += abs(run.found["spikes"] - about["synaptic_events"])
            found["readouts_differ"] += _readouts_differ(about, run)
            if how == "our_figures":
                found["spikes"] += about["spikes"]
                rows["its_simple_timing"].append({"step_us": run_in_sanafe(folder, "simple").found["sim_time"] / about["timesteps"] * US})
    facts = {"network": name, "chip": mapping.chip.name, "digest": network.digest, "images": len(images), "timesteps": network.timesteps}
    facts |= {"depth": network.depth, "cores": len(mapping.cores), "neurons": about["neurons"]}
    facts["fullest_core"] = max(sum(shard.neurons for shard in core.shards) for core in mapping.cores)
    return facts | found | {how: _mean(of) for how, of in rows.items()}


def _readouts_differ(about: dict[str, Any], run: SanaFeRun) -> int:
    return sum(a != b + 0.5 for group, v in about["readouts"].items() for a, b in zip(run.readouts[group], v, strict=True))


def _apart(value: float, reference: float) -> str:
    if not reference or round(value / reference, 2) == 1:
        return ""
    return f" ({value / reference - 1:+.0%})" if value < 3 * reference else f" (x {value / reference:.0f})"


def table(report: dict[str, Any]) -> list[str]:
    """Return the lines of Markdown that the page has of a report."""
    lines = [f"Version: sanafe {report['sanafe']}.", ""]
    lines += [
        "| network | images | neurons | cores | neurons of the fullest | spikes that differ | spikes through synapses that differ "
        "| potentials that differ |"
    ]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for row in report["networks"]:
        counts = f"{row['differing']} of {row['spikes']:,} | {row['events_differ']} of {row['ours']['synapses'][0] * row['images']:,.0f}"
        lines.append(
            f"| {row['network']}, T = {row['timesteps']} | {row['images']} | {row['neurons']:,} | {row['cores']} | "
            f"{row['fullest_core']:,} | {counts} | {row['readouts_differ']} |"
        )
    for row in report["networks"]:
        lines += [
            "",
            f"| {row['network']}, an image | events here | in SANA-FE | microjoules here | in SANA-FE, our figures | its prices |",
        ]
        lines += ["|---|---|---|---|---|---|"]
        for term, words in TERMS.items():
            (mine, uj), (its, same), (_, own) = (row[how][term] for how in ("ours", "our_figures", "its_prices"))
            energies = f"{uj:.3f} | {same:.3f}{_apart(same, uj)} | {own:.3f}{_apart(own, uj)}"
            lines.append(f"| {words} | {mine:,.0f} | {its:,.0f}{_apart(its, mine)} | {energies} |")
        sums = [sum(row[how][term][1] for term in TERMS) for how in ("ours", "our_figures", "its_prices")]
        lines.append(f"| sum | | | {sums[0]:.2f} | {sums[1]:.2f}{_apart(sums[1], sums[0])} | {sums[2]:.2f}{_apart(sums[2], sums[0])} |")
        steps = [row[how]["step_us"] for how in ("ours", "our_figures", "its_prices")]
        both = row["ours"]["overlapped_us"], row["its_simple_timing"]["step_us"]
        told = [f"{us:.1f}{_apart(us, steps[0])}" for us in steps]
        lines.append(f"| time over T, us | | | {' | '.join(told)} |")
        lines.append(f"| the same, work of a core overlapped | | | {both[0]:.1f} | {both[1]:.1f}{_apart(both[1], both[0])} | |")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print and write."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--out", type=Path, default=Path("benchmark-results/sanafe.json"))
    parser.add_argument("--page", type=Path, help="a page whose tables are replaced: docs/exchange.md")
    asked = parser.parse_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.only:
            case, number = CASES[name]
            network, images, _ = converted(case, asked.data, Path(folder), number)
            rows.append(compared(name, network, map_network(network, CHIPS[case.format]), images, Path(folder)))
            print(json.dumps(rows[-1], indent=1), flush=True)
    report = {"environment": environment(), "sanafe": version("sanafe"), "networks": rows}
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(report, indent=1) + "\n")
    print(*table(report), sep="\n")
    if asked.page is not None:
        put(asked.page, table(report), "sanafe_estimates")


if __name__ == "__main__":
    main()
