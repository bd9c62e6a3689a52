"""What the source files import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.helpers.sources import PACKAGES, ROOT, path_within, text_of, tree_of

__all__ = ["imports_of", "module_of", "own_imports"]


@cache
def _is_submodule(package: str, name: str) -> bool:
    """Whether ``from package import name`` names a file of ours; where a function has the file's name, the function is meant."""
    folder = ROOT / package.replace(".", "/")
    if not (folder / f"{name}.py").is_file():
        return False
    return f" {name}" not in text_of(folder / "__init__.py")


@cache
def imports_of(path: Path, named: bool = True) -> tuple[tuple[str, bool], ...]:
    """Return every imported module and whether the import is inside a function; imports for the type checker alone do not count.

    With `named`, also what `from` imports name, as it may be a module.
    """

    def walk(node: ast.AST, inside: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.Import):
                yield from ((alias.name, inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path_within(path)}: a relative import"
                if not _is_submodule(str(child.module), child.names[0].name):
                    yield str(child.module), inside
                if named or _is_submodule(str(child.module), child.names[0].name):
                    yield from ((f"{child.module}.{alias.name}", inside) for alias in child.names)
            else:
                yield from walk(child, inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))

    return tuple(walk(tree_of(path), False))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def own_imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield every module of these packages that a file imports from, and whether the import is inside a function."""
    for module, inside in imports_of(path, named=False):
        if module.split(".")[0] in PACKAGES:
            yield module, inside
