"""What may import what, and what no source file may contain."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.imports import imports_of, module_of, own_imports
from tests.helpers.sources import PACKAGES, ROOT, SOURCES, path_within, text_of, tree_of


def _table_of_rooms() -> dict[str, list[set[str]]]:
    """Return the floors of each package, from the ground up, as docs/design.md has them."""
    floors: dict[str, list[set[str]]] = {package: [] for package in PACKAGES}
    for line in (ROOT / "docs/design.md").read_text(encoding="utf-8").splitlines():
        found = re.fullmatch(r" {4}(ecc_lava|hw_mappings) +(\d+)  ([\w, ]+)", line)
        if found:
            assert int(found[2]) == len(floors[found[1]]) + 1, line
            floors[found[1]].append({room.strip() for room in found[3].split(",")})
    return floors


FLOORS = _table_of_rooms()
"""A room imports rooms of lower floors only. `hw_mappings` stands on `ecc_lava` below `studies`."""

LOOSE = {"ecc_lava": {"__init__", "errors", "version", "__main__"}, "hw_mappings": {"__init__", "mapper"}}
"""The modules that stand at a package's root."""

MAY_IMPORT = {
    "keras": ("ecc_lava/importers/keras/", "ecc_lava/demo/make_data.py"),
    "tensorflow": ("ecc_lava/importers/keras/", "ecc_lava/demo/make_data.py"),
    "sklearn": ("ecc_lava/demo/make_data.py",),
    "lava": ("ecc_lava/backends/lava/host/", "ecc_lava/backends/lava/processes/"),
    "distributed": ("ecc_lava/cluster/",),
    "h5py": (
        *("ecc_lava/inputs/hdf5.py", "ecc_lava/storage/", "ecc_lava/importers/keras/files/"),
        *("ecc_lava/exchange/nir/hdf5.py", "ecc_lava/exchange/netx/writing.py"),
    ),
    "nir": ("ecc_lava/exchange/nir/writing.py",),
    "numba": ("ecc_lava/backends/fast/kernels/", "ecc_lava/conversion/", "hw_mappings/placement/", "hw_mappings/partition/"),
    "matplotlib": (
        "ecc_lava/demo/picture.py",
        "ecc_lava/analysis/attribution/picture.py",
        "ecc_lava/analysis/stream_picture.py",
        "ecc_lava/studies/show/",
        "hw_mappings/sweeps/picture.py",
    ),
    "optuna": ("ecc_lava/studies/",),
    "sqlalchemy": ("ecc_lava/studies/trials/optuna_storage.py", "ecc_lava/studies/trials/addresses.py"),
    "pandas": ("ecc_lava/studies/results.py",),
    "pyarrow": ("ecc_lava/studies/results.py",),
    "jinja2": ("ecc_lava/common/pages.py",),
    "PIL": ("ecc_lava/inputs/folders.py",),
    "markupsafe": ("ecc_lava/common/pages.py",),
    "rich": ("ecc_lava/cli/",),
    "typer": ("ecc_lava/cli/",),
    "threadpoolctl": ("ecc_lava/conversion/blas.py",),
    "scipy": ("ecc_lava/common/matrices.py", "ecc_lava/geometry/", "ecc_lava/conversion/", "hw_mappings/"),
}
"""Heavy package -> beginnings of the paths that may import it."""

AT_TOP = {
    "optuna": ("ecc_lava/studies/trials/journal.py",),  # loaded only once a journal is opened
    "lava": ("ecc_lava/backends/lava/processes/", "ecc_lava/backends/lava/host/network.py"),  # loaded only in the process that hosts Lava
    "numba": (
        "ecc_lava/backends/fast/kernels/in_python/compiled.py",
        "hw_mappings/partition/joint_kernel.py",
        "hw_mappings/partition/packing_kernel.py",
        "hw_mappings/partition/prices_kernel.py",
        "hw_mappings/placement/compiled.py",
    ),
    "rich": ("ecc_lava/cli/show/",),
    "typer": ("ecc_lava/cli/",),
}
"""Heavy package -> those that may import it when they are imported themselves; all others only inside functions."""

BETWEEN_OWN_PROCESSES = {
    "ecc_lava/backends/lava/host/host.py",
    "ecc_lava/backends/lava/host/supervisor.py",
    "ecc_lava/importers/keras/files/apart.py",
    "ecc_lava/importers/keras/files/child.py",
    "ecc_lava/cluster/held.py",
}
"""May pickle: what goes between this process and its own child, through a pipe or a private temporary folder, or to its workers; nothing
that a user names is read so."""


def _room(module: str) -> tuple[str, str]:
    """Return the package and the room of a module; the room of a package's own door is empty."""
    package, _, rest = module.partition(".")
    return package, rest.split(".")[0]


def _floor(package: str, room: str) -> int:
    """Return a room's floor, counted from 0; the front door and `python -m` stand above all."""
    floors = FLOORS[package]
    if room in ("", "__main__"):
        return len(floors)
    return next(floor for floor, rooms in enumerate(floors) if room in rooms)


def _is_door(module: str) -> bool:
    return (ROOT / module.replace(".", "/") / "__init__.py").is_file()


