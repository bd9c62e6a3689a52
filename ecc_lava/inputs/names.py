"""Which arrays of an archive are the images and the labels of a split, in the spellings that people use."""

from __future__ import annotations

from collections.abc import Sequence

from ecc_lava.errors import InvalidInput

__all__ = ["image_names", "label_name"]

_SPLITS = {"train": ("train", "training"), "test": ("test", "testing")}
_IMAGES = ("x", "images", "image", "imgs", "data", "inputs")
_LABELS = ("y", "labels", "label", "targets", "target", "classes")
_UNSPLIT: dict[tuple[str, ...], tuple[str, ...]] = {_IMAGES: (*_IMAGES, "arr_0"), _LABELS: (*_LABELS, "arr_1")}
"""Names without a split; `numpy.savez(path, x, y)` makes the last of each."""


def image_names(names: Sequence[str], split: str) -> dict[str, str]:
    """Return the names of the arrays that hold a split's images, by input; "" for the only input.

    ``x_test`` comes first, then ``x_test_NAME`` for each input, then other spellings (``X_test``, ``test_images``, ``testX``), then arrays
    that name no split (``images``, ``arr_0``), unless others name the other split.

    Raises
    ------
    InvalidInput
        If several arrays may be meant.
    """
    prefix = f"x_{split}_"
    by_input = {name[len(prefix) :]: name for name in names if name.startswith(prefix)}
    if f"x_{split}" not in names and by_input:
        return by_input
    found = _found(names, split, _IMAGES, f"x_{split}")
    return {} if found is None else {"": found}


def label_name(names: Sequence[str], split: str) -> str | None:
    """Return the name of the array that holds a split's labels, or None; order and errors as for `image_names`."""
    return _found(names, split, _LABELS, f"y_{split}")


def _found(names: Sequence[str], split: str, words: tuple[str, ...], usual: str) -> str | None:
    if usual in names:
        return usual
    spelt = _spelt(split, words)
    others = set().union(*(_spelt(other, (*_IMAGES, *_LABELS)) for other in _SPLITS if other != split))
    unsplit = {_plain(word) for word in _UNSPLIT[words]} if not others.intersection(map(_plain, names)) else set()
    for known in (spelt, unsplit):
        meant = [name for name in names if _plain(name) in known]
        if len(meant) > 1:
            raise InvalidInput(f"holds {' and '.join(meant)}, which may each be meant by {usual}; name one of them so")
        if meant:
            return meant[0]
    return None


def _spelt(split: str, words: tuple[str, ...]) -> set[str]:
    """Return the spellings of a split's arrays."""
    return {_plain(spelling) for word in words for part in _SPLITS[split] for spelling in (word + part, part + word)}


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
