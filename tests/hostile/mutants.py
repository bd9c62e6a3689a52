"""Mutants of every file that is read; a table says what became of them."""

from __future__ import annotations

import argparse
import math

from tests.hostile.attack import Outcome, attack
from tests.hostile.readers import READERS

__all__ = ["add_options", "run"]

SHOWN = 5
"""Faults of a reader that are printed."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this attack."""
    parser.add_argument("--each", type=int, default=1000, help="mutants of each reader (default: 1000)")
    parser.add_argument("--seconds", type=float, default=math.inf, help="longest time for each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", choices=list(READERS), action="append", help="only this reader")


def run(options: argparse.Namespace) -> int:
    """Attack the readers one after another and print the table."""
    print(f"{'reader':16}{'mutants':>9}{'refused':>9}{'loaded':>9}{'faults':>8}{'peak MB':>9}{'longest s':>11}{'seconds':>9}", flush=True)
    faults = 0
    for name in options.reader or READERS:
        reader = READERS[name]
        outcome = attack(reader, options.each, options.seed, options.seconds)
        _show(outcome)
        faults += len(outcome.faults)
    return int(faults > 0)


def _show(o: Outcome) -> None:
    counts = f"{o.mutants:9}{o.refused:9}{o.loaded:9}{len(o.faults):8}"
    print(f"{o.reader:16}{counts}{o.memory / 2**20:9.0f}{o.longest:11.2f}{o.seconds:9.0f}", flush=True)
    for fault in o.faults[:SHOWN]:
        print(f"    {fault}", flush=True)
