"""What a pass is: a frozen dataclass whose fields are its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol, TypeVar

from ecc_lava.common import Float, Progress
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph
from ecc_lava.networks import SpikingNetwork
from ecc_lava.quantisation import Bits

__all__ = ["IntegerPass", "Pass"]


class Pass(Protocol):
    """What a recipe is made of."""

    def __call__(self, network: SpikingNetwork, images: Mapping[str, Float]) -> SpikingNetwork:
        """Return the changed network; `images` are calibration images (N, H, W, C) of every input, in the model's units."""
        ...


@dataclass(frozen=True)
class IntegerOptions:
    """What `convert` tells the passes that run integers.

    Attributes
    ----------
    format : str
    bits : int or mapping
        Width of the weights.
    graph : Graph
    progress : callable or None
    """

    format: str
    bits: Bits
    graph: Graph
    progress: Progress | None = None


OwnPass = TypeVar("OwnPass", bound="IntegerPass")


@dataclass(frozen=True)
class IntegerPass:
    """A pass that runs the integers that the network will be quantised to.

    Attributes
    ----------
    format : str or None
        Number format of the integers; None takes the format given to `convert`.
    bits : int, mapping or None
        Width of the weights; None takes the bits given to `convert`.
    progress : callable or None
        Called at every step of the pass; not part of the repr.
    observes : bool
        Whether the pass itself measures `Population.observed` of every population, before it quantises it.
    fits_rates : bool
        Whether the pass fits the rates of integrate-and-fire neurons, so that a network without them needs none of it.
    """

    observes: ClassVar[bool] = False
    fits_rates: ClassVar[bool] = True
    format: str | None = None
    bits: Bits | None = None
    progress: Progress | None = field(default=None, repr=False, compare=False, kw_only=True)

    def of(self: OwnPass, options: IntegerOptions) -> OwnPass:
        """Return the pass with the options' format and bits where its own are None; subclasses may also read the graph."""
        return replace(self, format=self.format or options.format, bits=self.bits or options.bits, progress=options.progress)

    def integers(self, network: SpikingNetwork) -> tuple[str, Bits]:
        """Return number format and width of the integers that the pass runs.

        Raises
        ------
        InvalidInput
            If one of them or T is not known.
        """
        if network.timesteps is None or self.format is None or self.bits is None:
            raise InvalidInput(
                f"passes such as {type(self).__name__} need timesteps, a number format and a width of weights; use them in `convert`"
            )
        return self.format, self.bits

    def tell(self, stage: str, done: int, total: int) -> None:
        """Report progress to the caller, if the pass has one that listens."""
        if self.progress is not None:
            self.progress(stage, done, total)
