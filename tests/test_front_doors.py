"""What an import costs, and that public names are what they say."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from types import ModuleType

import pytest

import ecc_lava
import hw_mappings
from tests.helpers.sources import HEAVY, PACKAGES, ROOT, SOURCES, path_within, tree_of


def _loaded_by(code: str) -> tuple[set[str], float]:
    """Return the top-level packages that a fresh interpreter holds after `code`, and the processor time that `code` took beside
    importing NumPy, in times as much as that took: this is so on slow machines too."""
    program = (
        "import time, sys\nstart = time.process_time()\nimport numpy\nbegan = time.process_time()\n"
        f"{code}\ntook = (time.process_time() - began) / (began - start)\n"
        "import json\nprint(json.dumps([sorted({m.split('.')[0] for m in sys.modules}), took]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    modules, took = json.loads(done.stdout.splitlines()[-1])
    return set(modules), took


def test_import_ecc_lava_needs_numpy_at_most() -> None:
    modules, took = _loaded_by("import ecc_lava")
    assert not modules & HEAVY
    assert "hw_mappings" not in modules
    assert took < 8


def test_import_hw_mappings_needs_numpy_alone() -> None:
    modules, took = _loaded_by("import hw_mappings")
    assert not modules & HEAVY
    assert took < 8


def test_every_public_name_needs_numpy_alone() -> None:
    names = list(ecc_lava.__all__)
    modules, took = _loaded_by(f"import ecc_lava\nfor name in {names!r}: getattr(ecc_lava, name)")
    assert not modules & HEAVY
    assert took < 15


def test_the_help_of_the_command_line_loads_no_model_library() -> None:
    modules, _ = _loaded_by("from ecc_lava.cli.app import app")
    assert not modules & (HEAVY - {"rich", "typer"})


@pytest.mark.parametrize("package", [ecc_lava, hw_mappings], ids=PACKAGES)
def test_public_names_resolve(package: ModuleType) -> None:
    names = package.__all__
    assert len(set(names)) == len(names)
    for name in names:
        assert getattr(package, name) is not None
    assert set(names) <= set(dir(package))


def test_public_names_of_modules_resolve() -> None:
    for path in SOURCES:
        tree = tree_of(path)
        exported = [n for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__"]
        if not exported or "processes" in path.parts:
            continue
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
        for name in ast.literal_eval(exported[0].value):
            assert hasattr(module, name), f"{path_within(path)} exports {name}, which it does not have"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ecc_lava.nothing


def test_lazy_names_are_listed_for_the_type_checker_too() -> None:
    """The table that is used at run time and the imports that the type checker reads agree."""
    tree = ast.parse((ROOT / "ecc_lava/__init__.py").read_text(encoding="utf-8"))
    block = next(n for n in tree.body if isinstance(n, ast.If))
    typed = {alias.name: str(n.module) for n in block.body if isinstance(n, ast.ImportFrom) for alias in n.names}
    assert typed == {name: f"ecc_lava.{home}" for name, home in ecc_lava._HOME.items()}
    assert set(typed) == set(ecc_lava.__all__)


def test_every_error_has_the_one_root_and_a_builtin() -> None:
    from ecc_lava import errors

    for name in errors.__all__:
        error = getattr(errors, name)
        assert issubclass(error, errors.EccLavaError)
        assert f"── {name} " in str(errors.__doc__) or name == "EccLavaError"
        if error is not errors.EccLavaError:
            assert any(base.__module__ == "builtins" for base in error.__bases__)
