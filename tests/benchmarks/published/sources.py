"""The sources, a line each."""

from __future__ import annotations

from tests.benchmarks.published import binarised, ecc, flim, rueckauer
from tests.benchmarks.published.claims import Source

__all__ = ["SOURCES"]

SOURCES: dict[str, Source] = {
    "binarised": binarised.SOURCE,
    "flim": flim.SOURCE,
    "rueckauer": rueckauer.SOURCE,
    "ecc": ecc.SOURCE,
}
"""Name of a source -> how it is measured."""
