"""What the documents say that can be run: examples in docstrings and in Markdown."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

__all__ = ["failures", "fences"]

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def fences(path: Path, language: str) -> str:
    """Return the blocks of one language in a Markdown file, one after the other."""
    return "\n".join(body for kind, body in FENCE.findall(path.read_text(encoding="utf-8")) if kind == language)


def failures(text: str, names: dict[str, Any], title: str) -> str:
    """Run the examples of a text in one namespace; return what differs from what the text shows."""
    example = doctest.DocTestParser().get_doctest(text, names, title, None, 0)
    assert example.examples, f"{title} has no example"
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False).run(example, out=said.append)
    return "".join(said)
