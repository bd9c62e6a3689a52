"""The settings that a search chooses among."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import is_binary
from ecc_lava.graph import Graph
from ecc_lava.lowering import lower
from ecc_lava.quantisation import DEFAULT, widths_by_name
from ecc_lava.studies.settings import Grid, Others, Setting, Widths

__all__ = ["Space"]

SMALL_SHARE_MAX: Final = 0.25
"""Share of all weights that small layers hold together at most: these layers cost little memory at any width."""


@dataclass(frozen=True)
class Space:
    """The choices of a search: a width for every population with weights, T, and one combination of everything else.

    A population whose weights are all +-alpha, such as an average, has no choice: its weights take one bit.

    Attributes
    ----------
    names : tuple of str
    sizes : tuple of int
        Weights into each population.
    widths, timesteps : tuple of int
    others : tuple of `Others`
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    widths: tuple[int, ...]
    timesteps: tuple[int, ...]
    others: tuple[Others, ...]

    @classmethod
    def of(cls, graph: Graph, grid: Grid) -> Space:
        """Return the choices for a model among the values of a grid's settings."""
        network = lower(graph).network
        sizes: dict[str, int] = {}
        for p in network.projections:
            sizes[p.target] = sizes.get(p.target, 0) + p.geometry.kernel.size
        chosen = {p.target for p in network.projections if not is_binary(p.geometry)}
        sizes = {name: size for name, size in sizes.items() if name in chosen}
        widths = {s.bits for s in grid.settings if isinstance(s.bits, int)}
        if not widths:
            raise InvalidInput("a search chooses among uniform widths, such as bits (2, 3, 4, 6, 8); none are given")
        return cls(
            tuple(sizes),
            tuple(sizes.values()),
            tuple(sorted(widths)),
            tuple(sorted({s.timesteps for s in grid.settings})),
            tuple(dict.fromkeys(s.others for s in grid.settings)),
        )

    def starts(self, grid: Grid) -> list[Setting]:
        """Return the settings of a search's start: the grid's settings, then its uniform settings with wider small layers.

        Small layers get twice the width of the others, or the largest width.
        """
        order = np.argsort(self.sizes, kind="stable")
        small = {self.names[i] for i in order[np.cumsum(np.asarray(self.sizes)[order]) <= SMALL_SHARE_MAX * sum(self.sizes)]}
        uniform = [(s, s.bits) for s in grid.settings if isinstance(s.bits, int)]
        wide = [replace(s, bits=self._widened(bits, wider, small)) for s, bits in uniform for wider in self._wider(bits)]
        return list(dict.fromkeys([*grid.settings, *wide]))

    def _wider(self, bits: int) -> set[int]:
        return {min((w for w in self.widths if w >= 2 * bits), default=self.widths[-1]), self.widths[-1]} - {bits}

    def _widened(self, bits: int, wider: int, small: set[str]) -> Widths:
        """Return widths by population."""
        return self._by_name({name: wider if name in small else bits for name in self.names})

    def _by_name(self, widths: dict[str, int]) -> Widths:
        return tuple(sorted({DEFAULT: self.widths[-1], **widths}.items()))

    def holds(self, setting: Setting) -> bool:
        """Whether a setting is among the choices."""
        widths = (setting.bits,) if isinstance(setting.bits, int) else tuple(width for _, width in setting.bits)
        return set(widths) <= set(self.widths) and setting.timesteps in self.timesteps and setting.others in self.others

    def parameters(self, setting: Setting) -> dict[str, Any]:
        """Return a setting as Optuna's parameters."""
        given = widths_by_name(setting.widths)
        other = self.others.index(setting.others)
        return {
            "timesteps": setting.timesteps,
            "other": other,
            **{f"bits {name}": given.get(name, given.get(DEFAULT)) for name in self.names},
        }

    def suggested(self, asked: Any) -> Setting:
        """Return the setting that a sampler suggests."""
        timesteps = asked.suggest_categorical("timesteps", list(self.timesteps))
        other = asked.suggest_categorical("other", list(range(len(self.others))))
        widths = {name: asked.suggest_categorical(f"bits {name}", list(self.widths)) for name in self.names}
        distinct = set(widths.values())
        return Setting(timesteps, distinct.pop() if len(distinct) == 1 else self._by_name(widths), *self.others[other])
