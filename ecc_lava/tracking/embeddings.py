"""An embedding's features of a window, and the network that correlates windows with an exemplar's features.

The response to a window x is the valid cross-correlation of both embeddings: ``r[i, j] = sum_{a, b, c} k[a, b, c] * f(x)[i+a, j+b, c]``
with k the exemplar's features. It is one more convolution behind the embedding, and its output is read out. This convolution takes up what
the embedding does behind its last spikes: the last populations of an embedding that ends in a ReLU send straight into the response.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Protocol

import numpy as np

from ecc_lava.backends import Result, simulate
from ecc_lava.common import Array, Float, Shape, first_output
from ecc_lava.conversion import frame_by_frame, sigma_delta
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Conv, apply, composition_of, scaled_by_target, target_shape, with_kernel
from ecc_lava.graph import Final, Graph, Linear, forward
from ecc_lava.inputs import InputSpec
from ecc_lava.networks import READOUT_SUFFIX, Projection, QuantisedNetwork, SpikingNetwork
from ecc_lava.quantisation import as_float, with_readout

__all__ = ["Embedding", "FloatEmbedding", "IntegerEmbedding", "Responses", "responding"]

RESPONSE = "response"
"""Name of the output of a network that correlates."""


class Responses(Protocol):
    """The responses of windows to one exemplar."""

    @property
    def network(self) -> Graph | QuantisedNetwork:
        """What computes them."""
        ...

    @property
    def result(self) -> Result | None:
        """The simulation of the last windows; None of a float embedding, or before the first windows."""
        ...

    def __call__(self, windows: Array) -> Float:
        """Return the responses (N, positions) to the next windows (N, H, W, C); a stream takes as many windows every time."""
        ...


class Embedding(Protocol):
    """What the tracker needs of an embedding."""

    @property
    def input_spec(self) -> InputSpec:
        """What the embedding takes: windows."""
        ...

    def feature_shape(self, window: Shape) -> Shape:
        """Return the map that the embedding makes of a window of this shape; `InvalidNetwork` if it takes none of this shape."""
        ...

    def features(self, windows: Array) -> Float:
        """Return the embedding's output for windows (N, H, W, C), flat: (N, neurons)."""
        ...

    def against(self, kernel: Array) -> Responses:
        """Return what gives the responses to an exemplar of the features `kernel`, (h, w, C)."""
        ...


class FloatEmbedding:
    """A float CNN as an embedding."""

    def __init__(self, graph: Graph) -> None:
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise InvalidInput(f"the embedding has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; it needs one of each")
        self._graph = graph
        self.input_spec = graph.input_specs[0]

    def feature_shape(self, window: Shape) -> Shape:
        """Return the map that the embedding makes of a window of this shape."""
        (output,) = self._graph.logits.values()
        return replace(self._graph, nodes=(replace(self._graph.input, shape=window), *self._graph.nodes[1:])).shapes[output]

    def features(self, windows: Array) -> Float:
        """Return the embedding's output for windows, flat."""
        return np.asarray(forward(self._graph, windows))

    def against(self, kernel: Array) -> Responses:
        """Return what gives the responses to an exemplar."""
        (output,) = self._graph.logits.values()
        kept = tuple(node for node in self._graph.nodes if not isinstance(node, Final))
        name = _free(RESPONSE, {node.name for node in kept})
        last = Linear(name, output, Conv(kernel[..., None]), np.zeros(1))
        return _FloatResponses(replace(self._graph, nodes=(*kept, last), outputs=(name,)))


class _FloatResponses:
    result: Result | None = None

    def __init__(self, graph: Graph) -> None:
        self.network: Graph | QuantisedNetwork = graph
        self._graph = graph

    def __call__(self, windows: Array) -> Float:
        return np.asarray(forward(self._graph, windows))