def _rooms_import_lower_floors_by_their_doors(path: Path) -> None:
    where, (package, room) = path_within(path), _room(module_of(path))
    for module, inside in own_imports(path):
        its_package, its_room = _room(module)
        if (its_package, its_room) == (package, room):
            continue
        if package == "ecc_lava" and its_package == "hw_mappings":
            assert room == "cli", f"{where} imports {module}: only the command line may"
            assert inside, f"{where} imports {module} when it is imported itself"
        elif package == its_package:
            assert _floor(package, its_room) < _floor(package, room), f"{where} imports {module}, which stands no lower"
        else:
            assert _floor("ecc_lava", its_room) < _floor("ecc_lava", "studies"), f"{where} imports {module}"
        assert _is_door(module) or its_room in LOOSE[its_package], f"{where} imports {module}, which is no door"
        assert module.count(".") < 2 or module == "ecc_lava.importers.keras", f"{where} enters {its_room} by the back door {module}"


def _heavy_packages_stay_in_their_rooms(path: Path) -> None:
    where = path_within(path)
    for module, inside in imports_of(path):
        package = module.split(".")[0]
        assert package != "tests", where
        if package in MAY_IMPORT:
            assert where.startswith(MAY_IMPORT[package] or ("nothing",)), f"{where} imports {module}"
            assert inside or where.startswith(AT_TOP.get(package, ("nothing",))), f"{where} imports {module} outside a function"


def test_no_imports_run_in_circles() -> None:
    """No module imports one that imports it, at whatever distance, inside functions too."""
    graph = {module_of(path): {m for m, _ in own_imports(path) if m != module_of(path)} for path in SOURCES}
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join([*above[above.index(module) :], module])
        if module in done:
            return
        for imported in sorted(graph.get(module, ())):
            visit(imported, (*above, module))
        done.add(module)

    for module in graph:
        visit(module, ())


def test_every_folder_has_a_door_with_a_sentence_or_more() -> None:
    for folder in {path.parent for path in SOURCES}:
        door = folder / "__init__.py"
        assert door.is_file(), f"{path_within(folder)} has no door"
        assert ast.get_docstring(ast.parse(door.read_text(encoding="utf-8"))), f"the door of {path_within(folder)} says nothing"


def test_no_loose_modules_and_no_room_without_a_floor() -> None:
    for package in PACKAGES:
        loose = {path.stem for path in (ROOT / package).glob("*.py")}
        assert loose <= LOOSE[package], f"loose in {package}: {loose - LOOSE[package]}"
        rooms = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        assert rooms <= set().union(*FLOORS[package]), f"no floor for {rooms}"


def _no_file_repeats_its_folders_name(path: Path) -> None:
    assert not path.stem.startswith(f"{path.parent.name}_"), f"{path_within(path)}: the folder says it already"


def _nothing_read_is_executed(path: Path) -> None:
    """No `eval` or `exec`; no pickle module; NumPy is told not to unpickle."""
    where = path_within(path)
    for module, _ in imports_of(path):
        unsafe = {"pickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"} - (
            {"pickle"} if where in BETWEEN_OWN_PROCESSES else set()
        )
        assert module.split(".")[0] not in unsafe, f"{where} imports {module}"
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        assert name not in {"eval", "exec", "compile", "__import__"}, f"{where}:{node.lineno} calls {name}"
        if name == "np.load":
            unpickle = next((k.value for k in node.keywords if k.arg == "allow_pickle"), None)
            assert isinstance(unpickle, ast.Constant), f"{where}:{node.lineno} does not refuse pickles"
            assert unpickle.value is False


LINES_OF_A_FILE, LINES_OF_A_FUNCTION, PARAMETERS = 250, 50, 8

LARGER = {
    "in_python": "numba takes no records: a kernel's tables and numbers are parameters",
    "commands": "a command has as many parameters as it has options",
    **dict.fromkeys(("convert", "simulate", "study", "deploy", "check"), "its public signature is fixed"),
}
"""Folder or function that may exceed the limits -> why."""


def _length(function: ast.FunctionDef, lines: list[str]) -> int:
    """Return the lines of code of a function's body: without its docstring, comments and empty lines."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    code = lines[body[0].lineno - 1 : function.end_lineno] if body else []
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in code)


def _files_and_functions_are_small(path: Path) -> None:
    lines = text_of(path).splitlines()
    assert len(lines) <= LINES_OF_A_FILE, f"{path_within(path)} holds more than one idea"
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.FunctionDef):
            continue
        where = f"{path_within(path)}: {node.name}"
        assert _length(node, lines) <= LINES_OF_A_FUNCTION, f"{where} has {_length(node, lines)} lines of code"
        given = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs) if a.arg not in ("self", "cls")]
        assert len(given) <= PARAMETERS or path.parent.name in LARGER or node.name in LARGER, f"{where} has {len(given)} parameters"


def test_a_public_class_name_has_one_meaning() -> None:
    homes: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(path_within(path))
    assert not {name: paths for name, paths in homes.items() if len(paths) > 1}


RULES = (
    _rooms_import_lower_floors_by_their_doors,
    _heavy_packages_stay_in_their_rooms,
    _no_file_repeats_its_folders_name,
    _nothing_read_is_executed,
    _files_and_functions_are_small,
)
"""What holds for each file of the packages."""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__.strip("_"))
def test_every_file(rule: Callable[[Path], None]) -> None:
    broken = []
    for path in SOURCES:
        try:
            rule(path)
        except AssertionError as error:
            broken.append(str(error))
    assert not broken, "\n".join(broken)
