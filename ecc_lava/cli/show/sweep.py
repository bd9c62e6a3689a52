"""A sweep as tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ecc_lava.cli.show.output import counted, show_lines, show_table

if TYPE_CHECKING:
    from hw_mappings import Sweep
    from hw_mappings.sweeps import LimitGrowth, LimitSensitivity, SweepRow

__all__ = ["show_sweep"]

_ROWS = ("chip", "synapses", "weights, bits", "spikes", "cores", "lower bound", "chips", "smallest board", "most used", "seconds")


def show_sweep(name: str, sweep: Sweep) -> None:
    """Print a row for each variant, why some do not fit, what the rows count, and what more of a limit would save."""
    show_table(f"what {name} needs", _ROWS, [_row(row) for row in sweep.rows])
    rounded = "the integers of this network, as the file has no float network" if sweep.is_from_integers else "the float network"
    show_lines(
        *_misfits(sweep.rows),
        "*: the network as it is. The others are counts alone: nothing is calibrated anew or placed, and no accuracy is measured. Other "
        f"widths and number formats are quantised anew from {rounded}.",
        "Zero weights take memory too, so sparsity changes no row. Payloads without a sign take as much as binary spikes at any width; "
        "where spikes are binary alone, inputs are sent by rate.",
    )
    if sweep.sensitivity is not None:
        _show_limits(sweep.sensitivity)


def _misfits(rows: Sequence[SweepRow]) -> list[str]:
    """Return why rows do not fit: the first population of each reason, and how many more there are."""
    named: dict[str, list[str]] = {}
    for row in rows:
        if row.reason is not None:
            named.setdefault(row.reason, []).append(_named(row))
    lines = []
    for reason, names in named.items():
        first, *others = reason.splitlines()
        more = f" ({counted(len(others), 'more population')}; all in --json)" if others else ""
        lines.append(f"{'; '.join(names)}: {first}{more}")
    return lines


def _named(row: SweepRow) -> str:
    return f"{row.chip}, {row.synapse_model}, {row.width} bits, {row.payload}"


def _row(row: SweepRow) -> tuple[str, ...]:
    used = "" if row.limited_by is None else f"{row.limited_by.replace('_', ' ')} {100 * (row.utilisation or 0.0):.0f} %"
    cores = "does not fit" if row.cores is None else f"{row.cores:,}"
    bound = "n/a" if row.lower_bound_cores is None else f"{row.lower_bound_cores:,}"
    chips = "" if row.chips is None else f"{row.chips:,}"
    named = f"{row.chip}{' *' * row.is_own}"
    return named, row.synapse_model, row.width, row.payload, cores, bound, chips, row.board or "", used, f"{row.seconds:.1f}"


def _show_limits(found: LimitSensitivity) -> None:
    from hw_mappings.sweeps import GROWTHS

    grown = [f"x {1 + percent / 100:g}" for percent in GROWTHS]
    columns = ("limit of a core", "now", "fullest core", "cores", *grown, "no limit", "lower bound without", _question(found))
    rows = [
        (
            growth.resource.replace("_", " "),
            f"{growth.limit:,}",
            "n/a" if growth.fullest is None else f"{growth.fullest:,}",
            *("does not fit" if cores is None else f"{cores:,}" for cores in growth.cores),
            f"{growth.lower_bound_cores:,}",
            _answer(growth, found),
        )
        for growth in found.limits
    ]
    show_table(f"cores on {found.chip} ({found.synapse_model}) as one limit of a core grows", columns, rows)
    free = ", ".join(resource.replace("_", " ") for resource in found.unlimited)
    show_lines(
        "Cores are the fewest of all mappings found within a limit. The least growth has two figures: the lower bound rules out less; at "
        "the growth found the mapper succeeds, and at one percent less it does not.",
        *([f"not limited: {free}"] if free else []),
    )


def _question(found: LimitSensitivity) -> str:
    if found.chips is None:
        return "growth to fit"
    return "growth to save a chip" if found.goal_cores is None else f"growth to {counted(found.chips - 1, 'chip')}"


def _answer(growth: LimitGrowth, limits: LimitSensitivity) -> str:
    """Return by how much a limit must grow, in words."""
    if limits.goal_cores is None:
        return "one chip already"
    if growth.at_least_percent is None:
        return "none suffices"
    if growth.percent == growth.at_least_percent:
        return f"{growth.percent} %"
    found_at = "none found" if growth.percent is None else f"found {growth.percent} %"
    return f"at least {growth.at_least_percent} %, {found_at}" if growth.at_least_percent else found_at
