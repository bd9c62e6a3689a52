"""What the inputs of a network send for encoded samples: images by their coding, or of a stream the changes of frames."""

from __future__ import annotations

from collections.abc import Mapping

from ecc_lava.backends.table import Network
from ecc_lava.common import Array
from ecc_lava.inputs import changes_of_all, sent_by_all

__all__ = ["sent_by_inputs"]


def sent_by_inputs(network: Network, q: Mapping[str, Array], steps: int, first: int = 0) -> dict[str, Array]:
    """Return what every input population sends, by its name, as back ends take it.

    Parameters
    ----------
    network : QuantisedNetwork or SpikingNetwork
    q : input name -> uint8 array
        As `encode_all` returns it.
    steps : int
        T, or of a stream the number of frames.
    first : int
        Number of the first sample among all that are run.
    """
    if network.is_stream:
        return changes_of_all(q, [p.theta for p in network.inputs])
    return sent_by_all(q, network.codings, steps, first)
