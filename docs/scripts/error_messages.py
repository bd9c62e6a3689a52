"""Every error message of the code, read from its source: what the page on troubleshooting lists. Nothing of the code is run."""

from __future__ import annotations

import ast
import functools
import html
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGES = ("ecc_lava", "hw_mappings")
PLACE = "<!-- error messages -->"
"""Where the page has the tables."""
GAP = "…"
"""What stands for a name, a number or words that differ from case to case."""
ERRORS = {
    "InvalidInput": "Change the argument or option that the message names.",
    "InvalidNetwork": "Make the network or mapping again with this version; a program that writes its own has to keep what is said.",
    "FileError": "Give the path of a whole, readable file of the kind; make a damaged one again.",
    "RangeError": "Use wider weights, fewer timesteps or other payload bits, or calibrate on images of the same range.",
    "DoesNotFit": "The last sentence of the message has the smallest change that fits.",
    "MissingDependency": "Install the package that the message names.",
    "LavaError": "Run again; the lines that follow are of Lava's own process.",
    "Refused": "Replace the layer before training, as the message says. One message names all such layers of a model.",
}
"""Class of an error -> what to do where the message itself does not say. `Refused` becomes one line of an `UnsupportedModel`."""
EXPLAINS = "explain_"
"""How the names of functions begin that return the text of a `DoesNotFit`."""
PASSED_ON = {
    "ecc_lava/backends/lava/host/supervisor.py": "the message of Lava's process, as it is",
    "ecc_lava/storage/network_file.py": "the message of another error, as it is",
}
"""File -> what it passes on from elsewhere, as it is."""


class Message(NamedTuple):
    """One message: file, line, class of the error, and its text with gaps."""

    path: str
    line: int
    error: str
    text: str

    @property
    def room(self) -> str:
        """The room that raises it, as docs/design.md names it."""
        package, first, *_ = self.path.split("/")
        return f"{package}/{Path(first).stem}"

    @property
    def first_words(self) -> str:
        """What one searches for: the words before the second gap."""
        return (
            GAP.join(self.text.split(GAP)[:2]).strip(f" ,:;('\"`{GAP}")
            if not self.text.startswith(GAP)
            else self.text.split(GAP)[1].strip()
        )


@functools.cache
def _trees() -> dict[str, ast.Module]:
    paths = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


@functools.cache
def _definitions() -> dict[str, list[ast.expr]]:
    """Return what every name of the code can be, as far as that is text: values of constants, and what functions return."""
    found: dict[str, list[ast.expr]] = {}
    for tree in _trees().values():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, []).extend(n.value for n in ast.walk(node) if isinstance(n, ast.Return) and n.value is not None)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found.setdefault(node.targets[0].id, []).append(node.value)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                found.setdefault(node.target.id, []).append(node.value)
    return found


def _text(node: ast.expr, depth: int = 0) -> str:
    """Return an expression's text, with gaps for what is known only when it runs."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(value, depth) for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left, depth) + _text(right, depth)
        case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)) if depth < 3 and (isinstance(node, ast.Call) or name.isupper()):
            return max((_text(value, depth + 1) for value in _definitions().get(name, [])), key=len, default=GAP)
    return GAP


@functools.cache
def catalogue() -> tuple[Message, ...]:
    """Return the message of every error that the code makes, by file and line."""
    found = []
    for path, tree in _trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS and node.args:
                text = re.sub(rf"(?:{GAP}\s*)+(?={GAP})", "", " ".join(_text(node.args[0]).split()))
                found.append(Message(path, node.lineno, node.func.id, text))
            elif isinstance(node, ast.FunctionDef) and node.name.startswith(EXPLAINS):
                texts = (_text(n.value) for n in ast.walk(node) if isinstance(n, ast.Return) and n.value is not None)
                found += [Message(path, node.lineno, "DoesNotFit", text) for text in texts if text != GAP]
    return tuple(found)


def matches(said: str) -> list[Message]:
    """Return the messages of the catalogue that a message as a user sees it can be, the longest first."""
    said = " ".join(said.split())
    patterns = ((m, ".*".join(map(re.escape, m.text.split(GAP)))) for m in catalogue())
    return sorted((m for m, pattern in patterns if re.fullmatch(pattern, said) and m.text != GAP), key=lambda m: -len(m.text))


def _row(message: Message) -> str:
    cause, semicolon, remedy = message.text.rpartition("; ")
    if not semicolon or len(cause) < 12 or remedy == GAP:
        cause, remedy = message.text, ERRORS[message.error]
    cells = (
        html.escape(text).replace("|", "&#124;").replace("`", "&#96;").replace("*", "&#42;").replace("_", "&#95;")
        for text in (cause, remedy)
    )
    return f"| {' | '.join(cells)} |"


def tables() -> str:
    """Return all messages as Markdown: a section for each class of error, a table for each room in it."""
    lines = []
    for error, remedy in ERRORS.items():
        messages = sorted(
            {m._replace(line=0) for m in catalogue() if m.error == error}, key=lambda m: (m.room, m.text.lstrip(GAP + " ").lower())
        )
        lines += ["", f"## {error if error != 'Refused' else 'Lines of UnsupportedModel'}", "", remedy]
        room = ""
        for message in messages:
            if message.text == GAP:
                continue
            if message.room != room:
                room = message.room
                lines += ["", f"**`{room}`**", "", "| message | remedy |", "|---|---|"]
            lines.append(_row(message))
    return "\n".join(lines)
