"""A tracker that follows an object by correlating an embedding of its first look with embeddings of windows around its last place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecc_lava.backends import Result
from ecc_lava.common import Array, Shape, StageProgress
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph
from ecc_lava.importers.keras import from_keras, with_input_shapes
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.tracking.boxes import Box, checked_box, checked_frame
from ecc_lava.tracking.embeddings import Embedding, FloatEmbedding, IntegerEmbedding, Responses
from ecc_lava.tracking.layout import checked_shape, layout_of
from ecc_lava.tracking.responses import Following, best_move
from ecc_lava.tracking.windows import pixel_size, windows_at

__all__ = ["Siamese", "track"]

SMALLEST, LARGEST = 0.2, 5.0
"""Limits of a box's width and height, in those of the first box."""


@dataclass(frozen=True, eq=False)
class _Sought:
    """The object that a tracker follows: the first frame and box, where the object is, and what answers its exemplar."""

    frame: Array
    first: Box
    box: Box
    responses: Responses


class Siamese:
    """Follows an object through frames by the correlation of its embedding with that of a search window.

    ``box <- box moved to the largest of r = sum f(z) f(x)``, with f the embedding, z the exemplar of the first frame and x a window around
    the last box, at three sizes. In a network of integers the exemplar's features are weights: the network runs once on the first window,
    its answer in the window's middle is quantised and becomes the kernel of the last projection, and the response is the readout. So one
    network is both branches. An exemplar is the middle of a search window: where the embedding pads nothing, its features are those of
    the exemplar alone.

    Source: Bertinetto et al., ECCV 2016 workshops (SiamFC); as spikes Luo et al., "SiamSNN", arXiv 2003.07584.

    Parameters
    ----------
    embedding : keras.Model, Graph or QuantisedNetwork
        Convolutions, pools and activations: no layer fixes the size of its input. A model or graph runs in float64, a network in its own
        integers: binary spikes over T steps, payloads, or a stream of changes, whose state goes on from step to step. A stream is simulated
        from its first frame at every step, so that a sequence takes time as the square of its length; a chip would keep its state.
    exemplar_shape, search_shape : (H, W, C)
        Pixels of the exemplar and of the search window, as the embedding takes them; a network takes windows of `search_shape`. The
        difference of the two sizes is an even multiple of the embedding's stride.
    following : Following, optional
        Numbers of the search.
    backend : str
        What runs a network: `fast`, `golden` or `lava`.

    Attributes
    ----------
    network : Graph or QuantisedNetwork
        What computes the responses to the present exemplar; it can be checked, mapped and deployed. After `start`.
    result : Result or None
        The simulation of the last step's three windows, with its events; None of a float embedding, or before the first step.

    Raises
    ------
    InvalidInput
        If the embedding has several inputs or outputs, takes other windows, is not convolutional, or the sizes do not suit its stride.
    """

    def __init__(
        self,
        embedding: Graph | QuantisedNetwork | Any,
        exemplar_shape: Sequence[int],
        search_shape: Sequence[int],
        *,
        following: Following | None = None,
        backend: str = "fast",
    ) -> None:
        exemplar, search = checked_shape(exemplar_shape, "exemplar_shape"), checked_shape(search_shape, "search_shape")
        self._embedding = _embedding(embedding, search, backend)
        self._layout = layout_of(self._embedding, exemplar, search)
        self._following = Following() if following is None else following
        self._sought: _Sought | None = None

    @property
    def network(self) -> Graph | QuantisedNetwork:
        """What computes the responses to the present exemplar."""
        return self._started().responses.network

    @property
    def result(self) -> Result | None:
        """The simulation of the last step's windows."""
        return self._started().responses.result

    def start(self, frame: Array, box: Sequence[float] | Array) -> None:
        """Take the object in a box of the first frame as the exemplar.

        Parameters
        ----------
        frame : array (H, W, C), or (H, W) of one channel
            Of any size; uint8, or floats in the model's units.
        box : (x, y, width, height)
            In pixels, inside the frame.

        Raises
        ------
        InvalidInput
            If the frame has other channels or holds NaN or infinity, or the box is smaller than 2 pixels or reaches outside.
        """
        frame = checked_frame(frame, self._layout.search[2])
        first = checked_box(box, frame)
        found = self._embedding.features(self._windows(frame, first, [1.0]))[0].reshape(self._layout.features)
        self._sought = _Sought(frame, first, first, self._embedding.against(found[self._layout.middle]))

    def step(self, frame: Array) -> Box:
        """Return the box of the object in the next frame, (x, y, width, height) in pixels.

        Raises
        ------
        InvalidInput
            Before `start`, or if the frame has another size or type than the first, or holds NaN or infinity.
        RangeError
            If a potential of a stream or of the response leaves its range.
        """
        sought = self._started()
        frame = checked_frame(frame, self._layout.search[2], sought.frame)
        scales = self._following.scales
        responses = sought.responses(self._windows(frame, sought.box, scales)).reshape(len(scales), *self._layout.cells)
        move = best_move(responses, self._following)
        box = self._moved(sought, move.x, move.y, float(scales[move.scale]))
        self._sought = _Sought(sought.frame, sought.first, box, sought.responses)
        return box

    def _started(self) -> _Sought:
        if self._sought is None:
            raise InvalidInput("the tracker follows nothing yet; call start(frame, box) first")
        return self._sought

    def _windows(self, frame: Array, box: Box, scales: Sequence[float] | Array) -> Array:
        """Return the search windows around a box, one for each scale."""
        pixel = pixel_size(box, self._layout.exemplar, self._following.context)
        return windows_at(frame, (box[0] + box[2] / 2, box[1] + box[3] / 2), pixel * np.asarray(scales), self._layout.search)

    def _moved(self, sought: _Sought, x: float, y: float, scale: float) -> Box:
        """Return the box after a move of so many cells in the window of a scale; its middle stays inside the frame."""
        box, damping = sought.box, self._following.scale_damping
        stride = self._layout.stride
        pixel = pixel_size(box, self._layout.exemplar, self._following.context) * scale
        middle = box[0] + box[2] / 2 + x * stride[1] * pixel, box[1] + box[3] / 2 + y * stride[0] * pixel
        size = [
            float(np.clip(now * (1.0 + damping * (scale - 1.0)), SMALLEST * first, LARGEST * first))
            for now, first in zip(box[2:], sought.first[2:], strict=True)
        ]
        kept = [float(np.clip(place, 0.0, edge)) for place, edge in zip(middle, sought.frame.shape[1::-1], strict=True)]
        return kept[0] - size[0] / 2, kept[1] - size[1] / 2, size[0], size[1]


