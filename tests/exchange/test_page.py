"""The page's tables are those of the recorded results."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.benchmarks import exchange, netx_files, sanafe_estimates
from tests.helpers.sources import ROOT


def _report(name: str, table: Callable[[dict[str, Any]], list[str]]) -> dict[str, Any]:
    """Return a recorded result, whose tables the page has."""
    report: dict[str, Any] = json.loads((ROOT / f"tests/benchmarks/results/0.2.0/{name}.json").read_text(encoding="utf-8"))
    assert "\n".join(table(report)) in (ROOT / "docs/exchange.md").read_text(encoding="utf-8")
    return report


def test_the_page_has_the_table_of_nir() -> None:
    report = _report("exchange", exchange.table)
    rows = report["exported"]
    assert {row["network"] for row in rows} >= {"digits CNN", "LeNet-5", "ResNet-20", "half VGG16"}
    for row in rows:
        assert row["saturated"] == 0
        assert row["as_set"].get("differing", 0) == 0


def test_the_page_has_the_tables_of_sana_fe() -> None:
    for row in _report("sanafe", sanafe_estimates.table)["networks"]:
        assert (row["differing"], row["events_differ"], row["readouts_differ"]) == (0, 0, 0)
        assert row["ours"]["synapses"][0] == row["our_figures"]["synapses"][0]


def test_the_page_has_the_tables_of_netx() -> None:
    for row in _report("netx", netx_files.table)["networks"]:
        assert (row["differing"], row["potentials_differ"]) == (0, 0)
        assert row["netx"] < row["subtract"]
