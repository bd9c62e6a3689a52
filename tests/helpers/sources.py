"""The source files of the packages."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

__all__ = ["HEAVY", "PACKAGES", "ROOT", "SOURCES", "path_within", "text_of", "tree_of"]

ROOT = Path(__file__).parents[2]

PACKAGES = ("ecc_lava", "hw_mappings")

SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

HEAVY = {"tensorflow", "keras", "lava", "h5py", "numba", "matplotlib", "scipy", "sklearn", "rich", "typer"} | {
    "optuna",
    "sqlalchemy",
    "jinja2",
    "markupsafe",
    "PIL",
    "pandas",
    "pyarrow",
    "threadpoolctl",
    "nir",
}


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path))


def path_within(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
