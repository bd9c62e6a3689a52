"""The results of a JSON as a page: `docs/results.md`, whose figures are these and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["BEGIN", "END", "page", "replaced"]

BEGIN, END = "<!-- published: begin -->", "<!-- published: end -->"
"""What the page's text stands between."""

TITLES = {
    "binarised": "Binarised networks",
    "flim": "Encoders from image markers",
    "rueckauer": "Theory and tools of conversion",
    "ecc": "ECC",
}


def replaced(text: str, sources: Mapping[str, Any]) -> str:
    """Return a page with the tables of a JSON's sources between the two marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{page(sources)}\n{END}{rest.partition(END)[2]}"


def page(sources: Mapping[str, Any]) -> str:
    """Return the tables of all sources in Markdown."""
    return "\n".join(_source(name, sources[name]) for name in TITLES if name in sources)


def _source(name: str, source: Mapping[str, Any]) -> str:
    claims = [
        [c["claim"], f"{c['paper']} ({c['quoted']})" if c["paper"] else c["quoted"], c["ours"], c["verdict"]] for c in source["claims"]
    ]
    data = "; ".join(dict.fromkeys(c["data"] for c in source["claims"] if c["data"]))
    parts = [
        f"## {TITLES[name]}\n\n{source['paper']}. Measured on: {data}.\n",
        _table(("claim", "the paper", "here", "reproduced"), claims),
    ]
    return "\n".join([*parts, *ROWS[name](source["rows"])])


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(["| " + " | ".join(line) + " |" for line in (columns, ["---"] * len(columns), *rows)]) + "\n"


def _accuracy(row: Mapping[str, Any]) -> str:
    low, high = row["accuracy_interval"]
    return f"{row['accuracy']:.1f} ({low:.1f} to {high:.1f})"


def _lost(row: Mapping[str, Any]) -> list[str]:
    return [_accuracy(row), f"{row['loss_points']:.2f} ± {row['loss_interval']:.2f}", f"{row['agreement']:.1f} %"]


def _events(row: Mapping[str, Any]) -> list[str]:
    return [f"{row['synops_m']:.1f}", f"{row['input_macs_m']:.1f}"]


POOLS = "Pools in float, not calibrated, with lambdas of 99.9 % of the channel; agreement with the CNN in percent:\n"
LOST = ("accuracy, %", "points lost", "agreement")
EVENTS = ("M synops", "M input MACs")


def _binarised(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    found = [[row["other_bits"], *_lost(row), str(row["differing"]), str(row["of_single_precision"]), *_events(row)] for row in rows]
    about = "Predictions that differ from Keras's, and how many of them the CNN in double precision makes as the integers do:\n"
    return [about, _table(("bits of the first and last layer", *LOST, "differing", "of single precision", *EVENTS), found)]


def _flim(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    found = []
    for row in rows:
        if row["kind"] == "integers":
            spikes = f"{row['format']}, p={row['payload_bits']}, T={row['timesteps']}"
            energy = f"{row['cores_low_uj']:.0f} to {row['cores_high_uj']:.0f}" if "cores_low_uj" in row else "none published"
            found.append([row["data"], spikes, *_lost(row), *_events(row), f"{row['cores']} ({row['bound']})", energy])
    about = "Integers of 8 bits; cores with their lower bound; energy of the neuron cores from every update idle to all active:\n"
    return [about, _table(("data", "spikes", *LOST, *EVENTS, "cores", "µJ"), found)]


def _rueckauer(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    def spikes(row: Mapping[str, Any]) -> str:
        return f"p={row['payload_bits']}, T={row['timesteps']}"

    operations = [[row["pool"], spikes(row), *_lost(row), *_events(row)] for row in rows if row["kind"] == "operations"]
    chosen = [row for row in rows if row["kind"] == "normalisation"]
    pools = [row for row in rows if row["kind"] == "pools"]
    return [
        "Accuracy against operations, in calibrated integers of 8 bits. Synops of p=1 are additions, of more payload bits multiplications. "
        "The network of average pools is another one, trained the same way:\n",
        _table(("pools", "spikes", *LOST, *EVENTS), operations),
        "Ways to choose lambda, in integers that are not calibrated; accuracy in percent:\n",
        _by_timestep("lambda", chosen, "lambda_"),
        *([POOLS, _by_timestep("pools", pools, "pool", "agreement")] if pools else []),
    ]


def _by_timestep(column: str, rows: Sequence[Mapping[str, Any]], key: str, figure: str = "accuracy") -> str:
    steps = sorted({row["timesteps"] for row in rows})
    by_name: dict[str, dict[int, str]] = {}
    for row in rows:
        by_name.setdefault(row[key], {})[row["timesteps"]] = f"{row[figure]:.1f}"
    return _table((column, *(f"T={t}" for t in steps)), [[name, *(found[t] for t in steps)] for name, found in by_name.items()])


def _ecc(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    found = []
    for row in rows:
        energy = [f"{row['spikes_uj']:.0f}", f"{row['input_uj']:.0f}"] if "spikes_uj" in row else ["", ""]
        found.append([row["kind"], f"p={row['payload_bits']}, T={row['timesteps']}", *_lost(row), *_events(row), *energy])
    return [_table(("network", "spikes", *LOST, *EVENTS, "µJ of synops, 0.9 pJ", "µJ of input MACs, 4.6 pJ"), found)]


ROWS = {"binarised": _binarised, "flim": _flim, "rueckauer": _rueckauer, "ecc": _ecc}
