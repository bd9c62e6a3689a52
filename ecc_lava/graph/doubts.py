"""What speaks against the scale in which images are given to a CNN."""

from __future__ import annotations

from ecc_lava.common import Images
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.statistics import contradiction
from ecc_lava.inputs import ImageSource, as_batch, batch_part, by_input, input_ranges, model_inputs, raw_pixels, remedy

__all__ = ["doubts_of_scale"]

IMAGES, VECTORS = 32, 512
"""Images that are looked at, as means over all their positions differ little from those of more; and samples of models without images."""


def doubts_of_scale(graph: Graph, x: Images | ImageSource, events: bool = False) -> tuple[str, ...]:
    """Return what speaks against the scale of images, each with the likely remedy; nothing for images as the model was trained on.

    Two things do: the statistics that the first normalisation keeps of training, and without such statistics pixels of 0..255 that are
    no uint8, which are taken as they are, while uint8 would be divided.

    Parameters
    ----------
    graph : Graph
    x : array (N, H, W, C), or arrays by input name
        As stored: uint8 is scaled.
    events : bool
        Whether the images are events.
    """
    specs = [spec._replace(events=events) for spec in graph.input_specs]
    maps = any(spec.shape[:2] != (1, 1) for spec in specs)
    few = by_input(batch_part(x if isinstance(x, ImageSource) else by_input(x, specs), slice(IMAGES if maps else VECTORS)), specs)
    stored = as_batch(few, specs)
    against = contradiction(graph, model_inputs(few, specs))
    if against is not None:
        name = specs[0].name
        how = (
            None
            if against.better is None
            else remedy(stored[name].dtype, input_ranges(stored, specs)[0], against.better, specs[0].uint8_scale)
        )
        better = f"images of {against.better} would fit; {how}" if how else "scale them as in training"
        return (f"{against.sentence}: {better}, or train the model for longer if its statistics have not settled",)
    raw = [spec for spec in specs if raw_pixels(stored[spec.name], spec)]
    if any(node.seen is not None and node.seen.is_trained for node in graph.scales):
        return ()
    return tuple(
        f"the images of input {spec.name!r} are {stored[spec.name].dtype} pixels of 0 to 255, taken as they are, while uint8 would be "
        f"multiplied by {spec.uint8_scale:.3g}: divide them by 255, or convert with --input-scale 1 if the model takes 0 to 255"
        for spec in raw
    )
