"""What the float and the integer network have in common: kinds of populations, order, depths and the rules of wiring."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import cached_property
from typing import Generic, TypeVar

from ecc_lava.common import BINARY, Array, Payload, Shape, check_sizes, check_timesteps, only
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry import Geometry, target_shape
from ecc_lava.inputs import InputCoding, InputRange, InputSpec

__all__ = ["READOUT_SUFFIX", "Kind", "WiredNetwork", "WiredPopulation", "WiredProjection", "output_name", "per_neuron"]


class Kind(str, Enum):
    """What the neurons of a population do."""

    INPUT = "input"
    """Sends the encoded input at every step."""
    IF = "if"
    """Integrates, fires, resets by subtraction."""
    STEP = "step"
    """Fires where one step's input reaches the threshold: the Heaviside function of binarised networks."""
    DELTA = "delta"
    """Sigma-delta: keeps the sum of all changes of its input, and sends the changes of its activation."""
    READOUT = "readout"
    """Integrates from 0 and never fires; its potential is the output."""

    @property
    def spikes(self) -> bool:
        """Whether its neurons fire."""
        return self in (Kind.IF, Kind.STEP, Kind.DELTA)

    @property
    def is_stateful(self) -> bool:
        """Whether the potential is kept from step to step."""
        return self in (Kind.IF, Kind.DELTA, Kind.READOUT)


def per_neuron(name: str, field: str, value: Array, shape: Shape) -> Array:
    """Return a parameter as (1,1,1), (1,1,C) or (H,W,C); anything else is refused."""
    if value.shape not in ((1, 1, 1), (1, 1, shape[2]), shape):
        raise InvalidNetwork(f"{field} of population {name!r} has shape {value.shape}; it must be (1,1,1), (1,1,{shape[2]}) or {shape}")
    return value


class WiredPopulation:
    """A group of neurons on one feature map: what both kinds of network know of it."""

    name: str
    shape: Shape
    kind: Kind
    payload: Payload
    theta: int = 0
    """Of a stream, the least change that is sent, in units of the payload; 0 elsewhere."""
    carries_to: str = ""
    """Of a carry, the step population that it is for; empty elsewhere."""

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self.shape[0] * self.shape[1] * self.shape[2]


class WiredProjection:
    """Linear synapses from one population to another: what both kinds of network know of them."""

    source: str
    target: str
    geometry: Geometry


READOUT_SUFFIX = ".readout"
"""Suffix of a readout's name where a population has the name of the output."""


def output_name(readout: str) -> str:
    """Return the model's name of an output from that of its readout population."""
    return readout.removesuffix(READOUT_SUFFIX)


P = TypeVar("P", bound=WiredPopulation)
Q = TypeVar("Q", bound=WiredProjection)


class WiredNetwork(Generic[P, Q]):
    """Populations in topological order, the inputs first, and the projections between them.

    A network is a frozen dataclass with these fields among its own. `__post_init__` checks what every network promises.
    """

    populations: tuple[P, ...]
    projections: tuple[Q, ...]
    codings: tuple[InputCoding, ...]
    calibrated: tuple[InputRange, ...]
    timesteps: int | None

    def __post_init__(self) -> None:
        if self.timesteps is not None:
            check_timesteps(self.timesteps)
        _check_populations(self.populations, self.codings)
        if self.calibrated and len(self.calibrated) != len(self.codings):
            raise InvalidNetwork(f"{len(self.codings)} inputs and {len(self.calibrated)} ranges of calibration; every input needs one")
        _check_payloads(self.populations, self.codings)
        _check_projections(self.populations, self.projections)

    def __repr__(self) -> str:
        """Return one line: what goes in and out, and how large the network is; its arrays would fill pages."""
        ends = " -> ".join(", ".join(f"{p.name} {p.shape}" for p in group) for group in (self.inputs, self.readouts))
        spiking = sum(p.neurons for p in self.populations if p.kind is not Kind.INPUT)
        steps = "" if self.timesteps is None else f", T={self.timesteps}"
        return f"<{type(self).__name__} {ends}: {len(self.populations)} populations, {spiking} neurons{steps}>"

    @cached_property
    def by_name(self) -> dict[str, P]:
        """Populations by name."""
        return {p.name: p for p in self.populations}

    def into(self, target: str) -> tuple[Q, ...]:
        """Return the projections that end in population `target`."""
        return tuple(p for p in self.projections if p.target == target)

    @cached_property
    def last_reader(self) -> dict[str, str]:
        """Name of a population -> the last population in order that reads it; the readouts have none."""
        return {p.source: population.name for population in self.populations for p in self.into(population.name)}

    @cached_property
    def inputs(self) -> tuple[P, ...]:
        """The input populations."""
        return tuple(p for p in self.populations if p.kind is Kind.INPUT)

    @cached_property
    def readouts(self) -> tuple[P, ...]:
        """The readout populations, in the order of the model's outputs."""
        return tuple(p for p in self.populations if p.kind is Kind.READOUT)

    @cached_property
    def sent_range(self) -> dict[str, tuple[int, int]]:
        """The least and the largest value that each population sends in one step, by its name."""
        images = [(p, c) for p, c in zip(self.inputs, self.codings, strict=True) if p.payload == BINARY]
        graded = {p.name: (0, c.largest) for p, c in images if c.largest > 1}
        return {p.name: (p.payload.least, p.payload.largest) for p in self.populations} | graded

    @cached_property
    def largest_sent(self) -> dict[str, int]:
        """The largest magnitude that each population sends in one step, by its name: 1 but for graded spikes and inputs."""
        return {name: largest for name, (_, largest) in self.sent_range.items()}

    @property
    def payload(self) -> Payload:
        """What spikes carry at least; relays and carries may carry more. Binary in a network without neurons that have any."""
        sent = (p.payload for p in self.populations if p.kind in (Kind.IF, Kind.DELTA) and not p.carries_to)
        return min(sent, key=lambda p: (p.bits, p.signed), default=BINARY)

    @property
    def is_stream(self) -> bool:
        """Whether the network takes sequences of frames and sends changes, as `ecc_lava.sigma_delta` makes it."""
        return any(p.theta for p in self.inputs)

    def hears_payloads(self, target: str) -> bool:
        """Whether a population has a source that sends payloads of its own, so that weights alone do not bound its input tightly."""
        return any(self.by_name[p.source].payload != BINARY for p in self.into(target))

    @property
    def input(self) -> P:
        """The input population of a network that has one."""
        return only(self.inputs, "input")

    @property
    def readout(self) -> P:
        """The readout population of a network that has one."""
        return only(self.readouts, "readout")

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """What the model takes."""
        inputs = zip(self.inputs, self.codings, strict=True)
        return tuple(InputSpec(p.name, p.shape, c.uint8_scale, c.channels_first, c.kind == "events", p.theta > 0) for p, c in inputs)


