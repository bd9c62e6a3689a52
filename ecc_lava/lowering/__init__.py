"""From a graph to a spiking network of ideal ReLU populations.

Every tensor becomes an affine expression over populations; `folding` chooses whether an operator is folded or read over a relay.
Nothing here knows timesteps, spikes or integers. A new kind of node needs a case in `lower`.
"""

from ecc_lava.lowering.decisions import Decision, Lowering
from ecc_lava.lowering.folding import FOLD_LIMIT, OperatorCost
from ecc_lava.lowering.lower import lower

__all__ = ["FOLD_LIMIT", "Decision", "Lowering", "OperatorCost", "lower"]
