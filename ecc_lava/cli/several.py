"""Options that take several words one after the other, such as ``--bits 4 6 8``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Optional

from typer.core import TyperCommand

__all__ = ["CommandOfSeveral", "Several", "Words", "several_of", "values"]

Words = Optional[list[str]]
"""The value of such an option: one string each time the user gives the option, its words joined by commas."""


@dataclass(frozen=True)
class Several:
    """Mark, beside its `typer.Option`, an option that takes several words.

    Attributes
    ----------
    pattern : str
        Regular expression of every word after the first; the first word always belongs to the option.
    """

    pattern: str


def several_of(names: Iterable[str]) -> Several:
    """Return the mark of an option that takes several names."""
    return Several("|".join(re.escape(name) for name in names))


def values(words: Sequence[str] | None) -> list[str]:
    """Return the values of an option that takes several words: its strings, split at commas."""
    return [value for word in words or () for value in word.split(",") if value]


class CommandOfSeveral(TyperCommand):
    """A command whose options may take several words."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Join the words after such an option by commas."""
        patterns = self._patterns()
        words: list[str] = []
        waiting = list(args)
        while waiting:
            words.append(waiting.pop(0))
            given = list(takewhile(patterns[words[-1]].fullmatch, waiting)) if words[-1] in patterns else []
            if given:
                words.append(",".join(given))
                waiting = waiting[len(given) :]
        return list(super().parse_args(ctx, words))

    def _patterns(self) -> dict[str, re.Pattern[str]]:
        """Return the patterns of the options that are marked."""
        assert self.callback is not None
        parameters = inspect.signature(self.callback, eval_str=True).parameters
        marks = {name: getattr(parameter.annotation, "__metadata__", ()) for name, parameter in parameters.items()}
        return {
            option: re.compile(mark.pattern)
            for parameter in self.params
            for mark in marks.get(str(parameter.name), ())  # an option that click adds has no parameter
            if isinstance(mark, Several)
            for option in parameter.opts
        }
