"""What the float and the integer network have in common: kinds of populations, order, depths and the rules of wiring."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from ecc_lava.common import Array, Shape
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry import Geometry, target_shape
from ecc_lava.inputs import InputCoding, InputSpec

__all__ = ["InputCoding", "Kind", "check_wiring", "depths", "input_specs", "largest_sent", "output_name", "per_neuron"]


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
    def is_stateful(self) -> bool:
        """Whether the potential is kept from step to step."""
        return self in (Kind.IF, Kind.READOUT)


def per_neuron(name: str, field: str, value: Array, shape: Shape) -> Array:
    """Return a parameter as (1,1,1), (1,1,C) or (H,W,C); anything else is refused."""
    if value.shape not in ((1, 1, 1), (1, 1, shape[2]), shape):
        raise InvalidNetwork(f"{field} of population {name!r} has shape {value.shape}; it must be (1,1,1), (1,1,{shape[2]}) or {shape}")
    return value


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