def track(tracker: Siamese, frames: Array, box: Sequence[float] | Array, progress: StageProgress | None = None) -> Array:
    """Return the boxes of an object in all frames, float64 (F, 4); the first is the given one.

    Parameters
    ----------
    tracker : Siamese
        Started anew.
    frames : array (F, H, W, C)
    box : (x, y, width, height)
        In the first frame.
    progress : callable (frames done, frames), optional

    Raises
    ------
    InvalidInput
        If there is no frame, or as `Siamese.start` and `Siamese.step`; the message names the frame.
    """
    if not len(frames):
        raise InvalidInput("there are no frames; a sequence has at least one")
    boxes = np.empty((len(frames), 4))
    for at, frame in enumerate(frames):
        try:
            if at == 0:
                tracker.start(frame, box)
                boxes[0] = box
            else:
                boxes[at] = tracker.step(frame)
        except InvalidInput as error:
            raise InvalidInput(f"frame {at}: {error}") from error
        if progress is not None:
            progress(at + 1, len(frames))
    return boxes


def _embedding(given: Graph | QuantisedNetwork | Any, search: Shape, backend: str) -> Embedding:
    """Return the embedding that a model, graph or network is; its windows have the shape `search`."""
    made: Embedding
    if isinstance(given, QuantisedNetwork):
        made = IntegerEmbedding(given, backend)
    else:
        made = FloatEmbedding(given if isinstance(given, Graph) else _imported(given, search))
    if made.input_spec.shape != search:
        raise InvalidInput(
            f"search_shape {search}; the embedding takes windows of {made.input_spec.shape}: give this shape, or convert anew"
        )
    return made


def _imported(model: Any, search: Shape) -> Graph:
    """Return the graph of a Keras model, whose input may leave sizes open."""
    return from_keras(with_input_shapes(model, {"": search}) if hasattr(model, "layers") else model)
