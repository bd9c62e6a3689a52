"""A source: what its paper says, what was measured for it, and whether the one reproduced the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ecc_lava.common import Array, wilson
from tests.benchmarks.quality import SELECTION, Run, summary

__all__ = ["Claim", "Images", "Row", "Rows", "Source", "cifar10", "measured", "near_zero", "share"]

Row = dict[str, Any]

Rows = Sequence[Mapping[str, Any]]
"""Rows of a source, as measured or as a JSON keeps them."""

REPRODUCED, PARTLY, NOT, OPEN, UNCHECKED, OURS = (
    "reproduced",
    "in part",
    "not reproduced",
    "open, within the interval",
    "not checked",
    "ours alone",
)

VERDICTS = (REPRODUCED, PARTLY, NOT, OPEN, UNCHECKED, OURS)


@dataclass(frozen=True)
class Claim:
    """One thing that a paper says, and what became of it here."""

    claim: str
    paper: str
    quoted: str
    ours: str
    verdict: str
    data: str

    def __post_init__(self) -> None:
        assert self.verdict in VERDICTS, self.verdict


@dataclass(frozen=True)
class Images:
    """CIFAR-10: training images, of which calibration draws; test images that chose nothing; their labels."""

    train: Array
    test: Array
    labels: Array

    @property
    def scaled(self) -> Array:
        """The test images as the Keras models take them."""
        return (self.test / 255.0).astype(np.float32)


@dataclass(frozen=True)
class Source:
    """A paper, how its rows are measured, and what its claims come to by them.

    Attributes
    ----------
    paper : str
    measure : callable (folder of data, number of images, client or None) -> iterator of rows
        Runs on the workers of a cluster if there is a client. The first row is the settings: images, network and whatever else the rows
        share.
    claims : callable (settings, rows) -> list of Claim
        It also holds what the text says of the rows: an assertion fails where that is no longer so.
    """

    paper: str
    measure: Callable[[Path, int, Any], Iterator[Row]]
    claims: Callable[[Mapping[str, Any], Rows], list[Claim]]


def cifar10(folder: Path, images: int) -> Images:
    """Return CIFAR-10 with so many test images, of those that choose nothing."""
    with np.load(folder / "cifar10.npz", allow_pickle=False) as stored:
        part = slice(SELECTION, SELECTION + images)
        return Images(stored["x_train"], stored["x_test"][part], stored["y_test"].ravel()[part])


def measured(kind: str, run: Run, ann: Array, labels: Array, **about: Any) -> Row:
    """Return the row of one run: accuracy with its interval, what it lost against the CNN, and an image's events in millions."""
    found, events = summary([run], ann, labels), run.events
    return {
        "kind": kind,
        **about,
        **share(float((run.predictions == labels).mean()), len(labels)),
        "loss_points": found["loss_points"],
        "loss_interval": found["interval_points"],
        "agreement": found["agreement"],
        "synops_m": (events.synops + events.graded_synops) / 1e6,
        "input_macs_m": events.input_macs / 1e6,
        "messages_k": run.messages / 1e3,
    }


def near_zero(row: Mapping[str, Any], points: float) -> str:
    """Return whether a row's loss is at most so many points, by its interval."""
    loss, around = row["loss_points"], row["loss_interval"]
    return REPRODUCED if loss + around <= points else NOT if loss - around > points else OPEN


def share(accuracy: float, images: int) -> dict[str, Any]:
    """Return an accuracy of so many images and its 95 % interval, in percent."""
    return {"accuracy": 100 * accuracy, "accuracy_interval": [100 * end for end in wilson(accuracy, images)]}
