"""Writes the reports and spikes that reach the sink into the results, in plain numpy."""

from __future__ import annotations

from collections.abc import Mapping

from ecc_lava.backends.lava.cores.clock import Clock
from ecc_lava.backends.lava.cores.plan import CorePlan
from ecc_lava.common import Array

__all__ = ["Recorder"]


class Recorder:
    """Writes what one core sends into the results.

    Parameters
    ----------
    core : CorePlan
    clock : Clock
    results : mapping of arrays
        Laid out by `host.memory.plan_layout`.
    """

    def __init__(self, core: CorePlan, clock: Clock, results: Mapping[str, Array]) -> None:
        self._core, self._clock, self._results = core, clock, results

    def expects_report(self, step: int) -> bool:
        """Whether the core reports at this step, by the core's own rule."""
        for part in self._core.shards:
            if self._clock.ends(part.depth, step) or (part.over_time and self._clock.window(part.depth, step) is not None):
                return True
        return False

    def spikes(self, step: int, message: Array) -> None:
        """Store a core's spikes of `step` in the rasters that are kept; spikes outside a window belong to no sample."""
        for part in self._core.shards:
            raster, window = self._results.get(f"{part.shard.population}/raster"), self._clock.window(part.depth, step)
            if raster is not None and part.fires and window is not None:
                sent = message[part.offset : part.offset + part.shard.neurons]
                raster[window][part.shard.slices] = sent.reshape(part.shard.shape)

    def report(self, step: int, message: Array) -> None:
        """Store a core's report of `step` for every shard whose window ends or whose potential is kept over time."""
        start = 0
        for part in self._core.shards:
            name, window = part.shard.population, self._clock.window(part.depth, step)
            of_neurons = message[start : start + part.reported - 2].reshape(-1, *part.shard.shape)
            clips = message[start + part.reported - 2 : start + part.reported]
            start += part.reported
            if window is None:
                continue
            if part.over_time:
                self._results[f"{name}/over_time"][window][part.shard.slices] = of_neurons[0]
            if self._clock.ends(part.depth, step):
                for what, values in zip(("potential", "counts", "sent"), of_neurons, strict=False):
                    self._results[f"{name}/{what}"][window[0]][part.shard.slices] = values
                self._results[f"{name}/clips"] += clips
