"""The CNN's outputs on images that are read when they are wanted, shared among the workers of a cluster if there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ecc_lava.cluster import Shards, shared_out
from ecc_lava.common import Images, Outputs, StageProgress, joined
from ecc_lava.graph.evaluate import BATCH, forward
from ecc_lava.graph.graph import Graph
from ecc_lava.inputs import ImageSource, InputSpec, batch_part, batch_size, model_images

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["shared_forward"]


def shared_forward(
    graph: Graph,
    x: Images | ImageSource,
    inputs: Sequence[InputSpec],
    client: Client | None = None,
    progress: StageProgress | None = None,
) -> Outputs:
    """Return what `forward` does, on batches of the same images wherever they run.

    Parameters
    ----------
    graph : Graph
    x : array (N, H, W, C), arrays by input name, or ImageSource
    inputs : the network's inputs
        Events are given as their mean.
    client : distributed.Client, optional
    progress : callable (images done, images), optional
    """
    samples, tell = batch_size(x), progress or (lambda done, total: None)
    starts = range(0, samples, BATCH)
    shards = Shards(
        [min(BATCH, samples - start) for start in starts],
        lambda index: model_images(batch_part(x, slice(starts[index], starts[index] + BATCH)), inputs),
        progress=lambda done, total, report: tell(done, total),
    )
    return joined(shared_out(client, forward, graph, shards))
