"""The files that commands open: models, networks and images."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import inf
from pathlib import Path
from typing import Any, Final

import numpy as np

from ecc_lava.analysis import doubts_of_labels
from ecc_lava.common import Array, Beside, Images
from ecc_lava.conversion import calibration_subset, drawn_images
from ecc_lava.errors import InvalidInput, UnsupportedModel
from ecc_lava.graph import Graph
from ecc_lava.importers.keras import ExaminedLayer, examined_file
from ecc_lava.inputs import (
    Dataset,
    ImageSource,
    InputSpec,
    StoredDataset,
    as_batch,
    batch_size,
    digest,
    is_hdf5,
    load_dataset,
    open_dataset,
)
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork
from ecc_lava.scores import check_labels

__all__ = [
    "CalibrationDraw",
    "begin_opening",
    "check_labels_of_file",
    "examine_model",
    "float_network",
    "import_model",
    "load_images",
    "make_folder",
    "open_images",
    "some_images",
    "tell_doubts_of_labels",
    "with_input_scale",
]

LARGE_BYTES: Final = 2**26
"""Bytes of a file from which on its images are read when they are wanted."""

RANDOM_FRAMES: Final = 4
"""Frames of a random sequence."""

_log = logging.getLogger(__name__)


def examine_model(path: Path, input_shape: Sequence[str] | None) -> tuple[tuple[ExaminedLayer, ...], Graph | UnsupportedModel]:
    """Return the layers of a model file, and its graph or why there is none; the given shapes fix the sizes that the model leaves open."""
    try:
        return examined_file(path, _shapes(input_shape or ()))
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from error


def _shapes(given: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the given shapes by input; an input that is not named has the empty name."""
    shapes: dict[str, tuple[int, ...]] = {}
    for text in given:
        name, _, sizes = text.rpartition("=")
        try:
            shapes[name] = tuple(int(size) for size in sizes.split(","))
        except ValueError as error:
            raise InvalidInput(f"--input-shape {text}: give one to three sizes, such as 28 28 1, or NAME=28,28,1") from error
    return shapes


def import_model(path: Path, input_shape: Sequence[str] | None = None, input_scale: float | None = None) -> Graph:
    """Return the graph of a model file; `examine_model` explains the shapes."""
    _, graph = examine_model(path, input_shape)
    if isinstance(graph, UnsupportedModel):
        raise graph
    return with_input_scale(graph, input_scale)


def with_input_scale(graph: Graph, input_scale: float | None) -> Graph:
    """Return a graph with the given factor on uint8 images, if one is given."""
    if input_scale is None:
        return graph
    if not 0 < input_scale < inf:
        raise InvalidInput(f"--input-scale {input_scale}; it must be positive and finite")
    return replace(graph, uint8_scale=input_scale)


@dataclass(frozen=True)
class CalibrationDraw:
    """Calibration images of a file.

    Attributes
    ----------
    all : Images or ImageSource
        All images of the file.
    count : int
        How many are drawn.
    labels : array or None
        Of all images.
    seed : int
        The seed of the draw.
    """

    all: Images | ImageSource
    count: int
    labels: Array | None
    seed: int

    @staticmethod
    def of(found: Dataset | StoredDataset, count: int, seed: int) -> CalibrationDraw:
        """Return the draw of so many of a file's images."""
        return CalibrationDraw(found.x, count, found.y, seed)

    @cached_property
    def indices(self) -> Array:
        """Numbers of the images that are drawn."""
        return calibration_subset(batch_size(self.all), self.seed, self.count)

    @cached_property
    def images(self) -> Images:
        """The images that are drawn."""
        return drawn_images(self.all, self.seed, self.count)

    def of_seed(self, seed: int) -> CalibrationDraw:
        """Return the draw of another seed."""
        return replace(self, seed=seed)

    def origin(self) -> dict[str, Any]:
        """Return what a network file says of them: the digest of all images or, where the file is not read whole, of those drawn."""
        whole = not isinstance(self.all, ImageSource)
        which = {} if whole else {"digest_of": "drawn"}
        return {"digest": digest(self.all if whole else self.images), **which, "indices": self.indices.tolist(), "seed": self.seed}


