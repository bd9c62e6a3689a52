"""Draws docs/pipeline.svg, the picture of the pipeline in README: `python docs/scripts/pipeline.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

FILE = Path(__file__).parents[1] / "pipeline.svg"
WIDTH, HEIGHT, BOX = 980, 224, 164
BLUE, INK, PALE, GREEN = "#4051b5", "#1b1f3b", "#e8eaf6", "#1b6e3c"

STAGES = [
    ("trained Keras CNN", "float32"),
    ("spiking network", "integrate-and-fire, calibrated"),
    ("integer network", "the chip's formats, 2 to 16 bits"),
    ("mapping", "shards on cores on a mesh"),
    ("Lava processes", "one for each core"),
]
COMMANDS = ["convert", "convert", "map", "deploy"]


def _layers(x: float) -> str:
    """Draw a CNN: maps that shrink and multiply."""
    parts = []
    for at, side, maps in ((0, 46, 2), (52, 30, 3), (94, 16, 5)):
        parts += [
            f'<rect x="{x + 12 + at + 3 * m}" y="{88 - side / 2 + 3 * m}" width="{side}" height="{side}" fill="{PALE}" stroke="{BLUE}"/>'
            for m in range(maps)
        ]
    return "".join(parts)


def _spikes(x: float) -> str:
    """Draw spikes of five neurons."""
    return "".join(
        f'<path d="M{x + 20 + 8 * t} {66 + 13 * n}v9" stroke="{BLUE}" stroke-width="2"/>'
        for n, period in enumerate((2, 3, 5, 4, 7))
        for t in range(n % period, 16, period)
    )


def _integers(x: float) -> str:
    """Draw weights as whole numbers."""
    rows = (("17", "-4", "96"), ("-128", "5", "33"), ("64", "-71", "127"))
    return "".join(
        f'<text x="{x + 52 + 40 * c}" y="{78 + 20 * r}" font-size="13" text-anchor="end" font-family="monospace">{word}</text>'
        for r, row in enumerate(rows)
        for c, word in enumerate(row)
    )


def _mesh(x: float, linked: bool) -> str:
    """Draw cores on a mesh, of three layers; or processes with messages between them."""
    shades = (BLUE, "#7986cb", "#c5cae9")
    parts = []
    for row in range(4):
        for column in range(6):
            layer = min((row + column) // 3, 2)
            at = f'x="{x + 24 + 20 * column}" y="{62 + 17 * row}"'
            if linked:
                at = f'x="{x + 26 + 20 * column}" y="{63 + 17 * row}" rx="5"'
                if column:
                    parts.append(f'<path d="M{x + 18 + 20 * column} {68 + 17 * row}h10" stroke="{INK}"/>')
            parts.append(f'<rect {at} width="{12 if linked else 16}" height="{10 if linked else 13}" fill="{shades[layer]}"/>')
    return "".join(parts)


def picture() -> str:
    """Return the picture as SVG."""
    inside: list[Callable[[float], str]] = [_layers, _spikes, _integers, lambda x: _mesh(x, False), lambda x: _mesh(x, True)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" font-family="sans-serif" fill="{INK}">',
        "<title>A CNN becomes spikes, integers, cores and processes, with a check at every stage</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    step = (WIDTH - BOX) / 4
    for number, ((title, sub), draw) in enumerate(zip(STAGES, inside, strict=True)):
        x = number * step
        parts.append(f'<text x="{x + BOX / 2}" y="20" font-size="15" font-weight="bold" text-anchor="middle">{title}</text>')
        parts.append(f'<text x="{x + BOX / 2}" y="38" font-size="11" text-anchor="middle">{sub}</text>')
        parts.append(f'<rect x="{x + 1}" y="48" width="{BOX - 2}" height="92" rx="8" fill="none" stroke="{BLUE}" stroke-width="1.5"/>')
        parts.append(draw(x))
        if number:
            parts.append(f'<path d="M{x - step + BOX + 4} 94H{x - 6}m-7 -5l7 5l-7 5" fill="none" stroke="{BLUE}" stroke-width="2"/>')
            parts.append(f'<text x="{x - (step - BOX) / 2}" y="84" font-size="11" text-anchor="middle">{COMMANDS[number - 1]}</text>')
    for left, right, words in (
        (0, 2, "check: accuracy, agreement, the loss of each step and layer"),
        (2, 3, "map: no limit exceeded, a lower bound"),
        (2, 4, "check, deploy: 0 spikes, potentials and counters differ"),
    ):
        y = 212 if (left, right) == (2, 4) else 166
        start, end = left * step + BOX / 2 + (12 if left else 0), right * step + BOX / 2 - (12 if right == 2 else 0)
        parts.append(f'<path d="M{start} {y - 18}v6H{end}v-6" fill="none" stroke="{GREEN}" stroke-width="1.5"/>')
        parts.append(f'<text x="{(start + end) / 2}" y="{y + 6}" font-size="12" fill="{GREEN}" text-anchor="middle">{words}</text>')
    return "\n".join([*parts, "</svg>\n"])


if __name__ == "__main__":
    FILE.write_text(picture(), encoding="utf-8")
