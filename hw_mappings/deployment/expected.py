"""The result that a deployment must have, from the fast back end on the unpartitioned network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecc_lava.backends import Result, sent_at_steps, simulate
from ecc_lava.common import Array, Images
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.partition import ChipNetwork

__all__ = ["expected_result", "rasters_of"]


def expected_result(on_chip: ChipNetwork, x: Images, timesteps: int | None = None) -> Result:
    """Return the result of `fast` on the unpartitioned network with every population recorded, and the repeaters' part of it.

    A repeater sends what its source does; its potential ends at 0.

    Parameters
    ----------
    on_chip : ChipNetwork
    x : array (N, H, W, C), or arrays by input name
    timesteps : int, optional
    """
    fast = simulate(on_chip.original, x, backend="fast", timesteps=timesteps, record=list(on_chip.original.by_name))
    sources = on_chip.repeats
    return replace(
        fast,
        counts={**fast.counts, **{name: fast.counts[source] for name, source in sources.items()}},
        raster={**fast.raster, **{name: fast.raster[source] for name, source in sources.items()}},
        sent={**fast.sent, **{name: fast.sent[source] for name, source in sources.items() if source in fast.sent}},
        potential={**fast.potential, **{name: np.zeros_like(fast.potential[source]) for name, source in sources.items()}},
    )


def rasters_of(network: QuantisedNetwork, result: Result) -> dict[str, Array]:
    """Return what all recorded populations sent, uint8 or int16 (N, T, H, W, C)."""
    return {name: sent_at_steps(raster, network.by_name[name].shape) for name, raster in result.raster.items()}
