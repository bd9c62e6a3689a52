"""`ecc-lava map`: a network file onto a chip."""

from __future__ import annotations

import time
from pathlib import Path

from ecc_lava.cli.output import emit_json, provenance, show_lines, show_table
from ecc_lava.errors import DoesNotFit
from ecc_lava.files import check_writable
from ecc_lava.storage import load

__all__ = ["run"]


def run(network: Path, chip_name: str, output: Path, json: bool) -> None:
    """Map, print and save."""
    import hw_mappings
    from hw_mappings.report import layer_rows, misfit_summary, summary

    started = time.perf_counter()
    check_writable(output, inputs=(network, Path(chip_name)))
    integer, _, _ = load(network)
    chip = hw_mappings.chip(chip_name)
    try:
        mapping = hw_mappings.map_network(integer, chip=chip)
    except DoesNotFit as misfit:
        if json:
            facts = misfit_summary(integer, chip, round(time.perf_counter() - started, 3))
            emit_json(provenance(network_digest=integer.digest, chip=chip.name, reason=str(misfit), **facts))
        raise DoesNotFit(f"{network} does not fit on {chip.name}: {misfit}") from misfit
    mapping.save(output)
    facts = summary(mapping, round(time.perf_counter() - started, 3))
    if json:
        emit_json(provenance(network_digest=integer.digest, chip=mapping.chip.name, **facts))
        return
    rows = []
    for row in layer_rows(mapping):
        used, most = row.fullest[row.limited_by]
        rows.append(
            (row.name, "x".join(map(str, row.shape)), "x".join(map(str, row.tiling)), str(row.cores), row.limited_by, f"{used} of {most}")
        )
    show_table(f"{network.name} on {mapping.chip.name}", ("population", "H x W x C", "tiles", "cores", "limited by", "fullest core"), rows)
    show_lines(
        f"{facts['cores']} cores on {facts['chips']} chip(s); "
        f"no mapping needs fewer than {facts['lower_bound_cores']}; {facts['seconds']} s"
    )