def tell_doubts_of_labels(graph: Graph, drawn: CalibrationDraw, inputs: Sequence[InputSpec]) -> None:
    """Warn if labels of the drawn images, where a file has some, make these or themselves implausible."""
    labels = None if drawn.labels is None else drawn.labels[drawn.indices]
    for doubt in doubts_of_labels(graph, drawn.images, labels, inputs):
        _log.warning("%s", doubt)


def float_network(path: Path, snn: SpikingNetwork | None) -> SpikingNetwork:
    """Return the float network that was read from a file, or raise an error if the file holds none."""
    if snn is None:
        raise InvalidInput(f"{path}: holds no float network; convert the model again, or use --backend fast")
    return snn


def load_images(path: Path, split: str, inputs: Sequence[InputSpec], limit: int | None = None) -> Dataset:
    """Return the images of a file, of a shape that the network takes, and their labels."""
    return _fitting(load_dataset(path, split, limit, inputs), path, inputs)


def open_images(path: Path, split: str, inputs: Sequence[InputSpec], limit: int | None, lazily: bool = False) -> Dataset | StoredDataset:
    """Return the images of a file and their labels; large ones, and with `lazily` all, are read when they are wanted.

    Sequences of a stream are read at once.
    """
    if any(spec.frames for spec in inputs) or not (lazily or path.is_dir() or _is_large(path)):
        return load_images(path, split, inputs, limit)
    found = open_dataset(path, split, limit, inputs)
    if found is None:
        return load_images(path, split, inputs, limit)
    as_batch(found.x.part(0, 1), inputs, str(path))
    if lazily or len(found.x) * found.x.image_bytes >= LARGE_BYTES:
        return found
    return _fitting(Dataset(found.x.part(0, len(found.x)), found.y, found.all_y), path, inputs)


def _is_large(path: Path) -> bool:
    return path.is_file() and (path.stat().st_size >= LARGE_BYTES or is_hdf5(path))


def begin_opening(path: Path, split: str, limit: int | None = None) -> Callable[[Sequence[InputSpec]], Dataset | StoredDataset]:
    """Begin to read a file beside other work; the function returned takes the inputs of a network and returns what `open_images` does."""
    if path.is_dir() or _is_large(path):  # images of a folder get the size that the network takes
        return partial(open_images, path, split, limit=limit)
    stored = Beside(partial(load_dataset, path, split, limit))
    return lambda inputs: _fitting(stored.result(), path, inputs)


def _fitting(stored: Dataset, path: Path, inputs: Sequence[InputSpec]) -> Dataset:
    as_batch(stored.x, inputs, str(path))
    return stored


def check_labels_of_file(
    path: Path, images: Dataset | StoredDataset, network: Graph | QuantisedNetwork, task: str | dict[str, str] | None = None
) -> None:
    """Check all labels of a file, those beyond the limit too, against the first output."""
    if images.all_y is None:
        return
    try:
        check_labels(network, images.all_y, task)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from error


def some_images(path: Path | None, network: QuantisedNetwork, limit: int, seed: int) -> Dataset:
    """Return the first test images or sequences of a file, or random ones if no file is given."""
    if path is not None:
        return load_images(path, "test", network.input_specs, limit)
    rng = np.random.default_rng(seed)

    def one(spec: InputSpec) -> Array:
        if spec.frames:
            return rng.integers(0, 256, (limit, RANDOM_FRAMES, *spec.shape), np.uint8)
        if spec.events:
            return rng.integers(0, 2, (limit, network.timesteps, *spec.shape), np.uint8)
        return rng.integers(0, 256, (limit, *spec.shape), np.uint8)

    batch = {spec.name: one(spec) for spec in network.input_specs}
    given = {s.name: np.moveaxis(batch[s.name], -1, -3) if s.channels_first else batch[s.name] for s in network.input_specs}
    return Dataset(given if len(given) > 1 else next(iter(given.values())), None)


def make_folder(path: Path) -> None:
    """Make the folder of the option --out, unless it is there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"{path}: the folder cannot be made: {error.strerror or error}; give another with --out") from error
