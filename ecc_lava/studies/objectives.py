"""Objectives, which a search maximises or minimises, and the Pareto front of trials.

To add an objective, give it a line in `OBJECTIVES`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ecc_lava.errors import InvalidInput
from ecc_lava.studies.trials.trial import Trial

__all__ = ["OBJECTIVES", "Objective", "front", "objective"]


@dataclass(frozen=True)
class Objective:
    """One quantity that a search maximises or minimises.

    Attributes
    ----------
    name : str
    maximise : bool
    value : callable (Trial) -> float or None
        None if the trial has no such number.
    needs : str
        What a trial needs to have the number, for messages.
    """

    name: str
    maximise: bool
    value: Callable[[Trial], float | None]
    needs: str


def _memory(trial: Trial) -> float | None:
    return None if trial.figures is None else float(trial.figures.synaptic_bits)


def _latency(trial: Trial) -> float | None:
    return None if trial.figures is None else float(trial.figures.latency_steps)


def _cores(trial: Trial) -> float | None:
    if trial.mapped is None:
        return None
    return float("inf") if trial.mapped.cores is None else float(trial.mapped.cores)


OBJECTIVES: Final = {
    o.name: o
    for o in (
        Objective("accuracy", True, lambda t: None if t.figures is None else t.figures.score, "a trial that runs"),
        Objective("agreement", True, lambda t: None if t.figures is None else t.figures.kept, "a trial that runs"),
        Objective("memory", False, _memory, "a trial that runs"),
        Objective("latency", False, _latency, "a trial that runs"),
        Objective("events", False, lambda t: t.events_per_image, "a trial that runs"),
        Objective("error", False, lambda t: None if t.figures is None else t.figures.output_error, "sequences of frames: give thresholds"),
        Objective("energy", False, lambda t: t.energy_uj, "a chip with published energies: format loihi1, or a chip file with figures"),
        Objective("cores", False, _cores, "a mapper; the command line has one, and in Python you give `mapper`"),
    )
}
"""Name -> objective. Agreement, and accuracy without labels, are what is kept of the CNN. Memory is in bits, energy in uJ an image."""


def objective(name: str | Objective) -> Objective:
    """Return the objective of a name.

    Raises
    ------
    InvalidInput
        If no objective has the name; the message lists all names.
    """
    if isinstance(name, Objective):
        return name
    if name not in OBJECTIVES:
        raise InvalidInput(f"objective {name!r} is not known; known: {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name]


def costs_of(trial: Trial, objectives: Sequence[Objective]) -> tuple[float, ...] | None:
    """Return a trial's values, negated where larger is better; None if one is missing."""
    values = [o.value(trial) for o in objectives]
    if any(value is None for value in values):
        return None
    return tuple(-float(value or 0.0) if o.maximise else float(value or 0.0) for o, value in zip(objectives, values, strict=True))


def front(trials: Sequence[Trial], objectives: Sequence[str | Objective]) -> tuple[Trial, ...]:
    """Return the Pareto front: the trials that no other trial dominates, in the order given.

    A trial dominates another if it is at least as good in all objectives and better in one. The front holds the
    first of several equal trials, and no trial that lacks one of the numbers.
    """
    chosen = [objective(o) for o in objectives]
    points = {trial: costs for trial in trials if (costs := costs_of(trial, chosen)) is not None}

    def beaten(trial: Trial, costs: tuple[float, ...]) -> bool:
        before = True
        for other, better in points.items():
            if other is trial:
                before = False
            elif all(b <= c for b, c in zip(better, costs, strict=True)) and (better != costs or before):
                return True
        return False

    return tuple(trial for trial, costs in points.items() if not beaten(trial, costs))
