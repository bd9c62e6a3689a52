"""A study on the terminal: where it stands, and its table."""

from __future__ import annotations

from collections.abc import Callable

from ecc_lava.cli.show.energy import NO_SILICON
from ecc_lava.cli.show.output import as_percent, show_lines, show_table
from ecc_lava.common import Progress
from ecc_lava.studies import StudyResult, Trial, TrialProgress

__all__ = ["TrialStages", "show_study"]

_VARIED: dict[str, Callable[[Trial], str]] = {
    "format": lambda t: t.setting.format,
    "recipe": lambda t: t.setting.recipe,
    "coding": lambda t: t.setting.coding,
    "percentile": lambda t: f"{t.setting.percentile:g}",
    "spikes": lambda t: t.setting.spikes,
    "sends": lambda t: t.setting.sends,
}
"""Columns that the table shows where the trials differ."""


def show_study(result: StudyResult, title: str, new: int) -> None:
    """Print every trial, how many are new, the best trials, and the settings that did not run."""
    varied = {name: text for name, text in _VARIED.items() if len({text(t) for t in result.trials}) > 1}
    front = set(result.front())
    mapped = any(t.mapped is not None for t in result.trials)
    kept = result.kept_name.removesuffix(" with the CNN").removesuffix(" of the CNN")
    frames = any(t.figures is not None and t.figures.output_error is not None for t in result.trials)
    of_frames = ("of whole frames", "error of outputs") if frames else ()
    measures = ("accuracy (95 % interval)", "loss, points", kept, "weights, KiB", "M events", "steps", "energy, uJ", *of_frames)
    columns = ("bits", "T", *varied, *measures)
    rows = []
    for trial in result.trials:
        cores = () if not mapped else ("n/a" if trial.mapped is None or trial.mapped.cores is None else str(trial.mapped.cores),)
        shown = (_bits(trial), str(trial.setting.timesteps), *(text(trial) or "whole frames" for text in varied.values()), *_figures(trial))
        shown += (*(_figures_of_frames(trial) if frames else ()), *cores)
        rows.append((*shown, "*" if trial in front else ""))
    show_table(title, (*columns, *(("cores",) if mapped else ()), "front"), rows)
    fixed = [f"{name} {text(result.trials[0])}" for name, text in _VARIED.items() if name not in varied and text(result.trials[0])]
    lines = [f"CNN: {as_percent(result.ann_accuracy)}; {', '.join(fixed)}" if fixed else f"CNN: {as_percent(result.ann_accuracy)}"]
    lines.append(
        f"{len(result.trials)} {'setting' if len(result.trials) == 1 else 'settings'}, {new} new {'trial' if new == 1 else 'trials'}"
    )
    lines.append(f"*: no other trial is as good in {', '.join(result.objectives)}")
    lines.append(f"{result.energy_note}; {NO_SILICON}")
    lines += [f"cannot run: {_bits(t)} bits, T={t.setting.timesteps}: {t.error}" for t in result.trials if t.error is not None]
    lines += [f"left out: {why}" for why in result.left_out]
    show_lines(*lines)


def _bits(trial: Trial) -> str:
    if isinstance(trial.setting.bits, int):
        return str(trial.setting.bits)
    mean = "" if trial.figures is None else f", mean {trial.figures.average_bits:.2f}"
    widths = [width for _, width in trial.setting.bits]
    return f"{min(widths)} to {max(widths)}{mean}"


def _figures(trial: Trial) -> tuple[str, ...]:
    f = trial.figures
    if f is None:
        return ("n/a",) * 7
    return (
        as_percent(f.accuracy, f.images),
        "n/a" if f.loss is None else f"{100 * f.loss:.2f}",
        as_percent(f.kept),
        f"{f.memory_kib:,.1f}",
        f"{(trial.events_per_image or 0.0) / 1e6:,.3f}",
        str(f.latency_steps),
        "n/a" if trial.energy_uj is None else f"{trial.energy_uj:,.1f}",
    )


def _figures_of_frames(trial: Trial) -> tuple[str, ...]:
    f = trial.figures
    if f is None or f.output_error is None:
        return ("n/a",) * 2
    return as_percent(f.share_of_events), f"{f.output_error:.4f}"


class TrialStages:
    """Shows the progress of a study: the trials that are finished, and the images of the setting that runs.

    Parameters
    ----------
    stage : Progress
    first : callable or None
        Is called before the first setting runs, and not at all if none does.

    Attributes
    ----------
    new : int
        Trials that this process has finished.
    """

    def __init__(self, stage: Progress, first: Callable[[], None] | None) -> None:
        self._stage, self._first, self._runs = stage, first, False
        self.new = 0

    def __call__(self, step: TrialProgress) -> None:
        """Show one step."""
        if step.setting is not None and not self._runs:
            self._runs = True
            if self._first is not None:
                self._first()
        self.new += step.finished is not None
        self._stage("trials", step.done + (step.finished is not None), step.total)
        if step.setting is not None:
            width = f"{step.setting.bits} bit" if isinstance(step.setting.bits, int) else "mixed widths"
            ended = step.finished is not None
            self._stage(f"{width}, T={step.setting.timesteps}: images", step.images_done + ended, step.images + ended)
