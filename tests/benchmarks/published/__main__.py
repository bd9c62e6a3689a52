"""Measure what papers say of themselves, beside what they say: a table for each source, JSON, and a picture.

    uv run python -m tests.benchmarks.published --data FOLDER [--sources ecc ...] [--images 1000] [--out published.json]
                                                [--page docs/results.md] [--picture docs/published.png] [--dask local:2]

Test images are those from the 1,001st on, which choose nothing; calibration draws 256 training images by seed 0. A JSON that is there keeps
the sources that are not measured. Where a claim that the text makes no longer holds, an assertion fails. `--page` and `--picture` write
what the JSON holds into the page and the picture; without `--data` nothing is measured.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ecc_lava.cli.show.output import show_table
from ecc_lava.cluster import own_client
from tests.benchmarks.environment import environment
from tests.benchmarks.published.page import replaced
from tests.benchmarks.published.picture import draw
from tests.benchmarks.published.sources import SOURCES


def main() -> None:
    """Measure, print, write and draw."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path)
    options.add_argument("--sources", nargs="*", default=list(SOURCES), choices=list(SOURCES))
    options.add_argument("--images", type=int, default=1000)
    options.add_argument("--out", type=Path, default=Path("benchmark-results/published.json"))
    options.add_argument("--page", type=Path)
    options.add_argument("--picture", type=Path)
    options.add_argument("--dask", metavar="ADDRESS|local:N", help="run images on the workers of a cluster")
    given = options.parse_args()
    with own_client(given.dask) as client:
        found = _measured(given, client)
    for name, source in found.items():
        source["claims"] = [asdict(claim) for claim in SOURCES[name].claims(source["settings"], source["rows"])]
        _print(source)
    _write(given.out, found)
    if given.page:
        given.page.write_text(replaced(given.page.read_text(encoding="utf-8"), found), encoding="utf-8")
    if given.picture:
        draw(found, given.picture)


def _measured(given: argparse.Namespace, client: Any) -> dict[str, Any]:
    """Return the sources of the JSON, those that were asked for measured anew."""
    found: dict[str, Any] = json.loads(given.out.read_text(encoding="utf-8"))["sources"] if given.out.exists() else {}
    for name in given.sources if given.data else ():
        print(name, flush=True)
        about, began = environment(), time.perf_counter()
        rows = SOURCES[name].measure(given.data, given.images, client)
        found[name] = {"paper": SOURCES[name].paper, "environment": about, "settings": next(rows), "rows": []}
        print("  ", found[name]["settings"], flush=True)
        for row in rows:
            print("  ", row, flush=True)
            found[name]["rows"].append(row)
            found[name]["seconds"] = round(time.perf_counter() - began)
            _write(given.out, found)
    return found


def _write(path: Path, found: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"sources": found}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _print(source: Mapping[str, Any]) -> None:
    rows = [[claim[key] for key in ("claim", "paper", "ours", "verdict", "data")] for claim in source["claims"]]
    show_table(source["paper"], ("claim", "the paper", "here", "reproduced", "data"), rows)


if __name__ == "__main__":
    main()
