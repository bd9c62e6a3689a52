"""The float spiking network: populations of neurons joined by linear projections, in real units.

Neuron, per timestep::

    v <- v + sum_p W_p . s_p + bias        (clipped to +-potential_limit; infinite for real networks)
    s  = v >= vth ;  v <- v - vth * s      (reset by subtraction)

A step neuron keeps nothing: its v is 0 before every step's input, and stays as it is when it fires.

An ideal ReLU population of rate r stands for the activation ``lambda * r``. This module holds data only: no conversion,
no simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from math import inf
from typing import Protocol

import numpy as np

from ecc_lava.arrays import Array, Shape, only, read_only
from ecc_lava.batches import InputSpec
from ecc_lava.coding import InputCoding
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry import Geometry, target_shape

__all__ = ["InputCoding", "Kind", "Population", "Projection", "SpikingNetwork", "depths", "output_name"]


class Kind(str, Enum):
    """What the neurons of a population do."""

    INPUT = "input"
    """Sends the encoded input at every step."""
    IF = "if"
    """Integrates, fires, resets by subtraction."""
    STEP = "step"
    """Fires where one step's input reaches the threshold: the Heaviside function of binarised networks."""
    READOUT = "readout"
    """Integrates from 0 and never fires; its potential is the output."""

    @property
    def spikes(self) -> bool:
        """Whether its neurons fire."""
        return self in (Kind.IF, Kind.STEP)

    @property
    def keeps(self) -> bool:
        """Whether the potential is kept from step to step."""
        return self in (Kind.IF, Kind.READOUT)


def _per_neuron(name: str, field: str, value: Array, shape: Shape) -> Array:
    """Return a parameter as (1,1,1), (1,1,C) or (H,W,C); anything else is refused."""
    if value.shape not in ((1, 1, 1), (1, 1, shape[2]), shape):
        raise InvalidNetwork(f"{field} of population {name!r} has shape {value.shape}; it must be (1,1,1), (1,1,{shape[2]}) or {shape}")
    return value


@dataclass(frozen=True, eq=False)
class Population:
    """A group of neurons on one feature map.

    Attributes
    ----------
    name : str
    shape : (H, W, C)
    kind : Kind
    bias, vth, v_init : float64 arrays of shape (1,1,1), (1,1,C) or (H,W,C)
        Added at every step; firing threshold (positive; of a step population at least 0); potential at the start of every sample.
    lambda_ : float64 array (1,1,1) or (1,1,C)
        Activation that rate 1 stands for.
    ceiling : float
        Largest activation of the model's own ReLU; conversion never takes a larger lambda.
    """

    name: str
    shape: Shape
    kind: Kind
    bias: Array
    vth: Array
    v_init: Array
    lambda_: Array
    ceiling: float = inf

    def __post_init__(self) -> None:
        if not self.ceiling > 0:
            raise InvalidNetwork(f"the ceiling of population {self.name!r} is {self.ceiling}; it must be positive")
        for field in ("bias", "vth", "v_init", "lambda_"):
            array = _per_neuron(self.name, field, read_only(getattr(self, field), np.float64), self.shape)
            if not np.isfinite(array).all():
                raise InvalidNetwork(f"{field} of population {self.name!r} is not finite everywhere")
            object.__setattr__(self, field, array)
        if (self.vth < 0).any() or (self.lambda_ <= 0).any() or (self.kind is not Kind.STEP and (self.vth == 0).any()):
            raise InvalidNetwork(f"vth and lambda of population {self.name!r} must be positive")

    @staticmethod
    def ideal(name: str, shape: Shape, kind: Kind, bias: Array | None = None, ceiling: float = inf) -> Population:
        """Return a population before any normalisation: lambda 1, vth 1 (0 for a step), v_init 0."""
        one, zero = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
        return Population(name, shape, kind, zero if bias is None else bias, zero if kind is Kind.STEP else one, zero, one, ceiling)

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self.shape[0] * self.shape[1] * self.shape[2]


@dataclass(frozen=True, eq=False)
class Projection:
    """Linear synapses from one population to another; weights in float64, or as the model has them where nothing was folded into them."""

    source: str
    target: str
    geometry: Geometry

    def __post_init__(self) -> None:
        if not np.isfinite(self.geometry.kernel).all():
            raise InvalidNetwork(f"weights from {self.source!r} to {self.target!r} are not finite everywhere")


