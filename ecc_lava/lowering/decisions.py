"""What became of every node of a lowered graph."""

from __future__ import annotations

from dataclasses import dataclass

from ecc_lava.lowering.folding import OperatorCost
from ecc_lava.networks import SpikingNetwork

__all__ = ["Decision", "Lowering"]


@dataclass(frozen=True)
class Decision:
    """What became of one node of the graph.

    Attributes
    ----------
    node : str
    kind : {"input", "population", "folded", "relay", "maxima", "maxima over a relay", "signs", "readout", "readout over a relay"}
        "relay": the tensor before this node became a relay; "maxima": a tree of populations; "signs": a max-pool of steps, which is a step
        itself. The words ", shared over a relay" follow where many populations read the node's tensor over one relay.
    folded, pair : OperatorCost or None
        The two costs that the choice compared; `folded` is None where folding is not exact.
    """

    node: str
    kind: str
    folded: OperatorCost | None = None
    pair: OperatorCost | None = None


@dataclass(frozen=True)
class Lowering:
    """The network (lambda 1, no timesteps yet), what became of every node, and the names of the populations that are relays."""

    network: SpikingNetwork
    decisions: tuple[Decision, ...]
    relays: frozenset[str] = frozenset()
