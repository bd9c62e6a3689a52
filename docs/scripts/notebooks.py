"""A notebook as a page: its text, its code, and what the cells gave where the tests have left an executed copy. Nothing is run here."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXECUTED = ROOT / "notebooks" / "executed"
"""Where `tests/test_notebooks.py` leaves executed copies; not in git."""
TERMINAL_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
ENDINGS = {"image/png": "png", "image/gif": "gif"}
LINES_MAX = 60
"""Most lines of one printed output."""


def _output(output: dict[str, Any], name: str, title: str) -> tuple[str, dict[str, bytes]]:
    """Return one output of a cell as Markdown, and its picture by file name if it is one."""
    data = output.get("data", {})
    for kind, ending in ENDINGS.items():
        if kind in data:
            return f"![{title}: output of the cell above]({name}.{ending})\n", {f"{name}.{ending}": base64.b64decode("".join(data[kind]))}
    if "text/html" in data:
        return '<div class="table" tabindex="0">\n' + "".join(data["text/html"]).replace("\n\n", "\n") + "\n</div>\n", {}
    if output.get("name") == "stderr":
        return "", {}
    text = TERMINAL_COLOURS.sub("", "".join(output.get("text", data.get("text/plain", ""))))
    lines = text.rstrip().split("\n")
    if len(lines) > LINES_MAX:
        lines = [*lines[:LINES_MAX], "..."]
    return ("````text\n" + "\n".join(lines) + "\n````\n" if text.strip() else ""), {}


def _joined(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a cell's outputs with lines that were printed one after the other as one."""
    joined: list[dict[str, Any]] = []
    for output in outputs:
        if output.get("name") == "stdout" and joined and joined[-1].get("name") == "stdout":
            joined[-1] = {**output, "text": "".join([*joined[-1]["text"], *output["text"]])}
        else:
            joined.append(output)
    return joined


def page(path: Path) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as Markdown, and its pictures by file name."""
    executed = EXECUTED / path.name
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    if executed.is_file():
        ran = json.loads(executed.read_text(encoding="utf-8"))["cells"]
        if ["".join(cell["source"]) for cell in ran] == ["".join(cell["source"]) for cell in cells]:  # else it is of another version
            cells = ran
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for at, cell in enumerate(cells):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(f"{source}\n")
            if not at:
                parts.append(f"`uv run --with jupyterlab jupyter lab notebooks/{path.name}` opens this notebook.\n")
            continue
        parts.append(f"````python\n{source}\n````\n")
        for number, output in enumerate(_joined(cell.get("outputs", []))):
            text, shown = _output(output, f"{path.stem}_{at}_{number}", path.stem.replace("_", " "))
            parts.append(text)
            pictures |= shown
    return "\n".join(parts), pictures
