"""The outputs of a draft: a node of its own for every output, Keras's names, and softmax and sigmoid nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecc_lava.graph import Final, Input
from ecc_lava.importers.keras.call import Call
from ecc_lava.importers.keras.draft import Draft
from ecc_lava.importers.keras.tensors import Tensor, natural

__all__ = ["refuse_inner_finals", "write_outputs"]


def write_outputs(draft: Draft, tensors: Sequence[Tensor], names: Sequence[str]) -> list[str]:
    """Give every output a node of its own, with its numbers in Keras's order and the name that Keras gives it; return the names."""
    outputs: list[str] = []
    for tensor in tensors:
        outputs.append(_output(draft, tensor, tensor.name in outputs))
    for index, wanted in enumerate(names):
        inputs = {node.name for node in draft.nodes if isinstance(node, Input)}
        if wanted not in inputs.union(outputs):
            draft.rename(wanted, draft.free(f"{wanted}.map"))
            draft.rename(outputs[index], wanted)
            outputs[index] = wanted
    return outputs


def _output(draft: Draft, tensor: Tensor, taken: bool) -> str:
    """Return the name of an output's node; write a node if the tensor's own is an input, another output, or in another order."""
    node = next(node for node in draft.nodes if node.name == tensor.name)
    in_order = tensor.axes is None or tensor.axes == natural("", tensor.sizes).axes
    if in_order and not taken and not isinstance(node, Input):
        return tensor.name
    call = Call(None, tensor.name, (), taken=draft.names)
    logits = replace(tensor, name=node.source) if isinstance(node, Final) else tensor
    x = call.moved(logits, lambda places: places)
    name = draft.free(f"{tensor.name}.output")
    call.finish(call.final(x, type(node)) if isinstance(node, Final) else x, name)
    written = draft.write(call)
    index = draft.layer_of(tensor.name)
    draft.layers[index] = replace(draft.layers[index], nodes=(*draft.layers[index].nodes, *written))
    return name


def refuse_inner_finals(draft: Draft, outputs: Sequence[str]) -> None:
    """Refuse every softmax or sigmoid that is not an output, or that another node reads."""
    read = {source for node in draft.nodes for source in node.sources}
    for node in draft.nodes:
        if isinstance(node, Final) and (node.name not in outputs or node.name in read):
            draft.refuse_written(node.name, "softmax and sigmoid are supported at the output only; replace it by relu")
