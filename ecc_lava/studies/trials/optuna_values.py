"""What Optuna's own tools show of a trial: its setting as parameters and its figures as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ecc_lava.common import PAYLOAD_BITS_MAX
from ecc_lava.conversion import RECIPES
from ecc_lava.formats import FORMATS
from ecc_lava.inputs import CODINGS
from ecc_lava.studies.settings import Setting
from ecc_lava.studies.trials.records import as_record
from ecc_lava.studies.trials.trial import Trial

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["DIRECTIONS", "finished_trial", "shown_parameters", "shown_values"]

DIRECTIONS: Final = ("maximize", "minimize", "minimize", "minimize")
"""Directions of a trial's values: score (accuracy, or agreement without labels), synaptic bits, events per image, latency in steps."""


def shown_parameters(setting: Setting) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a setting as Optuna's parameters, and the ranges of the parameters, which are the same for all studies."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    widest = max(format.carried_bits for format in FORMATS.values())
    widths = [setting.bits] if isinstance(setting.bits, int) else [width for _, width in setting.bits]
    params = {
        "timesteps": setting.timesteps,
        "format": setting.format,
        "recipe": setting.recipe,
        "coding": setting.coding,
        "percentile": setting.percentile,
        "payload_bits": setting.payload_bits,
        "signed_spikes": setting.signed_spikes,
        "fewest_bits": min(widths),
        "most_bits": max(widths),
    }
    ranges = {
        "timesteps": IntDistribution(1, max(2**16, setting.timesteps)),
        "format": CategoricalDistribution(list(FORMATS)),
        "recipe": CategoricalDistribution(list(RECIPES)),
        "coding": CategoricalDistribution(list(CODINGS)),
        "percentile": FloatDistribution(0.0, 100.0),
        "payload_bits": IntDistribution(1, PAYLOAD_BITS_MAX),
        "signed_spikes": CategoricalDistribution([False, True]),
        "fewest_bits": IntDistribution(1, widest),
        "most_bits": IntDistribution(1, widest),
    }
    return params, ranges


def shown_values(trial: Trial) -> list[float]:
    """Return a trial's values in the order of `DIRECTIONS`; a trial that cannot run is worse than all others."""
    figures, events = trial.figures, trial.events_per_image
    if figures is None or events is None:
        return [-1.0, float("inf"), float("inf"), float("inf")]
    return [figures.score, float(figures.synaptic_bits), events, float(figures.latency_steps)]


def finished_trial(trial: Trial, context: str) -> FrozenTrial:
    """Return a finished trial as Optuna keeps it."""
    from optuna.trial import TrialState, create_trial

    params, ranges = shown_parameters(trial.setting)
    held = {"key": trial.key, "setting": trial.setting.as_dict(), "trial": as_record(trial, context)}
    return create_trial(state=TrialState.COMPLETE, params=params, distributions=ranges, values=shown_values(trial), user_attrs=held)
