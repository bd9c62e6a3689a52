"""The weights into a population, refitted to the rates that really arrive there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.conversion.calibration.changes import with_numbers
from ecc_lava.conversion.calibration.presynaptic import PresynapticInput
from ecc_lava.conversion.calibration.regression import Regression
from ecc_lava.conversion.calibration.weight_sharing import Sharing
from ecc_lava.geometry import Conv, Dense, is_binary, with_kernel, written
from ecc_lava.networks import Population, Projection, SpikingNetwork

__all__ = ["RefittedWeights", "is_refittable", "refitted", "written_together"]


@dataclass(frozen=True)
class _Block:
    """Channels of a population that the same projections write to, whose weights are refitted together.

    Attributes
    ----------
    channels : int array
        Of the population.
    shared : place among the network's projections -> Sharing
    regression : Regression
        Its weights are the shared kernels of all these projections, one below the other.
    """

    channels: Array
    shared: Mapping[int, Sharing]
    regression: Regression

    def added(self, network: SpikingNetwork, change: Float) -> SpikingNetwork:
        """Return the network with a change, (K, channels), added to these projections' weights into these channels."""
        projections, start = list(network.projections), 0
        for place, sharing in self.shared.items():
            geometry = projections[place].geometry
            kernel: Float = geometry.kernel.astype(np.float64)
            own = self.channels - (written(geometry).start or 0)
            stop = start + kernel[..., 0].size // len(sharing.basis) * sharing.basis.shape[1]
            kernel[..., own] += sharing.expanded(change[start:stop]).reshape(*kernel.shape[:-1], own.size)
            projections[place], start = replace(projections[place], geometry=with_kernel(geometry, kernel)), stop
        return replace(network, projections=tuple(projections))


@dataclass(frozen=True)
class RefittedWeights:
    """The weights into a population that are refitted, by the channels that the same projections write to."""

    blocks: tuple[_Block, ...]

    def answered(self, network: SpikingNetwork, error: Array, gains: Float) -> SpikingNetwork:
        """Return the network with the weights that an error of the sampled rates, (M, C), calls for; see `Regression.step`."""
        for block in self.blocks:
            change = block.regression.step(error[:, block.channels])
            if change is not None:
                network = block.added(network, change / np.broadcast_to(gains, error.shape[1])[block.channels])
        return network


def refitted(
    network: SpikingNetwork, population: Population, ideal: Array, arrivals: PresynapticInput
) -> tuple[SpikingNetwork, RefittedWeights | None]:
    """Return the network with the weights into a population corrected towards its ideal input where that helps, and these weights.

    The weights are None if the population has none that can be refitted.
    """
    name = population.name
    chosen = [
        place for place, p in enumerate(network.projections) if p.target == name and is_refittable(p) and not arrivals.is_constant(p.source)
    ]
    if not chosen:
        return network, None
    missing = arrivals.sampled(population, ideal) - arrivals.sampled(population, arrivals.sums(network, name))
    change, blocks = np.zeros((1, 1, population.shape[2])), []
    for channels, places in written_together(network.projections, chosen, population.shape[2]):
        block = _block(network, channels, places, arrivals)
        found = block.regression.correction(missing[:, channels])
        if found is not None:
            network = block.added(network, found.weights)
            change[..., channels] = found.bias
        blocks.append(block)
    if change.any():
        network = with_numbers(network, name, bias=network.by_name[name].bias + change)
    return network, RefittedWeights(tuple(blocks))


def written_together(projections: Sequence[Projection], places: Sequence[int], channels: int) -> list[tuple[Array, tuple[int, ...]]]:
    """Return the channels that the same projections among `places` write to, each with these projections."""
    writes = np.zeros((len(places), channels), bool)
    for row, place in zip(writes, places, strict=True):
        row[written(projections[place].geometry)] = True
    kinds, of_channel = np.unique(writes, axis=1, return_inverse=True)
    kinds_of = [tuple(place for place, is_written in zip(places, kind, strict=True) if is_written) for kind in kinds.T]
    return [(np.flatnonzero(of_channel.ravel() == number), kind) for number, kind in enumerate(kinds_of) if kind]


def _block(network: SpikingNetwork, channels: Array, places: Sequence[int], arrivals: PresynapticInput) -> _Block:
    shared, rates = {}, []
    for place in places:
        p = network.projections[place]
        read = p.geometry.kernel.shape[2] if isinstance(p.geometry, Conv) else network.by_name[p.source].shape[2]
        shared[place] = Sharing.of(p.geometry.kernel[..., channels - (written(p.geometry).start or 0)], read)
        rates.append(shared[place].reduced(arrivals.rates_read(p)))
    return _Block(channels, shared, Regression(rates[0] if len(rates) == 1 else np.concatenate(rates, axis=1)))


def is_refittable(projection: Projection) -> bool:
    """Whether any change of the weights is an operator of the same geometry, and worth it; weights that the model has rounded stay."""
    geometry = projection.geometry
    if projection.grid is not None or is_binary(geometry):
        return False
    return isinstance(geometry, Dense) or (
        isinstance(geometry, Conv) and geometry.groups == 1 and geometry.gain is None and geometry.kernel.shape[2] > 1
    )
