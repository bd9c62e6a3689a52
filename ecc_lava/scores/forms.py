"""The forms in which labels come: whole numbers in any type, one-hot rows, other shapes."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array, Int
from ecc_lava.errors import InvalidInput

__all__ = ["class_numbers", "is_one_hot", "is_whole", "zeros_and_ones"]


def is_whole(labels: Array) -> bool:
    """Whether labels are whole numbers, in whatever type."""
    return labels.dtype.kind in "bui" or (
        labels.dtype.kind == "f" and bool(np.isfinite(labels).all() and (labels == np.rint(labels)).all())
    )


def is_one_hot(labels: Array, classes: int) -> bool:
    """Whether the last axis holds one 1 among zeros for each class."""
    if labels.ndim < 2 or labels.shape[-1] != classes or classes < 2 or labels.dtype.kind not in "buif":
        return False
    return bool(((labels == 0) | (labels == 1)).all() and (labels.sum(axis=-1) == 1).all())


def class_numbers(labels: Array, shape: tuple[int, ...], classes: int, where: str) -> Int:
    """Return labels as whole numbers from 0 to below the number of classes.

    Parameters
    ----------
    labels : array
        Of `shape`, with an axis of length 1 behind it, or one-hot with an axis of the classes behind it.
    shape : tuple of int
        The samples first.
    classes : int
    where : str
        Names the labels' output in messages.

    Raises
    ------
    InvalidInput
        If labels have another shape, are no whole numbers, start at 1 or reach beyond the classes.
    """
    if is_one_hot(labels, classes) and labels.size == int(np.prod(shape)) * classes:
        labels = labels.argmax(axis=-1)
    if labels.size != int(np.prod(shape)) or len(labels) != shape[0]:
        raise InvalidInput(f"labels of shape {labels.shape} for {shape[0]} images; {where} takes {shape} whole numbers, or one-hot rows")
    if not is_whole(labels):
        raise InvalidInput(f"labels of type {labels.dtype} are no whole numbers; {where} takes classes 0 to {classes - 1}")
    numbers = labels.reshape(shape).astype(np.int64)
    low, high = int(numbers.min(initial=0)), int(numbers.max(initial=0))
    if numbers.size and numbers.min() == 1 and high == classes:
        raise InvalidInput(
            f"labels start at 1 and reach {high}; {where} has {classes} classes, 0 to {classes - 1}: subtract 1 from the labels"
        )
    if low < 0 or high >= classes:
        raise InvalidInput(f"labels lie in {int(numbers.min())} to {high}; {where} has classes 0 to {classes - 1}, {classes} in all")
    return numbers


def zeros_and_ones(labels: Array, shape: tuple[int, ...], where: str) -> Int:
    """Return labels that are each 0 or 1; errors as for `class_numbers`."""
    if labels.size != int(np.prod(shape)) or len(labels) != shape[0]:
        raise InvalidInput(f"labels of shape {labels.shape} for {shape[0]} images; {where} takes {shape} of 0 and 1")
    if labels.dtype.kind not in "buif" or not ((labels == 0) | (labels == 1)).all():
        raise InvalidInput(f"labels of a sigmoid are 0 or 1; those of {where} are of type {labels.dtype}, {labels.min()} to {labels.max()}")
    return labels.reshape(shape).astype(np.int64)
