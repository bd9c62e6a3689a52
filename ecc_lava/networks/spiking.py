"""The float spiking network: populations of neurons joined by linear projections, in real units.

Neuron, per timestep::

    v <- v + sum_p W_p . k_p + bias                        (clipped to +-potential_limit; infinite for real networks)
    k  = clip(floor(v / vth), low, m) ;  v <- v - vth * k  (reset by subtraction)

with m and low of the population's `Payload`: 1 and 0 where spikes are binary. A step neuron has no state: its v is 0 before every step's
input, and firing does not reset it.

An ideal ReLU population of rate r, the mean payload of a step, stands for the activation ``lambda * r``. This module holds data only: no
conversion, no simulation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from ecc_lava.common import BINARY, Array, Payload, Shape, read_only
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry import Geometry, WeightGrid, is_binary, mixes_channels
from ecc_lava.inputs import InputCoding, InputRange
from ecc_lava.networks.wiring import Kind, WiredNetwork, WiredPopulation, WiredProjection, per_neuron

__all__ = ["Population", "Projection", "SpikingNetwork"]


@dataclass(frozen=True, eq=False)
class Population(WiredPopulation):
    """A group of neurons on one feature map.

    Attributes
    ----------
    name : str
    shape : (H, W, C)
    kind : Kind
    bias, vth, v_init : float64 arrays of shape (1,1,1), (1,1,C) or (H,W,C)
        Added at every step; firing threshold (positive; of a step population at least 0); potential at the start of every sample.
    lambda_ : float64 array (1,1,1) or (1,1,C)
        Activation that rate 1 stands for: a spike of payload 1 at every step.
    ceiling : float
        Largest activation of the model's own ReLU; conversion never lets the largest payload stand for more.
    payload : Payload
        What a spike carries; binary unless the network was converted for graded spikes.
    observed : float64 array (1,1,C) or None
        Largest magnitude of one step's input and bias over the calibration images, in the potential's units; None if it was not measured.
    own_bits : int or None
        The model itself rounds this activation to ``2**own_bits - 1`` equal steps of its ceiling; None if it does not.
    halves_up : bool
        Whether it then rounds halves of a step up, as the neurons do, or to the even step.
    """

    name: str
    shape: Shape
    kind: Kind
    bias: Array
    vth: Array
    v_init: Array
    lambda_: Array
    ceiling: float = inf
    payload: Payload = BINARY
    observed: Array | None = None
    own_bits: int | None = None
    halves_up: bool = False

    def __post_init__(self) -> None:
        if not self.ceiling > 0:
            raise InvalidNetwork(f"the ceiling of population {self.name!r} is {self.ceiling}; it must be positive")
        for field in ("bias", "vth", "v_init", "lambda_"):
            array = per_neuron(self.name, field, read_only(getattr(self, field), np.float64), self.shape)
            if not np.isfinite(array).all():
                raise InvalidNetwork(f"{field} of population {self.name!r} is not finite everywhere")
            object.__setattr__(self, field, array)
        if self.observed is not None:
            object.__setattr__(self, "observed", per_neuron(self.name, "observed", read_only(self.observed, np.float64), self.shape))
        if (self.vth < 0).any() or (self.lambda_ <= 0).any() or (self.kind is not Kind.STEP and (self.vth == 0).any()):
            raise InvalidNetwork(f"vth and lambda of population {self.name!r} must be positive")

    @staticmethod
    def ideal(name: str, shape: Shape, kind: Kind, bias: Array | None = None, ceiling: float = inf) -> Population:
        """Return a population before any normalisation: lambda 1, vth 1 (0 for a step), v_init 0."""
        one, zero = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
        return Population(name, shape, kind, zero if bias is None else bias, zero if kind is Kind.STEP else one, zero, one, ceiling)


@dataclass(frozen=True, eq=False)
class Projection(WiredProjection):
    """Linear synapses from one population to another. Weights are float64, or of the model's type where nothing was folded into them.

    Attributes
    ----------
    source, target : str
    geometry : Geometry
    grid : WeightGrid or None
        On which grid the model itself has quantised the weights; passes leave such weights as they are but for factors.
    """

    source: str
    target: str
    geometry: Geometry
    grid: WeightGrid | None = None

    def __post_init__(self) -> None:
        if not np.isfinite(self.geometry.kernel).all():
            raise InvalidNetwork(f"weights from {self.source!r} to {self.target!r} are not finite everywhere")

    @property
    def needs_one_lambda(self) -> bool:
        """Whether lambdas by channel of the source would spoil the weights: binarised ones, and those on a grid."""
        return mixes_channels(self.geometry) and (self.grid is not None or is_binary(self.geometry))


@dataclass(frozen=True, eq=False, repr=False)
class SpikingNetwork(WiredNetwork[Population, Projection]):
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
        The network before calibration, if any. Its ideal rates are those of the model; calibration aims at them.
    calibrated : tuple of InputRange
        The range of each input over the calibration images; empty where it is not known.
    """

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    codings: tuple[InputCoding, ...]
    timesteps: int | None = None
    potential_limit: float = inf
    trace: tuple[str, ...] = ()
    ideal: SpikingNetwork | None = None
    calibrated: tuple[InputRange, ...] = ()

    def with_trace(self, step: object) -> SpikingNetwork:
        """Return the network with the repr of `step` added to its trace."""
        return replace(self, trace=(*self.trace, repr(step)))
