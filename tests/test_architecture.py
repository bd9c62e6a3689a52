"""What may import what, what an import costs, and what no source file may contain."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ecc_lava
import hw_mappings

ROOT = Path(__file__).parents[1]
PACKAGES = ("ecc_lava", "hw_mappings")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

HEAVY = {"tensorflow", "keras", "lava", "h5py", "numba", "matplotlib", "scipy", "sklearn", "rich", "typer"} | {
    "optuna",
    "sqlalchemy",
    "jinja2",
    "markupsafe",
    "pandas",
    "pyarrow",
}

MAY_IMPORT = {
    "keras": ("ecc_lava/keras_import/", "ecc_lava/demo/make_data.py"),
    "tensorflow": ("ecc_lava/keras_import/", "ecc_lava/demo/make_data.py"),
    "sklearn": ("ecc_lava/demo/make_data.py",),
    "lava": ("ecc_lava/lava_processes/", "ecc_lava/backends/lava"),
    "h5py": ("ecc_lava/storage/", "ecc_lava/keras_import/loading.py"),
    "numba": ("ecc_lava/backends/fast", "ecc_lava/ecc/response.py", "hw_mappings/placement/"),
    "matplotlib": ("ecc_lava/demo/picture.py", "ecc_lava/attribution/picture.py", "ecc_lava/studies/pictures.py"),
    "optuna": ("ecc_lava/studies/",),
    "sqlalchemy": ("ecc_lava/studies/storage.py",),
    "pandas": ("ecc_lava/studies/results.py",),
    "pyarrow": ("ecc_lava/studies/results.py",),
    "jinja2": ("ecc_lava/pages.py",),
    "markupsafe": ("ecc_lava/pages.py",),
    "rich": ("ecc_lava/cli/",),
    "typer": ("ecc_lava/cli/",),
    "scipy": ("ecc_lava/geometry/", "ecc_lava/ecc/", "hw_mappings/"),
}
"""Heavy package -> beginnings of the paths that may import it."""

AT_TOP = {
    "lava": ("ecc_lava/lava_processes/", "ecc_lava/backends/lava_network.py"),  # loaded only in the process that hosts Lava
    "numba": ("ecc_lava/backends/fast_kernels.py", "hw_mappings/placement/annealing_kernel.py"),
    "rich": ("ecc_lava/cli/output.py",),
    "typer": ("ecc_lava/cli/app.py",),
}
"""Heavy package -> those that may import it when they are imported themselves; all others only inside functions."""

BETWEEN_OWN_PROCESSES = {"ecc_lava/backends/lava_host.py", "ecc_lava/backends/lava_supervisor.py"}
"""May pickle: a plan goes from this process to its own child, in a private temporary folder; nothing that a user names is read so."""


def _where(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield every imported module and whether the import is inside a function; imports for the type checker alone do not count."""

    def walk(node: ast.AST, inside: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.Import):
                yield from ((alias.name, inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{_where(path)}: a relative import"
                yield str(child.module), inside
                yield from ((f"{child.module}.{alias.name}", inside) for alias in child.names)
            else:
                yield from walk(child, inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))

    return walk(ast.parse(path.read_text(encoding="utf-8")), False)


@pytest.mark.parametrize("path", SOURCES, ids=_where)
def test_arrows_between_packages(path: Path) -> None:
    where = _where(path)
    for module, inside in _imports(path):
        package = module.split(".")[0]
        assert package != "tests", where
        if package == "hw_mappings" and where.startswith("ecc_lava/"):
            assert where.startswith("ecc_lava/cli/"), f"{where} imports {module}: only the command line may"
            assert inside, f"{where} imports {module} when it is imported itself"
        if module.startswith("ecc_lava.cli"):
            assert where.startswith("ecc_lava/cli/"), f"{where} imports the command line"
        if package in MAY_IMPORT:
            assert where.startswith(MAY_IMPORT[package] or ("nothing",)), f"{where} imports {module}"
            assert inside or where.startswith(AT_TOP.get(package, ("nothing",))), f"{where} imports {module} outside a function"


@pytest.mark.parametrize("path", SOURCES, ids=_where)
def test_nothing_read_is_executed(path: Path) -> None:
    """No `eval` or `exec`; no pickle module; NumPy is told not to unpickle."""
    where = _where(path)
    for module, _ in _imports(path):
        unsafe = {"pickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"} - (
            {"pickle"} if where in BETWEEN_OWN_PROCESSES else set()
        )
        assert module.split(".")[0] not in unsafe, f"{where} imports {module}"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        assert name not in {"eval", "exec", "compile", "__import__"}, f"{where}:{node.lineno} calls {name}"
        if name == "np.load":
            unpickle = next((k.value for k in node.keywords if k.arg == "allow_pickle"), None)
            assert isinstance(unpickle, ast.Constant), f"{where}:{node.lineno} does not refuse pickles"
            assert unpickle.value is False


def _loaded_by(code: str) -> tuple[set[str], float]:
    """Return the top-level packages that a fresh interpreter holds after `code`, and the seconds of processor time that `code` took."""
    program = (
        f"import time, sys\nstart = time.process_time()\n{code}\nseconds = time.process_time() - start\n"
        "import json\nprint(json.dumps([sorted({m.split('.')[0] for m in sys.modules}), seconds]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    modules, seconds = json.loads(done.stdout.splitlines()[-1])
    return set(modules), seconds


def test_import_ecc_lava_needs_numpy_at_most() -> None:
    modules, seconds = _loaded_by("import ecc_lava")
    assert not modules & HEAVY
    assert "hw_mappings" not in modules
    assert seconds < 0.8


def test_import_hw_mappings_needs_numpy_alone() -> None:
    modules, seconds = _loaded_by("import hw_mappings")
    assert not modules & HEAVY
    assert seconds < 0.8


def test_every_public_name_needs_numpy_alone() -> None:
    names = list(ecc_lava.__all__)
    modules, seconds = _loaded_by(f"import ecc_lava\nfor name in {names!r}: getattr(ecc_lava, name)")
    assert not modules & HEAVY
    assert seconds < 1.5


def test_the_help_of_the_command_line_loads_no_model_library() -> None:
    modules, _ = _loaded_by("from ecc_lava.cli.app import app")
    assert not modules & (HEAVY - {"rich", "typer"})


@pytest.mark.parametrize("package", [ecc_lava, hw_mappings], ids=PACKAGES)
def test_public_names_resolve(package: object) -> None:
    names = package.__all__
    assert len(set(names)) == len(names)
    for name in names:
        assert getattr(package, name) is not None
    assert set(names) <= set(dir(package))


def test_public_names_of_modules_resolve() -> None:
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        exported = [n for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__"]
        if not exported or "lava_processes" in path.parts:
            continue
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
        for name in ast.literal_eval(exported[0].value):
            assert hasattr(module, name), f"{_where(path)} exports {name}, which it does not have"


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
