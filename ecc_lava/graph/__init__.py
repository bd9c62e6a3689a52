"""Stage 1, the float CNN: nodes, the graph they form, and its evaluation in float64.

This room knows neither Keras nor spikes. To add a kind of node, write its class in `nodes`, its value in `evaluate` and its case in
`ecc_lava.lowering`; the type checker names every place that lacks the new case.
"""

from ecc_lava.graph.doubts import doubts_of_scale
from ecc_lava.graph.evaluate import forward
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import (
    Add,
    Final,
    Input,
    Linear,
    Maximum,
    MaxPool,
    Node,
    Relu,
    Reshape,
    Scale,
    Sigmoid,
    Softmax,
    Step,
    nodes_for_outputs,
)
from ecc_lava.graph.sharing import shared_forward
from ecc_lava.graph.statistics import Contradiction, contradiction
from ecc_lava.graph.training import Statistics

__all__ = [
    "Add",
    "Contradiction",
    "Final",
    "Graph",
    "Input",
    "Linear",
    "MaxPool",
    "Maximum",
    "Node",
    "Relu",
    "Reshape",
    "Scale",
    "Sigmoid",
    "Softmax",
    "Statistics",
    "Step",
    "contradiction",
    "doubts_of_scale",
    "forward",
    "nodes_for_outputs",
    "shared_forward",
]
