"""What a study varies: a setting of a conversion, and grids of settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, TypeAlias

from ecc_lava.conversion import DEFAULT_RECIPE, RECIPES, CurrentNormalisation, Pass
from ecc_lava.errors import InvalidInput
from ecc_lava.formats import DEFAULT_FORMAT, number_format
from ecc_lava.inputs import CODINGS, InputCoding
from ecc_lava.networks import check_payload
from ecc_lava.quantisation import DEFAULT, Bits, bits_of, widths_by_name

__all__ = ["Grid", "Setting", "Widths", "grid"]

Widths: TypeAlias = int | tuple[tuple[str, int], ...]
"""One width for all weights, or (population, width) pairs in the order of their names."""


@dataclass(frozen=True)
class Setting:
    """Everything about a conversion that a study varies.

    Attributes
    ----------
    timesteps : int
        T.
    bits : int, or tuple of (population name, int)
        Width of all weights, or widths by the population that the weights lead into.
    format : str
    recipe : str
        A name in `ecc_lava.RECIPES`.
    coding : str
    percentile : float
        The percentile of the activations that lambda is.
    """

    timesteps: int
    bits: Widths
    format: str
    recipe: str
    coding: str
    percentile: float

    def __post_init__(self) -> None:
        if isinstance(self.timesteps, bool) or not isinstance(self.timesteps, int) or self.timesteps < 1:
            raise InvalidInput(f"timesteps {self.timesteps!r}; a whole number of at least 1 is needed")
        if self.recipe not in RECIPES:
            raise InvalidInput(f"recipe {self.recipe!r} is not known; known: {', '.join(RECIPES)}")
        if self.coding not in CODINGS:
            raise InvalidInput(f"coding {self.coding!r} is not known; known: {', '.join(CODINGS)}")
        CurrentNormalisation("layer", self.percentile)  # refuses a number that is no percentile
        names = [] if isinstance(self.bits, int) else [name for name, _ in self.bits if name != DEFAULT]
        bits_of(self.widths, names, number_format(self.format))
        check_payload((InputCoding(self.coding),), number_format(self.format))

    @classmethod
    def of(
        cls,
        timesteps: int,
        bits: Bits,
        format: str = DEFAULT_FORMAT,
        recipe: str = DEFAULT_RECIPE,
        coding: str | None = None,
        percentile: float | None = None,
    ) -> Setting:
        """Return a setting; None stands for the default of `convert`."""
        widths: Widths = bits if isinstance(bits, int) else tuple(sorted(widths_by_name(bits).items()))
        if percentile is None:
            percentile = _own_percentile(recipe)
        return cls(timesteps, widths, format, recipe, coding or number_format(format).default_coding, float(percentile))

    @property
    def widths(self) -> Bits:
        """The widths as `quantise` takes them."""
        return self.bits if isinstance(self.bits, int) else dict(self.bits)

    @property
    def passes(self) -> tuple[Pass, ...]:
        """The recipe's passes, with lambda at this percentile."""
        lambda_ = CurrentNormalisation
        return tuple(lambda_(s.per, self.percentile) if isinstance(s, lambda_) else s for s in RECIPES[self.recipe])

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values; widths by population are an object."""
        return {**asdict(self), "bits": self.bits if isinstance(self.bits, int) else dict(self.bits)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Setting:
        """Return the setting that `as_dict` describes."""
        return cls.of(**values)


def _own_percentile(recipe: str) -> float:
    """Return a recipe's own percentile."""
    own = [step.percentile for step in RECIPES.get(recipe, ()) if isinstance(step, CurrentNormalisation)]
    return own[0] if own else 100.0


@dataclass(frozen=True)
class Grid:
    """Settings in order, and the combinations that no chip can run.

    Attributes
    ----------
    settings : tuple of Setting
        Without repetitions.
    left_out : tuple of str
        For every combination left out, which one and why.
    """

    settings: tuple[Setting, ...]
    left_out: tuple[str, ...]


def grid(
    *,
    bits: Iterable[Bits],
    timesteps: Iterable[int],
    formats: Sequence[str] = (DEFAULT_FORMAT,),
    recipes: Sequence[str] = (DEFAULT_RECIPE,),
    codings: Sequence[str | None] = (None,),
    percentiles: Sequence[float | None] = (None,),
) -> Grid:
    """Return all combinations; None stands for the format's own coding and the recipe's own percentile.

    A combination is left out if the format's spikes cannot carry the coding. A value that is wrong by itself is an error.

    Raises
    ------
    InvalidInput
        For unknown names, impossible widths or numbers, or if no setting is left.
    """
    settings: dict[Setting, None] = {}
    left_out: dict[str, None] = {}
    for format, recipe, coding, percentile, t, b in product(formats, recipes, codings, percentiles, list(timesteps), list(bits)):
        if coding == "graded" and number_format(format).default_coding != "graded":
            left_out[f"{format} with graded input: its spikes are binary"] = None
        else:
            settings[Setting.of(t, b, format, recipe, coding, percentile)] = None
    if not settings:
        why = "; ".join(left_out) or "bits and timesteps are needed"
        raise InvalidInput(f"the study has no setting to run: {why}")
    return Grid(tuple(settings), tuple(left_out))
