"""Early stopping of each image as soon as its answer stands out."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np

from ecc_lava.common import Array, Float, Int
from ecc_lava.errors import InvalidInput

__all__ = ["Confident", "check_margin", "confident", "lead"]


class Confident(NamedTuple):
    """The steps at which images are stopped, and their answers.

    Attributes
    ----------
    steps : int64 array (N,)
        Steps that each image is shown for; T if its answer never stands out.
    predictions : int64 array (N,)
        The answer at that step.
    """

    steps: Int
    predictions: Int


def lead(logits: Array) -> Float:
    """Return the lead of the first class after each step: ``(v_first - v_second) / (T * scale)``.

    The readout's potential is its sum so far, so the lead is the difference of the two largest final logits if no more input comes. It is
    in units of the model's logits: before a softmax, a lead of M means odds of exp(M) to 1 against the runner-up, for every network, format
    and T. A chip compares potentials and needs no division.

    Parameters
    ----------
    logits : array (N, T, K)
        Logits of a run that stops after each step: v / (t * scale).

    Returns
    -------
    float64 array (N, T)
    """
    steps, classes = logits.shape[1:]
    if classes < 2:
        raise InvalidInput("the network has one output; a lead needs at least two classes")
    largest = np.sort(logits.astype(np.float64), axis=2)
    return (largest[:, :, -1] - largest[:, :, -2]) * np.arange(1, steps + 1) / steps


def check_margin(margin: float) -> None:
    """Check that a margin is one.

    Raises
    ------
    InvalidInput
        If it is negative or not finite.
    """
    if not 0 <= margin < inf:
        raise InvalidInput(f"a margin of {margin}; it must be finite and at least 0")


def confident(logits: Array, margin: float) -> Confident:
    """Return the first step after which each image's answer leads by `margin`, see `lead`.

    Parameters
    ----------
    logits : array (N, T, K)
        Logits over time.
    margin : float
        At least 0, in units of the model's logits.

    Raises
    ------
    InvalidInput
        For a margin that is negative or not finite, or a network of one output.
    """
    check_margin(margin)
    stands_out = lead(logits) >= margin
    last = np.where(stands_out.any(axis=1), stands_out.argmax(axis=1), logits.shape[1] - 1)
    return Confident((last + 1).astype(np.int64), logits[np.arange(len(logits)), last].argmax(axis=1))
