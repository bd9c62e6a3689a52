"""The folder of `ecc-lava study`: trials, tables, the picture and the page."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ecc_lava.cli.files import make_folder
from ecc_lava.common import check_writable, write_bytes
from ecc_lava.studies import StudyResult, address_of, draw, page, require_pyarrow

__all__ = ["StudyFolder"]

TRIALS, CSV, PARQUET, PICTURE, PAGE = "trials.journal", "trials.csv", "trials.parquet", "study.png", "study.html"

DATABASE = "trials.db"
"""Where earlier versions kept trials; a folder that has one keeps it. A journal opens in half of the time."""


@dataclass(frozen=True)
class StudyFolder:
    """Where a study writes.

    Attributes
    ----------
    out : Path
    storage : str or None
        Where trials are kept; None keeps them in the folder.
    parquet : bool
        Whether the trials are written as Parquet too.
    """

    out: Path
    storage: str | None
    parquet: bool

    @property
    def trials(self) -> str | Path:
        """Where trials are kept, as `study` takes it."""
        database = self.out / DATABASE
        return self.storage or (database if database.exists() else self.out / TRIALS)

    @property
    def shown_trials(self) -> str:
        """Where trials are kept, without a password."""
        return str(address_of(self.trials))

    @property
    def written(self) -> list[Path]:
        """The files that a study ends with."""
        return [self.out / name for name in (CSV, *([PARQUET] if self.parquet else []), PICTURE, PAGE)]

    def claim(self, inputs: Sequence[Path]) -> None:
        """Make the folder, and check that every file can be written without replacing an input."""
        if self.parquet:
            require_pyarrow()
        make_folder(self.out)
        address_of(self.trials)  # refused before long work
        for path in self.written:
            check_writable(path, inputs=inputs)

    @contextmanager
    def named_if_interrupted(self) -> Iterator[None]:
        """Tell where the finished trials are if the user interrupts the study."""
        try:
            yield
        except KeyboardInterrupt:
            sys.stderr.write(f"ecc-lava: what is finished is kept in {self.shown_trials}; the same command goes on from there\n")
            raise

    def write(self, result: StudyResult, model: str) -> None:
        """Write the tables, the picture and the page; the picture stays if the page already says the same, as it is drawn of the same."""
        result.to_csv(self.out / CSV)
        if self.parquet:
            result.to_parquet(self.out / PARQUET)
        told = page(result, model).encode()
        if not ((self.out / PICTURE).is_file() and _holds(self.out / PAGE, told)):
            write_bytes(self.out / PICTURE, draw(result))
            write_bytes(self.out / PAGE, told)


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file has this content."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False
