"""Current normalisation (CN): rate 1 stands for lambda."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecc_lava.common import Float
from ecc_lava.conversion.activations import activation_scale
from ecc_lava.conversion.lambda_floor import floored
from ecc_lava.conversion.own_grids import on_own_steps
from ecc_lava.conversion.rescaling import rescaled
from ecc_lava.errors import InvalidInput
from ecc_lava.networks import Kind, SpikingNetwork

__all__ = ["CurrentNormalisation"]


@dataclass(frozen=True)
class CurrentNormalisation:
    """Current normalisation (CN): ``W <- W * lambda_source / lambda_target, b <- b / lambda_target``, threshold 1.

    The largest payload m at every step, which is rate 1 of binary spikes, then stands for lambda, a statistic of a population's ideal
    activation over the calibration images: the population's own lambda, of rate 1, is a share of 1/m. A population that
    feeds binarised weights, or weights that the model itself has rounded, has one lambda even with `per` "channel", so that these stay as
    they are (`own_grids`). Step populations have no lambda: their values are 0 or 1.

    Attributes
    ----------
    per : {"layer", "channel"}
        Whether a population has one lambda, or each of its channels has its own.
    percentile : float
        In (0, 100]; 100 is the maximum. Activations above lambda are clipped when the network spikes.
    """

    per: str = "layer"
    percentile: float = 100.0

    def __post_init__(self) -> None:
        if self.per not in ("layer", "channel"):
            raise InvalidInput(f"lambda per {self.per!r}; it is per 'layer' or per 'channel'")
        if not 0 < self.percentile <= 100:
            raise InvalidInput(f"percentile {self.percentile}; it lies above 0 and at most at 100")

    def __call__(self, network: SpikingNetwork, images: Mapping[str, Float]) -> SpikingNetwork:
        """Return the normalised network."""
        together = {p.source for p in network.projections if p.needs_one_lambda}
        per = {p.name: "layer" if p.name in together else self.per for p in network.populations if p.kind is Kind.IF}
        if not per:
            return network
        scale = floored(network, activation_scale(network, images, per, self.percentile))
        lambdas = {name: lambda_ / network.by_name[name].payload.largest for name, lambda_ in scale.items()}
        return rescaled(*on_own_steps(network, lambdas))
