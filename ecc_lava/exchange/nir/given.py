"""What a caller says about a graph of NIR that the graph itself does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ecc_lava.errors import InvalidInput
from ecc_lava.exchange.nir.facts import SUBTRACT, coding_of
from ecc_lava.inputs import InputCoding

__all__ = ["Given"]


class Given:
    """What the caller says about a graph."""

    def __init__(self, timesteps: int | None, reset: str | None, coding: InputCoding | None, dt: float) -> None:
        if reset not in (None, SUBTRACT):
            raise InvalidInput(f"reset {reset!r:.40}; neurons of this tool reset by subtraction, {SUBTRACT!r}")
        if not 0 < dt < np.inf:
            raise InvalidInput(f"dt {dt}; it must be positive and finite")
        self.timesteps, self.reset, self.coding, self.dt = timesteps, reset, coding, dt

    def steps(self, facts: Mapping[str, Any]) -> int:
        """Return T."""
        steps = self.timesteps if self.timesteps is not None else facts.get("timesteps")
        if type(steps) is not int:
            raise InvalidInput("the graph does not say for how many timesteps an image is shown; give timesteps (--timesteps)")
        return steps

    def check_reset(self, facts: Mapping[str, Any]) -> None:
        """Refuse a graph that may mean another reset."""
        if SUBTRACT not in (self.reset, facts.get("reset")):
            raise InvalidInput(
                "the graph does not say that a spike subtracts the threshold (NIR sets the potential to v_reset). If the tool that "
                f"wrote it subtracts, as sinabs does, give reset={SUBTRACT!r} (--reset {SUBTRACT}); "
                "if it sets the potential, train with subtraction"
            )

    def codings(self, facts: Mapping[str, Any], inputs: int) -> tuple[InputCoding, ...]:
        """Return a coding for each input."""
        told = facts.get("codings")
        if self.coding is not None and told is not None:
            raise InvalidInput("the graph itself says how its input is coded; leave the coding out")
        if told is not None:
            if not isinstance(told, list) or len(told) != inputs:
                raise InvalidInput(f"the metadata have no coding for each of {inputs} inputs")
            return tuple(coding_of(value) for value in told)
        coding = self.coding or InputCoding("events")
        if coding.offset != 0:
            raise InvalidInput(f"the input coding has the offset {coding.offset}, unknown to the graph's first layer; it must be 0")
        return (coding,) * inputs
