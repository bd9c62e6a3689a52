"""The schedule that says which sample a population works on at each step."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Clock"]


class Clock(NamedTuple):
    """The schedule of N samples streaming through a network of depth D.

    A population at depth d works on sample n in the steps ``nT + d .. nT + d + T - 1``; the whole run takes ``N*T + D`` steps.

    Attributes
    ----------
    samples, timesteps, depth : int
        N, T and D.
    """

    samples: int
    timesteps: int
    depth: int

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.samples * self.timesteps + self.depth

    def window(self, depth: int, step: int) -> tuple[int, int] | None:
        """Return (sample, step within its window) of a population at `depth`, or None before its first and after its last window."""
        if not 0 <= step - depth < self.samples * self.timesteps:
            return None
        return divmod(step - depth, self.timesteps)

    def starts(self, depth: int, step: int) -> bool:
        """Whether a population at `depth` takes its initial potential at this step, also before its first window."""
        return (step - depth) % self.timesteps == 0

    def ends(self, depth: int, step: int) -> bool:
        """Whether `step` is the last of a window of a population at `depth`."""
        return self.window(depth, step) is not None and (step - depth + 1) % self.timesteps == 0