@dataclass(frozen=True, eq=False)
class SpikingNetwork:
    """Populations in topological order, and the projections between them.

    Attributes
    ----------
    populations : tuple of Population
        The inputs first.
    projections : tuple of Projection
    codings : tuple of InputCoding
        One for each input.
    timesteps : int or None
        T, the steps one sample is shown for; None before conversion.
    potential_limit : float
        v is clipped to +-potential_limit; infinite except for integers run in float64.
    trace : tuple of str
        The repr of every pass that made this network, in order.
    ideal : SpikingNetwork or None
        Of a calibrated network, the one before: its ideal rates are those of the model, and what calibration aims at.
    """

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    codings: tuple[InputCoding, ...]
    timesteps: int | None = None
    potential_limit: float = inf
    trace: tuple[str, ...] = ()
    ideal: SpikingNetwork | None = None

    def __post_init__(self) -> None:
        check_wiring(
            [(p.name, p.shape, p.kind) for p in self.populations],
            [(p.source, p.target, p.geometry) for p in self.projections],
            self.codings,
        )

    @cached_property
    def by_name(self) -> dict[str, Population]:
        """Populations by name."""
        return {p.name: p for p in self.populations}

    def into(self, target: str) -> tuple[Projection, ...]:
        """Return the projections that end in population `target`."""
        return tuple(p for p in self.projections if p.target == target)

    @cached_property
    def inputs(self) -> tuple[Population, ...]:
        """The input populations."""
        return tuple(p for p in self.populations if p.kind is Kind.INPUT)

    @cached_property
    def readouts(self) -> tuple[Population, ...]:
        """The readout populations, in the order of the model's outputs."""
        return tuple(p for p in self.populations if p.kind is Kind.READOUT)

    @cached_property
    def largest_sent(self) -> dict[str, int]:
        """The largest value that each population sends in one step, by its name."""
        return largest_sent(self.populations, self.codings)

    @property
    def input(self) -> Population:
        """The input population of a network that has one."""
        return only(self.inputs, "input")

    @property
    def readout(self) -> Population:
        """The readout population of a network that has one."""
        return only(self.readouts, "readout")

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """What the model takes."""
        return input_specs(self.inputs, self.codings)

    def with_trace(self, step: object) -> SpikingNetwork:
        """Return the network with the repr of `step` added to its trace."""
        return replace(self, trace=(*self.trace, repr(step)))


class _InputPopulation(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def shape(self) -> Shape: ...


def input_specs(inputs: Sequence[_InputPopulation], codings: Sequence[InputCoding]) -> tuple[InputSpec, ...]:
    """Return what a model takes, from its input populations and their codings."""
    return tuple(
        InputSpec(p.name, p.shape, c.uint8_scale, c.channels_first, c.kind == "events") for p, c in zip(inputs, codings, strict=True)
    )


def largest_sent(populations: Sequence[_InputPopulation], codings: Sequence[InputCoding]) -> dict[str, int]:
    """Return the largest value that each population sends in one step, by its name: 1 but for graded inputs, which come first."""
    return {p.name: 1 for p in populations} | {p.name: c.largest for p, c in zip(populations, codings, strict=False)}


READOUT_SUFFIX = ".readout"
"""What is added to the name of a readout if the tensor it reads is a population of that name."""


def output_name(readout: str) -> str:
    """Return the model's name of an output from that of its readout population."""
    return readout.removesuffix(READOUT_SUFFIX)


def check_wiring(
    populations: Sequence[tuple[str, Shape, Kind]],
    projections: Sequence[tuple[str, str, Geometry]],
    codings: Sequence[InputCoding],
) -> None:
    """Check what every network promises: inputs first, each with a coding, at least one readout, topological order, matching shapes.

    Raises
    ------
    InvalidNetwork
        Naming the first population or projection that breaks the rule.
    """
    order = {name: index for index, (name, _, _) in enumerate(populations)}
    shapes = {name: shape for name, shape, _ in populations}
    kinds = [kind for _, _, kind in populations]
    if len(order) != len(populations):
        raise InvalidNetwork("two populations have the same name")
    inputs = kinds.count(Kind.INPUT)
    if not inputs or Kind.INPUT in kinds[inputs:]:
        raise InvalidNetwork("the first populations, and no others, must be the inputs")
    if len(codings) != inputs:
        raise InvalidNetwork(f"{inputs} inputs and {len(codings)} input codings; every input needs one")
    if Kind.READOUT not in kinds:
        raise InvalidNetwork("no population is a readout")
    for name, shape, _ in populations:
        if len(shape) != 3 or min(shape) < 1:
            raise InvalidNetwork(f"population {name!r} has shape {shape}; all of (H, W, C) must be at least 1")
    silent = {name for name, _, kind in populations if kind is Kind.READOUT}
    for source, target, geometry in projections:
        for name in (source, target):
            if name not in order:
                raise InvalidNetwork(f"the projection {source!r} -> {target!r} names an unknown population {name!r}")
        if source in silent:
            raise InvalidNetwork(f"the projection {source!r} -> {target!r} comes from a readout, which never fires")
        if order[source] >= order[target]:
            raise InvalidNetwork(f"the projection {source!r} -> {target!r} runs against the order of the populations")
        reached = target_shape(geometry, shapes[source])
        if reached != shapes[target]:
            raise InvalidNetwork(f"the projection {source!r} -> {target!r} makes a map of {reached}, its target has {shapes[target]}")
    fed = {target for _, target, _ in projections}
    for name, _, kind in populations[1:]:
        if name not in fed and kind is not Kind.INPUT:
            raise InvalidNetwork(f"population {name!r} has no projection into it")


def depths(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return every population's depth: its longest path from a source, in projections.

    Parameters
    ----------
    names : populations in topological order
    edges : (source, target) pairs
    """
    depth = dict.fromkeys(names, 0)
    sources: dict[str, list[str]] = {name: [] for name in names}
    for source, target in edges:
        sources[target].append(source)
    for name in names:
        depth[name] = max((depth[source] + 1 for source in sources[name]), default=0)
    return depth
