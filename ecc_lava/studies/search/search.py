"""The options of a search."""

from __future__ import annotations

from dataclasses import dataclass

from ecc_lava.errors import InvalidInput
from ecc_lava.studies.objectives import objective
from ecc_lava.studies.search.samplers import SAMPLERS

__all__ = ["Search"]


@dataclass(frozen=True)
class Search:
    """The options of a search.

    Attributes
    ----------
    trials : int
        Number of settings that run, including the start: the uniform widths at every T, and the same with wider small layers.
    objectives : tuple of str
        Names in `ecc_lava.studies.OBJECTIVES`; by default all that have figures.
    sampler : str
        A name in `ecc_lava.studies.SAMPLERS`.
    selection : int or None
        Number of first images that select settings, by agreement with the CNN and never by labels; the other images evaluate the selected
        settings. By default half of the images, at most 1,000.
    seed : int
    """

    trials: int = 60
    objectives: tuple[str, ...] = ()
    sampler: str = "nsga2"
    selection: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.trials < 2:
            raise InvalidInput(f"a search of {self.trials} trials; at least 2 are needed")
        if self.sampler not in SAMPLERS:
            raise InvalidInput(f"sampler {self.sampler!r} is not known; known: {', '.join(SAMPLERS)}")
        for name in self.objectives:
            objective(name)

    def split(self, images: int) -> int:
        """Return the number of images that select."""
        chosen = min(images // 2, 1000) if self.selection is None else self.selection
        if not 0 < chosen < images:
            raise InvalidInput(f"{chosen} of {images} images select settings; at least 1 must select and 1 must be left to evaluate")
        return chosen
