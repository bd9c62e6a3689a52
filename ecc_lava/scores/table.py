"""The tasks, and which of them an output serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Final, Literal

import numpy as np

from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph, Node, Sigmoid, Softmax
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork, output_name
from ecc_lava.scores.classes import CLASSES
from ecc_lava.scores.forms import is_one_hot, is_whole
from ecc_lava.scores.labels import LABELS
from ecc_lava.scores.maps import MAPS
from ecc_lava.scores.regression import REGRESSION
from ecc_lava.scores.task import Output, Task

__all__ = ["TASKS", "outputs_of", "task_of", "tasks_of"]

TASKS: Final = {task.name: task for task in (CLASSES, REGRESSION, MAPS, LABELS)}
"""Name -> task."""


def outputs_of(network: QuantisedNetwork | SpikingNetwork | Graph, graph: Graph | None = None) -> tuple[Output, ...]:
    """Return the outputs of a network, or of a graph itself; without the CNN the final functions are not known."""
    graph = network if isinstance(network, Graph) else graph
    if graph is None:
        assert not isinstance(network, Graph)
        return tuple(Output(output_name(p.name), p.shape) for p in network.readouts)
    made = {node.name: node for node in graph.nodes}
    inputs = {prod(node.shape) for node in graph.inputs} - {1}
    found = []
    for name in graph.outputs:
        node, shape = made[name], graph.shapes[name]
        found.append(Output(name, shape, _final(node), prod(shape) in inputs))
    return tuple(found)


def _final(node: Node) -> Literal["softmax", "sigmoid"] | None:
    match node:
        case Softmax():
            return "softmax"
        case Sigmoid():
            return "sigmoid"
        case _:
            return None


def task_of(output: Output, labels: Array | None = None) -> Task:
    """Return the task that an output serves, by the function that it ends in, its shape, and its labels if there are any.

    A softmax makes classes, on a map one for each position. A sigmoid makes labels, unless the output is as large as an input, which
    makes an autoencoder, or one class is given for each sample. Without either function whole labels make classes, other labels numbers;
    without labels vectors of several numbers are taken as logits of classes, and their error is scored too.
    """
    several = output.size > 1
    if output.final == "softmax":
        return CLASSES if output.is_vector else MAPS
    if output.final == "sigmoid":
        if several and labels is not None and output.is_vector and _one_class(labels, output):
            return CLASSES
        return REGRESSION if output.like_input else LABELS
    if labels is not None:
        return _by_labels(output, labels)
    return CLASSES if several and output.is_vector and not output.like_input else REGRESSION


def _one_class(labels: Array, output: Output) -> bool:
    """Whether labels name one class for each sample."""
    return is_one_hot(labels, output.size) or (labels.size == len(labels) and is_whole(labels))


def _by_labels(output: Output, labels: Array) -> Task:
    if output.size > 1 and _one_class(labels, output):
        return CLASSES
    per_position = labels.size == len(labels) * output.size // output.shape[2]
    if not output.is_vector and output.shape[2] > 1 and (is_one_hot(labels, output.shape[2]) or (per_position and is_whole(labels))):
        return MAPS
    yes_or_no = labels.dtype.kind in "bui" and bool(np.isin(labels, (0, 1)).all())
    return LABELS if yes_or_no and labels.size == len(labels) * output.size else REGRESSION


def tasks_of(outputs: Sequence[Output], labels: Array | None, chosen: str | Mapping[str, str] | None = None) -> tuple[Task, ...]:
    """Return the task of every output.

    Parameters
    ----------
    outputs : sequence of Output
    labels : array, optional
        Of the first output.
    chosen : str, or a mapping of output names to names of tasks, optional
        Tasks in place of those that the outputs show.

    Raises
    ------
    InvalidInput
        If a task or an output has no such name.
    """
    wanted = dict.fromkeys((o.name for o in outputs), chosen) if isinstance(chosen, str) else dict(chosen or {})
    unknown = set(wanted) - {o.name for o in outputs}
    if unknown:
        raise InvalidInput(f"there is no output {', '.join(sorted(unknown))}; the network has {', '.join(o.name for o in outputs)}")
    if wrong := sorted({str(name) for name in wanted.values()} - TASKS.keys()):
        raise InvalidInput(f"task {', '.join(wrong)} is not known; known: {', '.join(TASKS)}")
    found = []
    for index, output in enumerate(outputs):
        name = wanted.get(output.name)
        found.append(task_of(output, labels if index == 0 else None) if name is None else TASKS[name])
    return tuple(found)
