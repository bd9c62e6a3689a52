"""Trials on the workers of a cluster; this process holds the claims and writes to the storage, so that a lost worker loses no trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from ecc_lava.cluster import Shards, map_shards
from ecc_lava.errors import FileError
from ecc_lava.studies.problem import Problem
from ecc_lava.studies.settings import Setting
from ecc_lava.studies.trials.claims import Claim
from ecc_lava.studies.trials.store import TrialStore
from ecc_lava.studies.trials.trial import Trial

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["run_open"]


def run_open(
    problem: Problem, settings: Mapping[str, Setting], store: TrialStore, client: Client, finished: Callable[[Setting, Trial], None]
) -> None:
    """Run the settings that nobody else has claimed once their turn comes, and store each trial when it ends.

    Parameters
    ----------
    problem : Problem
    settings : key -> Setting
        None of them is finished.
    store : TrialStore
    client : distributed.Client
    finished : callable (Setting, Trial)
    """
    keys: Sequence[str] = list(settings)
    claims: dict[int, tuple[Claim, ExitStack]] = {}

    def item(index: int) -> Setting | None:
        setting = settings[keys[index]]
        if index in claims:  # its worker ended
            return setting
        claim = store.claim(keys[index], setting)
        if claim is None:
            return None
        beats = ExitStack()
        beats.enter_context(claim.beating())
        claims[index] = claim, beats
        return setting

    def ended(index: int, trial: Trial | None) -> None:
        if trial is None:
            return
        claim, beats = claims.pop(index)
        beats.close()
        claim.finish(trial)
        finished(settings[keys[index]], trial)

    try:
        map_shards(client, run_setting, problem, Shards([1] * len(keys), item, ended))
    finally:  # what was claimed and did not end, at an error or an interrupt
        for claim, beats in claims.values():
            beats.close()
            with suppress(FileError):
                claim.release()


def run_setting(problem: Problem, setting: Setting | None) -> Trial | None:
    """Return the trial of a setting; None for one that another process has claimed."""
    return None if setting is None else problem.run(setting)
