"""Samples as the Keras model takes them, checked and brought to one layout: a map (N, H, W, C) for every input by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ecc_lava.common import Array, Float, Images, Shape
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs.sources import ImageSource, RangeSource

__all__ = [
    "InputSpec",
    "as_batch",
    "as_maps",
    "batch_part",
    "batch_range",
    "batch_size",
    "by_input",
    "images_as_floats",
    "model_images",
    "model_inputs",
    "parts",
]


class InputSpec(NamedTuple):
    """One input of a model.

    Attributes
    ----------
    name : str
    shape : (H, W, C)
    uint8_scale : float
        Factor that brings a stored uint8 pixel into the units that the model takes.
    channels_first : bool
        Whether the Keras model takes (N, C, H, W), or (N, C, L).
    events : bool
        Whether a sample is T binary frames, (N, T, ...); the model takes their mean.
    frames : bool
        Whether a sample is a sequence of images, (N, F, ...), as a stream takes it.
    """

    name: str
    shape: Shape
    uint8_scale: float = 1.0 / 255.0
    channels_first: bool = False
    events: bool = False
    frames: bool = False

    @property
    def described(self) -> str:
        """The shape of the samples."""
        height, width, channels = self.shape
        sample = (channels, height, width) if self.channels_first else (height, width, channels)
        return f"({', '.join(map(str, ('N', *('T',) * self.events, *('F',) * self.frames, *sample)))})"


def _maps(x: Array, spec: InputSpec) -> Array | None:
    """Return samples as maps (N, H, W, C), None if they have another shape.

    The model's own layout comes first; then the other order of channels, then flat samples in the model's own order.
    """
    for first in (spec.channels_first, not spec.channels_first):
        found = _laid(x, spec.shape, first)
        if found is not None:
            return found
    height, width, channels = spec.shape
    if x.ndim == 2 and x.shape[1] == height * width * channels:
        own = (channels, height, width) if spec.channels_first else spec.shape
        return _laid(x.reshape(-1, *own), spec.shape, spec.channels_first)
    return None


def _laid(x: Array, shape: Shape, channels_first: bool) -> Array | None:
    """Return samples of one order of channels as maps (N, H, W, C), None if they have another shape."""
    if x.ndim == 3 and shape[2] == 1 and x.shape[1:] == shape[:2]:
        x = x[..., None]
    elif channels_first and x.ndim in (3, 4):
        x = np.moveaxis(x, 1, -1)
    if x.ndim == 3 and shape[0] == 1 and x.shape[1:] == shape[1:]:
        x = x[:, None]
    if x.ndim == 2 and shape[:2] == (1, 1):
        x = x[:, None, None, :]
    return x if x.ndim == 4 and x.shape[1:] == shape else None


def _maps_over_time(x: Array, spec: InputSpec) -> Array | None:
    """Return samples of events or frames as maps (N, T, H, W, C), None if they have another shape."""
    if x.ndim < 3 or not x.shape[1]:
        return None
    frames = _maps(x.reshape(-1, *x.shape[2:]), spec)
    return None if frames is None else frames.reshape(*x.shape[:2], *spec.shape)


def _misfit(x: Array, spec: InputSpec) -> str:
    """Return what is said of an array of another shape."""
    said = f"shape {x.shape} does not fit; the network takes {spec.described}"
    if spec.frames and x.ndim > 1 and not x.shape[1]:
        return f"holds no frame: shape {x.shape}; the network takes {spec.described}"
    if spec.frames and _maps(x, spec) is not None:
        return f"{said}: give sequences of frames, such as x[None] for one"
    if not spec.events and not spec.frames and _maps_over_time(x, spec) is not None:
        return f"{said}: sequences of frames need a stream, which ecc_lava.sigma_delta makes of a network"
    return said


def as_maps(x: Array, spec: InputSpec, what: str = "data") -> Array:
    """Return the samples of one input as a (N, H, W, C) array, events as (N, T, H, W, C).

    Images without a channel axis get one; a signal input takes (N, L, C), a vector input (N, C). With channels first these are
    (N, C, H, W) and (N, C, L). Where the model's own order does not fit, the other order of channels and flat samples (N, H*W*C) are taken.
    Frames of a stream are images with an axis of frames after the first, (N, F, H, W, C).

    Raises
    ------
    InvalidInput
        If the array is empty, has another shape, is not numeric or holds NaN or infinity.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "buif":
        raise InvalidInput(f"{what}: values of type {x.dtype} are not numbers")
    maps = _maps_over_time(x, spec) if spec.events or spec.frames else _maps(x, spec)
    if maps is None:
        raise InvalidInput(f"{what}: {_misfit(x, spec)}")
    x = maps
    if not len(x):
        raise InvalidInput(f"{what}: holds no image")
    if x.dtype.kind == "f":
        images = x.shape[: 1 + spec.frames]
        bad = np.array([not np.isfinite(image).all() for image in x.reshape(-1, *x.shape[len(images) :])]).reshape(images)
        if bad.any():
            sample, *frame = (int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))
            where, all_of = (f"frame {frame[0]} of sequence {sample}", "frames") if frame else (f"image {sample}", "images")
            raise InvalidInput(f"{what}: {where} holds NaN or infinity ({int(bad.sum())} such {all_of})")
    return x


