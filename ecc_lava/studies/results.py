"""The trials of a study as a table."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecc_lava.analysis import HOST, ImageEvents, core_account
from ecc_lava.common import as_cell, write_bytes
from ecc_lava.errors import InvalidInput, MissingDependency
from ecc_lava.formats import FORMATS
from ecc_lava.studies.objectives import Objective, front
from ecc_lava.studies.trials.trial import Figures, Trial

__all__ = ["StudyResult", "require_pyarrow"]


@dataclass(frozen=True)
class StudyResult:
    """The results of a study.

    Attributes
    ----------
    trials : tuple of Trial
        For a grid, all trials in its order; for a search, the uniform settings of its start and then the settings on its front, by memory.
    left_out : tuple of str
        Combinations that no chip can run, and why.
    context : mapping
        Digests of the model and the data, the package's version and the seed.
    searched : tuple of Trial
        All trials of a search, on the images that it selected by.
    objectives : tuple of str
        Names of the search's objectives.
    """

    trials: tuple[Trial, ...]
    left_out: tuple[str, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)
    searched: tuple[Trial, ...] = ()
    objectives: tuple[str, ...] = ("accuracy", "memory")

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One flat row of JSON values for every trial."""
        return [trial.as_row() for trial in self.trials]

    @property
    def ann_accuracy(self) -> float | None:
        """The CNN's accuracy on the study's images; None without labels."""
        return next((t.figures.ann_accuracy for t in self.trials if t.figures is not None), None)

    @property
    def score_name(self) -> str:
        """What the scores of the trials are, in words."""
        return self.kept_name if self.ann_accuracy is None else "accuracy"

    @property
    def kept_name(self) -> str:
        """What the trials keep of the CNN, in words: its decisions, or the variance of its numbers."""
        numbers = any(t.figures is not None and t.figures.agreement is None for t in self.trials)
        return "variance kept of the CNN" if numbers else "agreement with the CNN"

    def best(self) -> Trial:
        """Return the trial with the highest score, which is what `score_name` says; on a tie, the trial with the fewest events.

        Raises
        ------
        InvalidInput
            If no setting could run.
        """
        ran = [t for t in self.trials if t.figures is not None]
        if not ran:
            raise InvalidInput("no setting of the study could run: " + "; ".join(str(t.error) for t in self.trials[:3]))
        return max(ran, key=lambda t: (t.figures.score, -(t.events_per_image or 0.0)) if t.figures else (0.0, 0.0))

    def preferred(self) -> Trial:
        """Return the trial to take: of those within the interval of the best score, the one with the least memory, then the fewest events.

        The interval is the best trial's 95 % interval for the number of images: on fewer images more trials count as equal.

        Raises
        ------
        InvalidInput
            If no setting could run.
        """
        best = self.best()
        assert best.figures is not None
        least = best.figures.interval[0]
        equal = [(t, t.figures) for t in self.trials if t.figures is not None and t.figures.score >= least]
        return min(equal, key=lambda pair: (pair[1].synaptic_bits, pair[0].events_per_image or 0.0, -pair[1].score))[0]

    @property
    def energy_note(self) -> str:
        """What the energies of the trials include and leave out, and why some have none, in a sentence without a stop."""
        notes: dict[str, dict[str, None]] = {}
        for trial in self.trials:
            if trial.figures is not None:
                note, reasons = _energy_note(trial, trial.figures)
                notes.setdefault(note, {}).update(dict.fromkeys(reasons))
        return "; ".join(f"{note}{': ' if reasons else ''}{', '.join(reasons)}" for note, reasons in notes.items())

    def front(self, *objectives: str | Objective) -> tuple[Trial, ...]:
        """Return the trials that no other trial dominates in the given objectives, by default those of the study."""
        return front(self.trials, objectives or self.objectives)

    def to_frame(self) -> Any:
        """Return a pandas frame with one row per trial.

        Raises
        ------
        MissingDependency
            Without pandas.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingDependency(
                "a frame needs pandas, which is not installed (pip install pandas); `rows` has the same as dictionaries"
            ) from error
        return pandas.DataFrame(_flat(self.rows))

    def csv(self) -> str:
        """Return the rows as CSV; a text that a spreadsheet would compute is quoted."""
        rows = _flat(self.rows)
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows({column: as_cell(value) for column, value in row.items()} for row in rows)
        return text.getvalue()

    def to_csv(self, path: str | Path) -> None:
        """Write the rows as CSV; on an error, no partial file is left."""
        write_bytes(path, self.csv().encode())

    def to_parquet(self, path: str | Path) -> None:
        """Write the rows as a Parquet file; on an error, no partial file is left.

        Raises
        ------
        MissingDependency
            Without pyarrow.
        """
        require_pyarrow()
        import pyarrow
        import pyarrow.parquet

        sink = pyarrow.BufferOutputStream()
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(_flat(self.rows)), sink)
        write_bytes(path, sink.getvalue().to_pybytes())


def _energy_note(trial: Trial, f: Figures) -> tuple[str, list[str]]:
    """Return what a trial's energy includes, or that it has none, and the reasons for that."""
    mapped = trial.mapped
    if mapped is None:
        counted = (f.spikes_per_image, f.synops_per_image, f.input_macs_per_image, f.graded_synops_per_image, f.payload_bits_per_image)
        account = core_account(ImageEvents(*counted, f.updates_per_image), FORMATS[trial.setting.format])
        if account.why_none is not None:
            return f"no energy for {trial.setting.format}", account.why_none.split("; ")
        left_out = " and without ".join(account.left_out)
        return f"energy of {trial.setting.format} is of synops and updates, all active, without {left_out}", []
    if mapped.energy_uj is None:
        why = "the network does not fit" if mapped.cores is None else "it has no figures for all these events"
        return f"no energy for {mapped.chip}", [why]
    images = "" if mapped.mapped_images is None else f" of the first {mapped.mapped_images} images"
    return f"energy of {mapped.chip} is of synops, updates, all active, messages, hops and static power{images}, without {HOST}", []


def require_pyarrow() -> None:
    """Check that Parquet files can be written.

    Raises
    ------
    MissingDependency
        Without pyarrow.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingDependency("Parquet needs pyarrow, which is not installed: pip install 'ecc-lava[parquet]'")


def _flat(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows whose columns have one type each: `bits` if all weights have one width, else a JSON object of the widths."""

    def flat(row: Mapping[str, Any]) -> dict[str, Any]:
        uniform = isinstance(row["bits"], int)
        return {**row, "bits": row["bits"] if uniform else None, "bits_by_population": None if uniform else json.dumps(row["bits"])}

    return [flat(row) for row in rows]
