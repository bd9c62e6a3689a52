"""The options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ecc_lava.cli.several import Several, Words, values
from ecc_lava.errors import InvalidInput
from ecc_lava.scores import TASKS

__all__ = [
    "Calibration",
    "CalibrationImages",
    "Data",
    "FewerTimesteps",
    "InputScale",
    "InputShape",
    "Json",
    "Limit",
    "Model",
    "Network",
    "NumberOfImages",
    "OptionalData",
    "SignedSpikes",
    "Tasks",
    "chosen_tasks",
    "seed_option",
]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A Keras model: a .keras archive or an HDF5 file, whatever its name.")]
Network = Annotated[Path, typer.Argument(metavar="NET.h5", help="A network file made by `ecc-lava convert`.")]

Data = Annotated[
    Path, typer.Option("--data", metavar="IMAGES", help="Images x_test and, optionally, labels y_test: .npz, .npy, HDF5 or a folder.")
]
OptionalData = Annotated[
    Optional[Path], typer.Option("--data", metavar="IMAGES", help="Images x_test (default: random images, drawn by the seed).")
]
_FIRST = typer.Option("--limit", min=1, help="Only the first N images.")
Limit = Annotated[Optional[int], _FIRST]
NumberOfImages = Annotated[int, _FIRST]
FewerTimesteps = Annotated[Optional[int], typer.Option("--timesteps", min=1, help="Fewer steps than the network was converted for.")]

Calibration = Annotated[
    Path,
    typer.Option(
        "--calibration",
        metavar="IMAGES",
        help="Images x_train: .npz, .npy, HDF5 or a folder; labels are only held against the CNN.",
    ),
]
CalibrationImages = Annotated[int, typer.Option("--calibration-images", min=1, help="How many calibration images are drawn.")]
InputScale = Annotated[
    Optional[float], typer.Option("--input-scale", help="Factor on uint8 images (default 1/255, or 1 if the model rescales itself).")
]
InputShape = Annotated[
    Words,
    typer.Option(
        "--input-shape",
        metavar="H W C",
        help="All sizes of the input, where the model leaves some open: H W C, L C or C; NAME=H,W,C for each of several inputs.",
    ),
    Several(r"-?\d+"),
]
SignedSpikes = Annotated[
    bool, typer.Option("--signed-spikes", help="Neurons may take back what they sent too early, by negative payloads.")
]


Tasks = Annotated[
    Words,
    typer.Option(
        "--task",
        metavar="TASK",
        help=f"What the output is for: {', '.join(TASKS)}; NAME=TASK for some of several outputs (default: what its last function, shape "
        "and labels show).",
    ),
    Several(r"[^-=]+=\w+"),
]


def chosen_tasks(words: Words) -> str | dict[str, str] | None:
    """Return the tasks that the option gives: one for all outputs, or by the output's name."""
    given = values(words)
    if not given:
        return None
    if len(given) == 1 and "=" not in given[0]:
        return given[0]
    if any("=" not in word for word in given):
        raise InvalidInput(f"--task {' '.join(given)}: give one task for all outputs, or NAME=TASK for each")
    return {name: task for name, _, task in (word.rpartition("=") for word in given)}


def seed_option(help: str) -> Any:
    """Return the option of the seed; the help says what the seed decides."""
    return typer.Option("--seed", min=0, help=help)
