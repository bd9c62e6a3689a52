"""The depth of every population, from which the clock and all delays follow."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["depths"]


def depths(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return every population's depth: its longest path from a source, in projections.

    Parameters
    ----------
    names : populations in topological order
    edges : (source, target) pairs
    """
    depth = dict.fromkeys(names, 0)
    sources: dict[str, list[str]] = {name: [] for name in names}
    for source, target in edges:
        sources[target].append(source)
    for name in names:
        depth[name] = max((depth[source] + 1 for source in sources[name]), default=0)
    return depth
