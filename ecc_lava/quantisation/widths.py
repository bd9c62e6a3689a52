"""The width of the weights into each population, in bits."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from ecc_lava.common import read_bytes
from ecc_lava.errors import FileError, InvalidInput
from ecc_lava.formats import NumberFormat
from ecc_lava.networks import Kind, SpikingNetwork

__all__ = ["DEFAULT", "Bits", "as_bits", "bits_of", "network_bits", "own_widths", "widths_by_name"]

Bits = int | Mapping[str, int]
"""One width for all weights, or widths by the name of the target population."""

DEFAULT = "default"
"""The key of a mapping whose width holds for all populations that the mapping does not name."""

_log = logging.getLogger(__name__)

_LARGEST_FILE = 2**20


def widths_by_name(bits: Bits) -> dict[str, int]:
    """Return widths by the name of the target population, or one width under `DEFAULT`.

    Raises
    ------
    InvalidInput
        If `bits` is neither a number nor a mapping.
    """
    if not isinstance(bits, int | Mapping):
        raise InvalidInput(f"bits {bits!r}; a whole number of type int, or a mapping of population names to such numbers, is needed")
    return {DEFAULT: bits} if isinstance(bits, int) else dict(bits)


def bits_of(bits: Bits, populations: Sequence[str], format: NumberFormat) -> dict[str, int]:
    """Return the width of the weights into each of the populations.

    Parameters
    ----------
    bits : int, or a mapping of population names (and `DEFAULT`) to int
    populations : names of the populations that have weights, in order
    format : NumberFormat

    Raises
    ------
    InvalidInput
        For a name that is no such population, populations without a width, or a width that the format does not hold.
    """
    given = widths_by_name(bits)
    for name, width in given.items():
        where = "" if name == DEFAULT else f" for {name!r}"
        if name != DEFAULT and name not in populations:
            raise InvalidInput(f"bits{where}: no population of that name has weights; there are {', '.join(populations)} and {DEFAULT!r}")
        if isinstance(width, bool) or not isinstance(width, int):
            raise InvalidInput(f"bits{where}: {width!r} is not a whole number")
        if not 2 <= width <= (format.wide_bits if name == DEFAULT else format.carried_bits):  # a readout is no step population
            raise _too_wide(width, where, format)
    missing = [name for name in populations if name not in given and DEFAULT not in given]
    if missing:
        raise InvalidInput(f"bits: no width for {', '.join(missing)}; name them, or give {DEFAULT!r}")
    return {name: given.get(name, given.get(DEFAULT, 0)) for name in populations}


def network_bits(bits: Bits, network: SpikingNetwork, format: NumberFormat) -> dict[str, int]:
    """Return the width of the weights into each population of a network; those that other populations carry are for steps at T = 1.

    Raises
    ------
    InvalidInput
        As `bits_of`, and for wider weights than two synapses hold into a population that is no step, or for more than one timestep.
    """
    populations = network.populations[len(network.inputs) :]
    widths = bits_of(bits, [p.name for p in populations], format)
    for p in populations:
        if widths[p.name] > format.wide_bits and (p.kind is not Kind.STEP or network.timesteps != 1):
            raise _too_wide(widths[p.name], f" for {p.name!r}" if p.name in widths_by_name(bits) else "", format)
    return widths


def _too_wide(width: int, where: str, format: NumberFormat) -> InvalidInput:
    wider = f"; up to {format.carried_bits} bits are for step populations at T=1, by name" * (format.carried_bits > format.wide_bits)
    return InvalidInput(
        f"{width} bits a weight{where}; {format.name} holds 2 to {format.weight_bits}, and two synapses up to {format.wide_bits}{wider} "
        "(binarised weights take one bit by themselves, where the format has it)"
    )


def own_widths(network: SpikingNetwork, format: NumberFormat) -> Bits:
    """Return the default widths: those of the weights that the model itself has rounded, and the format's default for all others.

    Weights that the model has rounded to more bits than the format holds are rounded again; a warning names them.
    """
    widths, wide = {DEFAULT: format.default_bits}, []
    for population in network.populations[len(network.inputs) :]:
        grids = [p.grid for p in network.into(population.name)]
        own = max((grid.bits for grid in grids if grid is not None), default=0)
        if own > format.weight_bits:
            wide.append(f"{population.name} ({own} bits)")
        elif own and all(grid is not None for grid in grids):
            widths[population.name] = own
    if wide:
        remedy = f"a synapse of {format.name} holds {format.weight_bits} bits, and two hold {format.wide_bits} if `bits` says so"
        _log.warning("weights into %s are rounded again; %s", ", ".join(wide), remedy)
    return widths if len(widths) > 1 else format.default_bits


def as_bits(text: str) -> Bits:
    """Return a number, or the JSON object in the file of that name.

    Raises
    ------
    InvalidInput
        If `text` is neither. `bits_of` checks what the object holds.
    """
    if text.lstrip("+-").isdecimal():
        return int(text)
    if not Path(text).is_file():
        raise InvalidInput(f"--bits {text}: neither a number nor a file; give 2 to 16, or a JSON object of population names and bits")
    data = read_bytes(text, _LARGEST_FILE)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{text}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise FileError(f"{text}: holds {type(value).__name__}; a JSON object of population names and bits is needed")
    return value
