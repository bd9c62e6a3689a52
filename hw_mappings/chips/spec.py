"""What a chip is to the mapper: counts, limits and widths, each with where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from ecc_lava.errors import InvalidInput
from ecc_lava.formats import FORMATS

__all__ = ["FORMAT_NAMES", "RESOURCES", "ChipSpec", "Figure", "figure_names"]

RESOURCES: Final = ("compartments", "synapse_bits", "memory_bits", "input_axons", "output_axons")
"""What a core has a limited amount of, in the order of every report."""

FORMAT_NAMES: Final = tuple(FORMATS)
"""Number formats a chip may name."""

_MAY_BE_UNLIMITED: Final = frozenset(RESOURCES) - {"compartments"}
_MAY_BE_ZERO: Final = frozenset({"state_bits", "input_axon_bits", "output_axon_bits", "list_header_bits", "delay_max"})
_LARGEST: Final = 2**48
"""No figure of any chip comes near it: a larger one is a slip of the pen."""


@dataclass(frozen=True)
class Figure:
    """One number of a chip.

    Attributes
    ----------
    value : int or None
        None is "not limited".
    public : bool
        Whether somebody published it; otherwise it is assumed.
    source : str
        The publication, or the reason for the assumption.
    """

    value: int | None
    public: bool
    source: str


@dataclass(frozen=True)
class ChipSpec:
    """A neuromorphic chip, as far as mapping goes.

    Attributes
    ----------
    name : str
    format : str
        Name of the number format its cores compute in.
    chips, cores : Figure
        Chips that may be used together; neuron cores on each.
    mesh_columns, mesh_rows : Figure
        Layout of a chip's cores, core index = row * columns + column.
    compartments, compartments_per_neuron : Figure
        Limit per core, and what one integrate-and-fire neuron takes of it.
    synapse_bits : Figure
        Limit per core on synaptic lists alone.
    memory_bits : Figure
        Limit per core on everything together: lists, state, and both axon tables.
    state_bits, input_axon_bits, output_axon_bits : Figure
        What one compartment or table entry takes of `memory_bits`.
    input_axons, output_axons : Figure
        Limits per core on table entries.
    list_header_bits, list_word_bits : Figure
        A synaptic list starts with a header and is rounded up to whole words.
    delay_max : Figure
        Largest extra delay of a synapse, in timesteps.
    """

    name: str
    format: str
    chips: Figure
    cores: Figure
    mesh_columns: Figure
    mesh_rows: Figure
    compartments: Figure
    compartments_per_neuron: Figure
    synapse_bits: Figure
    memory_bits: Figure
    state_bits: Figure
    input_axon_bits: Figure
    output_axon_bits: Figure
    input_axons: Figure
    output_axons: Figure
    list_header_bits: Figure
    list_word_bits: Figure
    delay_max: Figure

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name.strip()):
            raise InvalidInput(f"a chip needs a name, got {self.name!r}")
        if self.format not in FORMAT_NAMES:
            raise InvalidInput(f"chip {self.name!r} names the number format {self.format!r}; known: {', '.join(FORMAT_NAMES)}")
        for name in figure_names():
            self._check(name, getattr(self, name))
        if self.amount("mesh_columns") * self.amount("mesh_rows") < self.amount("cores"):
            raise InvalidInput(
                f"chip {self.name!r} has {self.amount('cores')} cores on a mesh of {self.amount('mesh_columns')} x "
                f"{self.amount('mesh_rows')}; the mesh must hold them all"
            )

    def _check(self, name: str, figure: Figure) -> None:
        where = f"{name} of chip {self.name!r}"
        if not isinstance(figure, Figure) or not isinstance(figure.public, bool):
            raise InvalidInput(f"{where} is {figure!r}; it must be a figure with a value and its source")
        if not (isinstance(figure.source, str) and figure.source.strip()):
            raise InvalidInput(f"{where} does not say where it comes from")
        if figure.value is None:
            if name not in _MAY_BE_UNLIMITED:
                raise InvalidInput(f"{where} is unlimited; it must be a number")
            return
        lowest = 0 if name in _MAY_BE_ZERO else 1
        if type(figure.value) is not int or not lowest <= figure.value <= _LARGEST:
            raise InvalidInput(f"{where} is {figure.value!r}; it must be a whole number from {lowest} to {_LARGEST}")

    def limit(self, resource: str) -> int | None:
        """Return a core's limit on a resource, None if it has none."""
        figure: Figure = getattr(self, resource)
        return figure.value

    def amount(self, name: str) -> int:
        """Return a figure that is always a number."""
        value = self.limit(name)
        if value is None:
            raise InvalidInput(f"{name} of chip {self.name!r} is unlimited")
        return value

    @property
    def cores_in_all(self) -> int:
        """Cores of all its chips together."""
        return self.amount("chips") * self.amount("cores")


def figure_names() -> tuple[str, ...]:
    """Return the names of a chip's figures, in order."""
    return tuple(field.name for field in fields(ChipSpec) if field.name not in ("name", "format"))