class IntegerEmbedding:
    """An integer network as an embedding: of binary spikes over T steps, of payloads, or a stream of changes."""

    def __init__(self, network: QuantisedNetwork, backend: str) -> None:
        if len(network.inputs) != 1 or len(network.readouts) != 1:
            raise InvalidInput(f"the embedding has {len(network.inputs)} inputs and {len(network.readouts)} outputs; it needs one of each")
        self._network, self._backend = network, backend
        self.input_spec = network.input_specs[0]
        if any(step.startswith("with_readout(") for step in network.trace):
            raise InvalidInput("the network is a tracker's, whose output is a response; give the embedding that it was made from")
        if self.input_spec.events:
            raise InvalidInput("the embedding takes events; a tracker cuts windows out of images: convert it with another --coding")

    def feature_shape(self, window: Shape) -> Shape:
        """Return the map that the embedding makes of a window of this shape."""
        shapes = {self._network.input.name: window}
        for p in self._network.projections:
            shapes[p.target] = target_shape(p.geometry, shapes[p.source])
        return shapes[self._network.readout.name]

    def features(self, windows: Array) -> Float:
        """Return the embedding's output for windows, flat; a stream takes each window whole."""
        given = windows[:, None] if self._network.is_stream else windows
        return first_output(simulate(self._network, given, backend=self._backend).logits).reshape(len(windows), -1).astype(np.float64)

    def against(self, kernel: Array) -> Responses:
        """Return what gives the responses to an exemplar."""
        return _IntegerResponses(responding(self._network, kernel), self._backend)


class _IntegerResponses:
    def __init__(self, network: QuantisedNetwork, backend: str) -> None:
        self.network: Graph | QuantisedNetwork = network
        self.result: Result | None = None
        self._integers, self._backend = network, backend
        self._frames: list[Array] = []

    def __call__(self, windows: Array) -> Float:
        if not self._integers.is_stream:
            self.result = simulate(self._integers, windows, backend=self._backend)
            return first_output(self.result.logits).astype(np.float64)
        seen = [*self._frames, windows]  # each scale is a sequence, whose every frame is known only after the one before it
        self.result = simulate(self._integers, np.stack(seen, axis=1), backend=self._backend)
        self._frames = seen
        return first_output(self.result.logits)[:, -1].astype(np.float64)


def responding(network: QuantisedNetwork, kernel: Array) -> QuantisedNetwork:
    """Return an embedding's integer network with the response to an exemplar as its readout.

    The weights of the last projection are the exemplar's features in units of what the embedding's last populations send, rounded to the
    network's width. All other integers are those of the embedding.

    Parameters
    ----------
    network : QuantisedNetwork
        With one input and one readout; a stream gives a stream of the same thresholds.
    kernel : float64 array (h, w, C)
        The exemplar's features.

    Raises
    ------
    InvalidInput
        If the embedding's output is not made by convolutions.
    RangeError
        As `ecc_lava.quantisation.with_readout`.
    """
    plain = frame_by_frame(network) if network.is_stream else network
    own, correlation = as_float(plain), Conv(kernel[..., None])
    name = _free(RESPONSE, {p.name for p in plain.populations})
    projections = tuple(_behind(p, correlation, own, name) for p in own.into(own.readout.name))
    bias = np.broadcast_to(own.readout.bias * own.readout.lambda_, own.readout.shape)
    constant = apply(correlation, bias[None])[0]
    made = with_readout(plain, projections, constant if np.ptp(constant) else constant[:1, :1])
    return sigma_delta(made, {p.name: p.theta for p in network.populations if p.theta}) if network.is_stream else made


def _behind(projection: Projection, correlation: Conv, network: SpikingNetwork, name: str) -> Projection:
    """Return the projection into the response that correlates what a projection adds to the embedding's output."""
    per_logit = np.broadcast_to(network.readout.lambda_.ravel(), network.readout.shape[2])
    feature = with_kernel(projection.geometry, scaled_by_target(projection.geometry, per_logit))
    both = composition_of(correlation, feature, network.by_name[projection.source].shape)
    if both is None:
        raise InvalidInput(
            f"the embedding's output reads {projection.source!r} by an operator that no convolution can follow in one step; "
            "end the embedding with a ReLU"
        )
    return Projection(projection.source, name, both.made())


def _free(name: str, taken: Collection[str]) -> str:
    """Return a name for the response that nothing of the embedding has."""
    return f"{name}{READOUT_SUFFIX}" if name in taken else name
