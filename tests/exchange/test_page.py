"""The page's tables are those of the recorded results."""

from __future__ import annotations

import json

from tests.benchmarks.exchange import table
from tests.helpers.sources import ROOT


def test_the_page_has_the_tables_of_the_results() -> None:
    report = json.loads((ROOT / "tests/benchmarks/results/0.1.0/exchange.json").read_text(encoding="utf-8"))
    assert "\n".join(table(report)) in (ROOT / "docs/exchange.md").read_text(encoding="utf-8")
    rows = report["exported"]
    assert {row["network"] for row in rows} >= {"digits CNN", "LeNet-5", "ResNet-20", "half VGG16"}
    for row in rows:
        assert row["saturated"] == 0
        assert row["as_set"].get("differing", 0) == 0
