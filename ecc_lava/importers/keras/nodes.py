"""What the importer does to graph nodes after writing them: renaming, and a look at the range of the inputs."""

from __future__ import annotations

from dataclasses import replace

from ecc_lava.graph import Add, Input, Maximum, Node, Reshape, Scale

__all__ = ["rescales_itself", "with_name"]


def with_name(node: Node, old: str, new: str) -> Node:
    """Return a node as it is after a node was renamed: itself, or a node that it reads."""
    if node.name == old:
        return replace(node, name=new)
    if isinstance(node, Add | Maximum):
        return replace(node, sources=tuple(new if source == old else source for source in node.sources))
    return node if isinstance(node, Input) or node.source != old else replace(node, source=new)


PIXEL_FACTOR_MAX = 0.2
"""A first layer with a factor below this takes pixels of 0..255; a Normalization of pixels in [0, 1] has a factor above 1."""


def rescales_itself(nodes: list[Node]) -> bool:
    """Whether the first layers scale all images of 0..255 to a small range, so that the model takes uint8 images as they are.

    Inputs that are vectors count only in models without images.
    """
    inputs = [node for node in nodes if isinstance(node, Input)]
    images = [node for node in inputs if node.shape[:2] != (1, 1)] or inputs
    readers = [node for image in images for node in _readers(nodes, image)]
    return bool(readers) and all(isinstance(node, Scale) and float(abs(node.scale).max()) < PIXEL_FACTOR_MAX for node in readers)


def _readers(nodes: list[Node], source: Node) -> list[Node]:
    """Return the nodes that read a tensor, behind layers that do nothing at inference, such as augmentation."""
    found: list[Node] = []
    for node in nodes:
        if source.name in node.sources:
            found += _readers(nodes, node) if isinstance(node, Reshape) else [node]
    return found
