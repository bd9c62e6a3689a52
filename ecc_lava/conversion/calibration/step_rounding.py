"""Weights that decide the signs of a step population's sums of the input: rounded together, as nothing after them makes up for a sign.

A weight of the first layer that is rounded moves the sums near 0 to the other side, and layers of signs multiply such errors. Layers after
it have sums of whole numbers, which are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from ecc_lava.common import Float
from ecc_lava.conversion.calibration.presynaptic import PresynapticInput
from ecc_lava.conversion.calibration.weight_rounding import ROWS, with_rounded_weights
from ecc_lava.conversion.passes.interface import IntegerPass
from ecc_lava.networks import Kind, SpikingNetwork

__all__ = ["StepRounding"]


@dataclass(frozen=True)
class StepRounding(IntegerPass):
    """Round the weights into step populations that read graded inputs alone, so that their sums change least.

    A step population sends ``H(W x + b - theta)`` for an image x. Its weights of C outputs, in steps of ``s_c`` (`weight_steps`), become
    whole numbers ``M`` for which ``E |(W - s M) x|^2`` over the calibration images is small (`rounded_together`), and ``b`` takes
    ``E (W - s M) x``. A sign moves where ``|W x + b - theta|`` is less than what is left of that sum.

    Parameters, of `IntegerPass`, are the format and the width of weights in bits. A population whose weights quantisation would round again
    stays as it is, and so does one whose weights are wider than two synapses, as these need no rounding together; weights that a format
    cannot hold are refused by `quantise`, not here.

    Source: that of `weight_rounding`, used where nothing after a layer makes up for its rounding.
    """

    fits_rates: ClassVar[bool] = False

    def __call__(self, network: SpikingNetwork, images: Mapping[str, Float]) -> SpikingNetwork:
        """Return the network with these weights rounded; `rate_forward` still is that of `network`."""
        constant = {p.name for p, coding in zip(network.inputs, network.codings, strict=True) if coding.kind == "graded"}
        names = [
            p.name
            for p in network.populations
            if p.kind is Kind.STEP and all(projection.source in constant for projection in network.into(p.name))
        ]
        if not names:
            return network
        arrivals, rounded = PresynapticInput(network, images, *self.integers(network), ROWS), network
        names = [name for name in names if not arrivals.is_carried(name)]
        for done, name in enumerate(names):
            self.tell("rounding weights of signs", done, len(names))
            rounded = with_rounded_weights(rounded, name, arrivals)
        return replace(rounded, ideal=network.ideal or network)
