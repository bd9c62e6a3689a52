"""What `ecc-lava map --sweep` does: the options that it takes, the sweep, its tables and its picture."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ecc_lava.cli.show.output import emit_json, provenance, show_lines
from ecc_lava.cli.show.progress import stages
from ecc_lava.cli.show.sweep import show_sweep
from ecc_lava.common import check_writable, write_bytes
from ecc_lava.errors import InvalidInput
from ecc_lava.storage import load

__all__ = ["check_alone", "sweep_file"]


def check_alone(others: Mapping[str, bool]) -> None:
    """Refuse options that a sweep has no use for.

    Parameters
    ----------
    others : name of the option -> whether it was given

    Raises
    ------
    InvalidInput
        Naming all that were given.
    """
    given = [name for name, is_given in others.items() if is_given]
    if given:
        raise InvalidInput(
            f"--sweep places no cores and writes no mapping, so it does not go with {', '.join(given)}; leave out one or the other"
        )


def sweep_file(network: Path, picture: Path | None, chip: str, synapse_model: str, words: Sequence[str], json: bool) -> None:
    """Sweep the network of a file, print the tables or one JSON object, and write the picture."""
    import hw_mappings
    from hw_mappings.sweeps import draw

    started = time.perf_counter()
    format = "" if picture is None else _picture_format(picture)
    if picture is not None:
        check_writable(picture, inputs=[network, Path(chip)])
    bits = [_width(word) for word in words] or None
    integer, snn, _ = load(network)
    target = hw_mappings.chip(chip)
    with stages() as stage:
        found = hw_mappings.sweep(integer, target, snn=snn, bits=bits, synapse_model=synapse_model, progress=stage)
    if picture is not None:
        write_bytes(picture, draw(found, network.name, format))
    if json:
        about = provenance(network_digest=integer.digest, chip=target.name, synapse_model=synapse_model)
        seconds = round(time.perf_counter() - started, 3)
        emit_json({**about, **found.as_dict(), "picture": None if picture is None else str(picture), "seconds": seconds})
        return
    show_sweep(network.name, found)
    if picture is not None:
        show_lines(f"written: {picture}")


def _width(word: str) -> int:
    if not word.isdecimal():
        raise InvalidInput(f"--bits {word}: a whole number is needed")
    return int(word)


def _picture_format(path: Path) -> str:
    """Return the format that a picture's ending names."""
    from hw_mappings.sweeps import PICTURES

    ending = path.suffix[1:].lower()
    if ending not in PICTURES:
        raise InvalidInput(f"{path}: the picture of a sweep ends in {', '.join(f'.{known}' for known in PICTURES)}, not in {path.suffix!r}")
    return ending