def by_input(x: Images, inputs: Sequence[InputSpec], what: str = "data") -> dict[str, Array]:
    """Return the samples of every input as they are, by the input's name; parameters and errors as for `as_batch`."""
    names = ", ".join(spec.name for spec in inputs)
    if isinstance(x, Mapping):
        if set(x) != {spec.name for spec in inputs}:
            raise InvalidInput(f"{what}: holds inputs {', '.join(map(str, x)) or 'none'}; the network takes {names}")
        return {spec.name: np.asarray(x[spec.name]) for spec in inputs}
    if len(inputs) == 1:
        return {inputs[0].name: np.asarray(x)}
    if isinstance(x, list | tuple) and len(x) == len(inputs):
        return {spec.name: np.asarray(array) for spec, array in zip(inputs, x, strict=True)}
    raise InvalidInput(f"{what}: the network takes {len(inputs)} inputs, give arrays by name: {names}")


def as_batch(x: Images, inputs: Sequence[InputSpec], what: str = "data") -> dict[str, Array]:
    """Return the samples of every input as maps, by the input's name.

    Parameters
    ----------
    x : array, or arrays by input name, or in the model's order
    inputs : the model's inputs
    what : str
        Name of the samples in messages.

    Raises
    ------
    InvalidInput
        If an input is missing, or as for `as_maps`, or if the inputs have different numbers of samples.
    """
    given, single = by_input(x, inputs, what), len(inputs) == 1
    batch = {s.name: as_maps(given[s.name], s, what if single else f"{what}, input {s.name!r}") for s in inputs}
    if len({len(part) for part in batch.values()}) > 1:
        raise InvalidInput(f"{what}: the inputs have different numbers of samples, {', '.join(f'{n} {len(p)}' for n, p in batch.items())}")
    return batch


def images_as_floats(x: Array, uint8_scale: float) -> Float:
    """Return stored images as the model takes them: uint8 is multiplied by `uint8_scale`, floats stay as they are."""
    return x.astype(np.float64) * uint8_scale if x.dtype == np.uint8 else x.astype(np.float64)


def model_inputs(x: Images, inputs: Sequence[InputSpec], what: str = "data") -> dict[str, Float]:
    """Return the samples of every input in the model's units, by name, with events as their mean; errors as for `as_batch`."""
    batch = as_batch(x, inputs, what)
    return {s.name: batch[s.name].mean(axis=1) if s.events else images_as_floats(batch[s.name], s.uint8_scale) for s in inputs}


def model_images(x: Images, inputs: Sequence[InputSpec], what: str = "data") -> dict[str, Array]:
    """Return the samples of every input as the Keras model takes them, by name, with events as their mean."""
    given = by_input(x, inputs, what)
    return {s.name: given[s.name].mean(axis=1) if s.events else given[s.name] for s in inputs}


def batch_size(x: Images | ImageSource) -> int:
    """Return the number of samples."""
    if isinstance(x, ImageSource):
        return len(x)
    if isinstance(x, np.ndarray):
        return len(x)
    arrays = list(x.values() if isinstance(x, Mapping) else x)
    return len(arrays[0]) if arrays else 0


def batch_part(x: Images | ImageSource, part: slice | tuple[slice, ...] | Array) -> Images:
    """Return some of the samples, in the form in which they are given; of a source a range, or images by their numbers."""
    if isinstance(x, ImageSource):
        if isinstance(part, slice):
            first, end, _ = part.indices(len(x))
            return x.part(first, end)
        assert isinstance(part, np.ndarray)
        return x.chosen(part)
    if isinstance(x, np.ndarray):
        return x[part]
    if isinstance(x, Mapping):
        return {name: array[part] for name, array in x.items()}
    return [array[part] for array in x]


def batch_range(x: Images | ImageSource, part: slice) -> Images | ImageSource:
    """Return a range of the samples, in the form in which they are given; of a source a source, of which nothing is read yet."""
    if isinstance(x, ImageSource):
        first, end, _ = part.indices(len(x))
        return RangeSource(x, first, end)
    return batch_part(x, part)


def parts(batch: Mapping[str, Array], size: int) -> Iterator[dict[str, Array]]:
    """Yield a batch in pieces of at most `size` samples."""
    for start in range(0, batch_size(batch), size):
        yield {name: array[start : start + size] for name, array in batch.items()}
