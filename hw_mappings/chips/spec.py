"""A chip as the mapper sees it: counts, limits, widths, energies and times, each with its source."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Final

from ecc_lava.common import check_name
from ecc_lava.errors import InvalidInput
from ecc_lava.formats import FORMATS
from hw_mappings.chips.bounds import BOUNDS, PLACES_MAX
from hw_mappings.chips.figures import Figure, check_figure

__all__ = ["COSTS", "FORMAT_NAMES", "RESOURCES", "ChipSpec", "figure_names"]

RESOURCES: Final = (
    "compartments",
    "synapse_bits",
    "memory_bits",
    "input_axons",
    "output_axons",
    "delay_slots",
    "thresholds",
    "exponents",
)
"""The resources of a core, in the order of every report."""

COSTS: Final = (
    "synop_fj",
    "update_active_fj",
    "update_idle_fj",
    "spike_fj",
    "hop_horizontal_fj",
    "hop_vertical_fj",
    "static_uw",
    "synop_ps",
    "update_active_ps",
    "update_idle_ps",
    "barrier_min_ps",
    "barrier_max_ps",
    "host_write_ps",
    "host_read_ps",
    "host_spike_ps",
)
"""Energies in femtojoules, static power of a chip in microwatts, times in picoseconds; None means "not known"."""

FORMAT_NAMES: Final = tuple(FORMATS)
"""The number formats that a chip may name."""


@dataclass(frozen=True)
class ChipSpec:
    """The chips of a board, as far as the mapper needs to know them.

    Attributes
    ----------
    name : str
    format : str
        Name of the number format that the cores compute in.
    chips, board_columns, board_rows : Figure
        Number of chips and their layout; chip index = row * columns + column. The meshes of neighbouring chips join.
    cores, mesh_columns, mesh_rows : Figure
        Neuron cores on each chip, and their layout; core index = row * columns + column.
    compartments, compartments_per_neuron : Figure
        Limit per core, and the compartments of one integrate-and-fire neuron.
    synapse_bits : Figure
        Limit per core on synaptic lists alone.
    memory_bits : Figure
        Limit per core on lists, state, delayed input and both axon tables together.
    state_bits, delay_slot_bits, input_axon_bits, output_axon_bits : Figure
        Bits of memory of one compartment, of one slot of delayed input beyond a neuron's first, and of one entry of each axon table.
    payload_bits : Figure
        Most bits of the integer that a spike carries, sign included; 1 where spikes are binary.
    signed_state_bits : Figure
        Bits of memory that a neuron takes beyond its compartments if its spikes have a sign: the sum of what it has sent.
    multicast : Figure
        1 where routers copy a spike on its way to several cores, so that it passes each link once; 0 where its core sends one message to
        each of them.
    input_axons, output_axons : Figure
        Limits per core on table entries.
    population_atoms, population_slots : Figure
        A population axon is one entry for a group of source neurons at one position. `population_atoms` is the largest group (None if the
        chip has no such axons); `population_slots` is the number of output entries. A discrete axon is one entry for one source neuron.
    list_header_bits, list_word_bits : Figure
        A synaptic list starts with a header and is rounded up to whole words.
    delay_max : Figure
        Largest extra delay of a synapse, in timesteps.
    delay_slots : Figure
        Limit per core on slots of input. A neuron holds 1 + d slots, one for each timestep, where d is the largest delay into it.
    thresholds, exponents : Figure
        Limits per core on distinct thresholds, and on distinct weight exponents.
    synop_fj, update_active_fj, update_idle_fj, spike_fj, hop_horizontal_fj, hop_vertical_fj : Figure
        Energy of a spike through a synapse, of a neuron's update with input and without, of a spike within its tile, and of a hop.
    static_uw : Figure
        Power of an idle chip.
    synop_ps, update_active_ps, update_idle_ps : Figure
        Times of the same events on the core.
    barrier_min_ps, barrier_max_ps : Figure
        Time that all cores need to agree that a timestep is over: of one core, and of a whole chip.
    host_write_ps, host_read_ps, host_spike_ps : Figure
        Time that the host needs to write a neuron's potential, to read one, and to send one spike.
    blocked : tuple of (chip, core)
        Cores that the mapper must not use; a chip of None is every chip.
    """

    name: str
    format: str
    chips: Figure
    board_columns: Figure
    board_rows: Figure
    cores: Figure
    mesh_columns: Figure
    mesh_rows: Figure
    compartments: Figure
    compartments_per_neuron: Figure
    synapse_bits: Figure
    memory_bits: Figure
    state_bits: Figure
    delay_slot_bits: Figure
    input_axon_bits: Figure
    output_axon_bits: Figure
    payload_bits: Figure
    signed_state_bits: Figure
    multicast: Figure
    input_axons: Figure
    output_axons: Figure
    population_atoms: Figure
    population_slots: Figure
    list_header_bits: Figure
    list_word_bits: Figure
    delay_max: Figure
    delay_slots: Figure
    thresholds: Figure
    exponents: Figure
    synop_fj: Figure
    update_active_fj: Figure
    update_idle_fj: Figure
    spike_fj: Figure
    hop_horizontal_fj: Figure
    hop_vertical_fj: Figure
    static_uw: Figure
    synop_ps: Figure
    update_active_ps: Figure
    update_idle_ps: Figure
    barrier_min_ps: Figure
    barrier_max_ps: Figure
    host_write_ps: Figure
    host_read_ps: Figure
    host_spike_ps: Figure
    blocked: tuple[tuple[int | None, int], ...] = ()

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name.strip()):
            raise InvalidInput(f"a chip needs a name, got {self.name!r:.80}")
        check_name("a chip", self.name)
        if self.format not in FORMAT_NAMES:
            raise InvalidInput(f"chip {self.name!r} names the number format {self.format!r:.80}; known: {', '.join(FORMAT_NAMES)}")
        for name in figure_names():
            check_figure(f"{name} of chip {self.name!r}", getattr(self, name), BOUNDS[name])
        for what, layout in (("cores", "mesh"), ("chips", "board")):
            columns, rows = self.amount(f"{layout}_columns"), self.amount(f"{layout}_rows")
            if not self.amount(what) <= columns * rows <= PLACES_MAX:
                raise InvalidInput(
                    f"chip {self.name!r} has {self.amount(what)} {what} on a {layout} of {columns} x {rows}; it must hold them all, and "
                    f"have at most {PLACES_MAX} places"
                )
        self._check_blocked()

    def _check_blocked(self) -> None:
        chips, cores = self.amount("chips"), self.amount("cores")
        for entry in self.blocked:
            where = f"the blocked core {entry!r} of chip {self.name!r}"
            if not (isinstance(entry, tuple) and len(entry) == 2):
                raise InvalidInput(f"{where} must be a chip (or null for every chip) and a core")
            chip, core = entry
            if not (chip is None or (type(chip) is int and 0 <= chip < chips)) or not (type(core) is int and 0 <= core < cores):
                raise InvalidInput(f"{where} does not exist; there are {chips} chips of {cores} cores")
        if len(set(self.blocked)) != len(self.blocked):
            raise InvalidInput(f"chip {self.name!r} blocks a core twice")
        if not self.cores_in_all:
            raise InvalidInput(f"every core of chip {self.name!r} is blocked")

    def limit(self, resource: str) -> int | None:
        """Return the value of a figure: a core's limit on a resource, None without a limit, or any other figure."""
        figure: Figure = getattr(self, resource)
        return figure.value

    def amount(self, name: str) -> int:
        """Return the value of a figure that must be a number."""
        value = self.limit(name)
        if value is None:
            raise InvalidInput(f"{name} of chip {self.name!r} is unlimited")
        return value

    def usable(self, chip: int) -> tuple[int, ...]:
        """Return the cores of a chip that are not blocked, in order."""
        barred = self._barred.get(None, frozenset()) | self._barred.get(chip, frozenset())
        return tuple(core for core in range(self.amount("cores")) if core not in barred)

    @cached_property
    def _barred(self) -> dict[int | None, frozenset[int]]:
        """The blocked cores of each chip that has some; None is every chip."""
        found: dict[int | None, set[int]] = {}
        for chip, core in self.blocked:
            found.setdefault(chip, set()).add(core)
        return {chip: frozenset(cores) for chip, cores in found.items()}

    @property
    def most_usable(self) -> int:
        """The most cores of one chip that are not blocked."""
        everywhere = self._barred.get(None, frozenset())
        singly = [len(everywhere | cores) for chip, cores in self._barred.items() if chip is not None]
        fewest = min(singly) if len(singly) == self.amount("chips") else len(everywhere)
        return self.amount("cores") - fewest

    @property
    def cores_in_all(self) -> int:
        """Number of cores on all chips that are not blocked."""
        everywhere = self._barred.get(None, frozenset())
        singly = {(where, core) for where, core in self.blocked if where is not None and core not in everywhere}
        return self.amount("chips") * (self.amount("cores") - len(everywhere)) - len(singly)


def figure_names() -> tuple[str, ...]:
    """Return the names of a chip's figures, in order."""
    return tuple(field.name for field in fields(ChipSpec) if field.name not in ("name", "format", "blocked"))
