"""The samplers that propose a search's settings, by name.

To add a sampler, write a function of a seed and a number of trials and give it a line in `SAMPLERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = ["SAMPLERS"]


def _nsga2(seed: int, trials: int) -> BaseSampler:
    """Return the genetic algorithm NSGA-II; a generation is a quarter of the trials, 4 to 50 of them."""
    import optuna

    return optuna.samplers.NSGAIISampler(seed=seed, population_size=max(4, min(50, trials // 4)))


def _tpe(seed: int, trials: int) -> BaseSampler:
    """Return the tree-structured Parzen estimator."""
    import optuna

    return optuna.samplers.TPESampler(seed=seed)


Sampler: TypeAlias = "Callable[[int, int], BaseSampler]"
"""Makes a sampler from a seed and the number of trials of the whole search."""

SAMPLERS: Final[dict[str, Sampler]] = {"nsga2": _nsga2, "tpe": _tpe}
"""Name -> sampler."""
