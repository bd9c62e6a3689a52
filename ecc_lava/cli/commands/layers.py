"""`ecc-lava layers`: the Keras layers and operations that convert."""

from __future__ import annotations

from ecc_lava.cli.options import Json
from ecc_lava.cli.show.output import emit_json, provenance, show_lines
from ecc_lava.importers.keras import supported

__all__ = ["command"]


def command(json: Json = False) -> None:
    """Print every supported layer and operation by kind, with its limits."""
    kinds = supported()
    if json:
        emit_json(provenance(kinds=[kind._asdict() for kind in kinds]))
        return
    for kind in kinds:
        show_lines(f"{kind.title} ({kind.limits})")
        for name, members in (("layers", kind.layers), ("operations", kind.operations)):
            if members:
                show_lines(f"  {name}: {', '.join(members)}")
