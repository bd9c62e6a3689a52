"""The commands that are killed, and how their output is known to be absent or whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

import hw_mappings
from ecc_lava.demo.data import FOLDER, MODEL
from ecc_lava.storage import load
from ecc_lava.studies.trials.optuna_storage import open_storage

__all__ = ["COMMANDS", "Command"]


@dataclass(frozen=True)
class Command:
    """A command under attack.

    Attributes
    ----------
    arguments : callable (folder) -> words
        The folder holds a demo's files in ``demo``; what is written goes into ``out``.
    check : callable (out)
        Raises an error if the output is neither absent nor whole.
    """

    arguments: Callable[[Path], Sequence[object]]
    check: Callable[[Path], None]


def _network(out: Path) -> None:
    if (out / "net.h5").exists():
        load(out / "net.h5")


def _mapping(out: Path) -> None:
    if (out / "mapping.json").exists():
        hw_mappings.Mapping.load(out / "mapping.json")
    if (out / "page.html").exists():
        assert (out / "page.html").read_text().rstrip().endswith("</html>")


def _vectors(out: Path) -> None:
    if (out / "vectors").exists():
        about = (out / "vectors" / "vectors.json").read_text()
        for path in (out / "vectors").glob("*.npz"):
            assert path.name in about
            np.load(path).close()


def _demo(out: Path) -> None:
    if (out / "network.h5").exists():
        load(out / "network.h5")
    if (out / "images.npz").exists():
        np.load(out / "images.npz").close()
    if (out / "mapping.json").exists():
        hw_mappings.Mapping.load(out / "mapping.json")
    if (out / "report.json").exists():
        json.loads((out / "report.json").read_bytes())


def _study(out: Path) -> None:
    """Finished trials are never fewer than before, and the storage opens without repair."""
    path = out / "trials.journal"
    if not path.exists() or not path.stat().st_size:
        return
    storage = open_storage(path)
    trials = [trial for study in storage.get_all_studies() for trial in storage.get_all_trials(study._study_id, deepcopy=False)]
    finished = sum(trial.state.name == "COMPLETE" for trial in trials)
    before = out / "finished"
    assert finished >= int(before.read_text() if before.exists() else 0)
    before.write_text(str(finished))
    assert not list(out.glob("*.damaged*"))


DATA: Final = FOLDER / "digits.npz"
COMMANDS: Final = {
    "convert": Command(lambda at: ["convert", MODEL, "--calibration", DATA, "-o", at / "out" / "net.h5"], _network),
    "study": Command(
        lambda at: [
            *("study", MODEL, "--calibration", DATA, "--data", DATA, "--limit", 20, "--bits", 4, 8),
            *("--timesteps", 2, 3, 4, "--out", at / "out"),
        ],
        _study,
    ),
    "map": Command(
        lambda at: ["map", at / "demo" / "network.h5", "-o", at / "out" / "mapping.json", "--html", at / "out" / "page.html"], _mapping
    ),
    "deploy": Command(lambda at: ["deploy", at / "demo" / "network.h5", at / "demo" / "mapping.json", "--limit", 2], lambda out: None),
    "export": Command(
        lambda at: [
            *("export", at / "demo" / "network.h5", "--mapping", at / "demo" / "mapping.json", "--to", "vectors", "--limit", 4),
            *("-o", at / "out" / "vectors"),
        ],
        _vectors,
    ),
    "demo": Command(lambda at: ["demo", "--out", at / "out"], _demo),
}
