"""What a study varies: a setting of a conversion, and grids of settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from math import isfinite
from typing import Any, TypeAlias

from ecc_lava.common import PAYLOAD_BITS_MAX, TIMESTEPS_MAX
from ecc_lava.conversion import DEFAULT_RECIPE, RECIPES, CurrentNormalisation, Pass, payload_of
from ecc_lava.errors import InvalidInput
from ecc_lava.formats import DEFAULT_FORMAT, number_format
from ecc_lava.inputs import CODINGS, PAYLOAD_MAX, InputCoding
from ecc_lava.networks import check_payload
from ecc_lava.quantisation import DEFAULT, Bits, bits_of, widths_by_name

__all__ = ["Grid", "Others", "Sends", "Setting", "Widths", "grid"]

Widths: TypeAlias = int | tuple[tuple[str, int], ...]
"""One width for all weights, or (population, width) pairs in the order of their names."""

Others: TypeAlias = tuple[str, str, str, float, int, bool, int, float | None]
"""Format, recipe, coding, percentile, payload bits, whether payloads are signed, threshold, and most error."""

Sends: TypeAlias = tuple[int, float | None]
"""Threshold and most error of a setting."""


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
    payload_bits : int
        Bits that a spike carries between layers.
    signed_spikes : bool
        Whether payloads may be negative.
    threshold : int
        theta of every population of a stream, or the largest payload of a population where that is less; 0 is no stream: images, or each
        frame whole.
    max_error : float or None
        Instead of one theta, the error within which the thresholds of a stream are chosen.
    """

    timesteps: int
    bits: Widths
    format: str
    recipe: str
    coding: str
    percentile: float
    payload_bits: int = 1
    signed_spikes: bool = False
    threshold: int = 0
    max_error: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.timesteps, bool) or not isinstance(self.timesteps, int) or not 1 <= self.timesteps <= TIMESTEPS_MAX:
            raise InvalidInput(f"timesteps {self.timesteps!r:.40}; a whole number from 1 to {TIMESTEPS_MAX} is needed")
        if self.recipe not in RECIPES:
            raise InvalidInput(f"recipe {self.recipe!r} is not known; known: {', '.join(RECIPES)}")
        if self.coding not in CODINGS:
            raise InvalidInput(f"coding {self.coding!r} is not known; known: {', '.join(CODINGS)}")
        CurrentNormalisation("layer", self.percentile)  # refuses a number that is no percentile
        names = [] if isinstance(self.bits, int) else [name for name, _ in self.bits if name != DEFAULT]
        bits_of(self.widths, names, number_format(self.format))
        check_payload((InputCoding(self.coding),), number_format(self.format))
        payload_of(self.payload_bits, self.signed_spikes, number_format(self.format))
        _check_sends(self.threshold, self.max_error)
        if self.is_stream and (why := _no_stream(self.timesteps, self.coding)):
            raise InvalidInput(f"{why}, and the setting has {self.sends}")

    @classmethod
    def of(
        cls,
        timesteps: int,
        bits: Bits,
        format: str = DEFAULT_FORMAT,
        recipe: str = DEFAULT_RECIPE,
        coding: str | None = None,
        percentile: float | None = None,
        **more: Any,
    ) -> Setting:
        """Return a setting; None stands for the default of `convert`, and the other fields are given by their names."""
        widths: Widths = bits if isinstance(bits, int) else tuple(sorted(widths_by_name(bits).items()))
        if percentile is None:
            percentile = _own_percentile(recipe)
        chosen = coding or number_format(format).default_coding
        return cls(timesteps, widths, format, recipe, chosen, float(percentile), **more)

    @property
    def others(self) -> Others:
        """Everything but T and the widths."""
        spikes = self.payload_bits, self.signed_spikes, self.threshold, self.max_error
        return self.format, self.recipe, self.coding, self.percentile, *spikes

    @property
    def is_stream(self) -> bool:
        """Whether the network is a sigma-delta stream."""
        return self.threshold > 0 or self.max_error is not None

    @property
    def unstreamed(self) -> Setting:
        """The setting of the network that the stream is made of."""
        return replace(self, threshold=0, max_error=None)

    @property
    def sends(self) -> str:
        """What a stream sends, in words; nothing for other networks."""
        if self.max_error is not None:
            return f"changes within {100 * self.max_error:g} %"
        return f"changes of {self.threshold}" if self.threshold else ""

    @property
    def spikes(self) -> str:
        """What spikes carry, in words."""
        return "binary" if self.payload_bits == 1 and not self.signed_spikes else f"{'signed ' * self.signed_spikes}{self.payload_bits} bit"

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


def _check_sends(threshold: int, max_error: float | None) -> None:
    if isinstance(threshold, bool) or not isinstance(threshold, int) or not 0 <= threshold <= PAYLOAD_MAX:
        raise InvalidInput(f"threshold {threshold!r:.40}; a whole number from 1 to {PAYLOAD_MAX} is needed, or 0 for no stream")
    if max_error is not None and not (isfinite(max_error) and max_error >= 0):
        raise InvalidInput(f"max_error {max_error}; it must be a number of at least 0, such as 0.01 for one percent")
    if threshold and max_error is not None:
        raise InvalidInput(f"threshold {threshold} and max_error {max_error:g}: a stream has one of the two")


def _no_stream(timesteps: int, coding: str) -> str | None:
    """Return why a network with these settings makes no stream."""
    if timesteps != 1:
        return f"T = {timesteps} makes no stream: it takes one timestep a frame"
    return None if coding == "graded" else f"the coding {coding} makes no stream: it sends changes of graded values"


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
    payloads: Sequence[tuple[int, bool]] = ((1, False),),
    sends: Sequence[Sends] = ((0, None),),
) -> Grid:
    """Return all combinations; None stands for the format's own coding and the recipe's own percentile.

    A payload is a number of bits and whether it may be negative.

    A combination is left out if the format's spikes cannot carry the coding or the payload, or if it is to be a stream and makes none.
    A value that is wrong by itself is an error.

    Raises
    ------
    InvalidInput
        For unknown names, impossible widths or numbers, or if no setting is left.
    """
    settings: dict[Setting, None] = {}
    left_out: dict[str, None] = {}
    for theta, error in sends:
        _check_sends(theta, error)
    chosen = product(formats, recipes, codings, percentiles, payloads, list(timesteps), list(bits), sends)
    for format, recipe, coding, percentile, (payload, signed), t, b, (theta, error) in chosen:
        held = number_format(format)
        is_stream = theta > 0 or error is not None
        if coding == "graded" and held.default_coding != "graded":
            left_out[f"{format} with graded input: its spikes are binary"] = None
        elif held.payload_bits < payload <= PAYLOAD_BITS_MAX and payload > 1:
            left_out[f"{format} with payloads of {payload} bits: its spikes carry {max(held.payload_bits, 1)}"] = None
        elif is_stream and (why := _no_stream(t, coding or held.default_coding)):
            left_out[why] = None
        else:
            spikes = {"payload_bits": payload, "signed_spikes": signed, "threshold": theta, "max_error": error}
            settings[Setting.of(t, b, format, recipe, coding, percentile, **spikes)] = None
    if not settings:
        why = "; ".join(left_out) or "bits and timesteps are needed"
        raise InvalidInput(f"the study has no setting to run: {why}")
    return Grid(tuple(settings), tuple(left_out))