def _check_populations(populations: Sequence[WiredPopulation], codings: Sequence[InputCoding]) -> None:
    """Check names and sizes, that the inputs come first and have a coding each, and that there is a readout.

    Raises
    ------
    InvalidNetwork
        Naming the first population that breaks the rule.
    """
    check_sizes((p.name, p.shape) for p in populations)
    kinds = [p.kind for p in populations]
    if len({p.name for p in populations}) != len(populations):
        raise InvalidNetwork("two populations have the same name")
    inputs = kinds.count(Kind.INPUT)
    if not inputs or Kind.INPUT in kinds[inputs:]:
        raise InvalidNetwork("the first populations, and no others, must be the inputs")
    if len(codings) != inputs:
        raise InvalidNetwork(f"{inputs} inputs and {len(codings)} input codings; every input needs one")
    if Kind.READOUT not in kinds:
        raise InvalidNetwork("no population is a readout")


def _check_payloads(populations: Sequence[WiredPopulation], codings: Sequence[InputCoding]) -> None:
    """Check that payloads are those of neurons that can send them, or of inputs whose data are spikes or changes.

    Raises
    ------
    InvalidNetwork
        Naming the first population that breaks the rule.
    """
    events = {p.name for p, coding in zip(populations, codings, strict=False) if coding.kind == "events"}
    for p in populations:
        may = p.kind in (Kind.IF, Kind.DELTA) or p.name in events or p.theta
        if p.payload != BINARY and not may:
            raise InvalidNetwork(f"the {p.kind.value} population {p.name!r} has payloads; only integrate-and-fire neurons can")


def _check_projections(populations: Sequence[WiredPopulation], projections: Sequence[WiredProjection]) -> None:
    """Check that projections follow the order of the populations and match their shapes, and that every population but an input has one.

    Raises
    ------
    InvalidNetwork
        Naming the first projection or population that breaks the rule.
    """
    order = {p.name: index for index, p in enumerate(populations)}
    by_name = {p.name: p for p in populations}
    for p in projections:
        arrow = f"{p.source!r} -> {p.target!r}"
        for name in (p.source, p.target):
            if name not in order:
                raise InvalidNetwork(f"the projection {arrow} names an unknown population {name!r}")
        if by_name[p.source].kind is Kind.READOUT:
            raise InvalidNetwork(f"the projection {arrow} comes from a readout, which never fires")
        if order[p.source] >= order[p.target]:
            raise InvalidNetwork(f"the projection {arrow} runs against the order of the populations")
        reached, shape = target_shape(p.geometry, by_name[p.source].shape), by_name[p.target].shape
        if reached != shape:
            raise InvalidNetwork(f"the projection {arrow} makes a map of {reached}, its target has {shape}")
    fed = {p.target for p in projections}
    for population in populations:
        if population.name not in fed and population.kind is not Kind.INPUT:
            raise InvalidNetwork(f"population {population.name!r} has no projection into it")
