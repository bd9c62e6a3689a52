"""The sizes of a tracker: exemplar, search window, their features and the response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Shape
from ecc_lava.errors import InvalidInput, InvalidNetwork
from ecc_lava.tracking.embeddings import Embedding

__all__ = ["WindowLayout", "checked_shape", "layout_of"]


@dataclass(frozen=True)
class WindowLayout:
    """Sizes that fit together.

    Attributes
    ----------
    exemplar, search : (H, W, C)
        Pixels.
    features : (h, w, C)
        Of a search window.
    cells : (rows, columns)
        Of the response; both are odd, so that the exemplar is the middle of the window.
    """

    exemplar: Shape
    search: Shape
    features: Shape
    cells: tuple[int, int]

    @property
    def middle(self) -> tuple[slice, slice]:
        """The exemplar's features among those of a window around it."""
        rows, columns = (slice(cells // 2, size - cells // 2) for cells, size in zip(self.cells, self.features[:2], strict=True))
        return rows, columns

    @property
    def stride(self) -> tuple[int, int]:
        """Pixels of the window from one cell of the response to the next, vertical and horizontal."""
        rows, columns = ((s - e) // (n - 1) for s, e, n in zip(self.search[:2], self.exemplar[:2], self.cells, strict=True))
        return rows, columns


def checked_shape(given: Sequence[int], what: str) -> Shape:
    """Return a shape of three whole numbers.

    Raises
    ------
    InvalidInput
        If it is none.
    """
    sizes = tuple(given) if isinstance(given, Sequence | np.ndarray) else (given,)
    if len(sizes) != 3 or any(isinstance(s, bool) or not isinstance(s, int | np.integer) or s < 1 for s in sizes):
        raise InvalidInput(f"{what} {given!r}; it needs three whole numbers of at least 1: height, width, channels")
    return int(sizes[0]), int(sizes[1]), int(sizes[2])


def layout_of(embedding: Embedding, exemplar: Shape, search: Shape) -> WindowLayout:
    """Return the sizes of a tracker of an embedding.

    Raises
    ------
    InvalidInput
        If the exemplar is not smaller than the search window, the embedding takes no windows of its size, or the two sizes do not differ
        by an even multiple of the embedding's stride.
    """
    if exemplar[2] != search[2] or any(e >= s for e, s in zip(exemplar[:2], search[:2], strict=True)):
        raise InvalidInput(f"exemplar_shape {exemplar} and search_shape {search}; the search is larger, and both have the same channels")
    features = embedding.feature_shape(search)
    try:
        inner = embedding.feature_shape(exemplar)
    except InvalidNetwork as error:
        raise InvalidInput(
            f"the embedding makes no features of an exemplar of {exemplar}: {error}. It needs convolutions, pools and activations alone, "
            "and an exemplar that its kernels fit on"
        ) from error
    cells = [outer - own + 1 for outer, own in zip(features[:2], inner[:2], strict=True)]
    strides = [(s - e) / max(count - 1, 1) for s, e, count in zip(search[:2], exemplar[:2], cells, strict=True)]
    if min(cells) < 3 or any(count % 2 == 0 for count in cells) or any(stride != int(stride) for stride in strides):
        raise InvalidInput(
            f"exemplar_shape {exemplar} gives features of {inner[:2]}, search_shape {search} of {features[:2]}: a response of "
            f"{tuple(cells)}; it needs an odd number of at least 3 on each side: let the two sizes differ by an even multiple of the "
            "embedding's stride"
        )
    return WindowLayout(exemplar, search, features, (cells[0], cells[1]))
