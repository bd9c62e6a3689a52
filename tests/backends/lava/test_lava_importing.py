"""Lava's module that Python 3.11 and later refuse is imported all the same, and what a person reads where Lava is not there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ecc_lava.backends.lava.installed import needed
from tests.helpers.lava import script

_AS_IN_LAVA = """from dataclasses import dataclass


@dataclass
class ByteEncoder:
    base: int = 0


@dataclass
class CoreEncoder:
    x: ByteEncoder = ByteEncoder()

"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package `lava` with the module that matters; as Lava's, its folders have no `__init__`."""
    compiler = tmp_path / "lava/magma/compiler"
    compiler.mkdir(parents=True)
    (compiler / "var_model.py").write_text(_AS_IN_LAVA)
    return tmp_path


def test_the_module_is_imported_with_a_hash_and_its_file_stays(folder: Path) -> None:
    said = script(f"""
        import sys

        sys.path.insert(0, {str(folder)!r})
        from ecc_lava.backends.lava.importing import import_lava

        import_lava()
        import lava.magma.compiler
        import lava.magma.compiler.var_model as module

        import_lava()
        assert module is lava.magma.compiler.var_model
        assert hash(module.CoreEncoder().x) == hash(module.ByteEncoder())
        assert module.CoreEncoder().x == module.ByteEncoder()
        print(module.__file__)
    """)
    file = Path(said.strip())
    assert file.is_relative_to(folder)
    assert file.read_text() == _AS_IN_LAVA
    assert not list(folder.rglob("*.pyc")), "bytecode of the changed source would stand for the file's own"


def test_a_failed_import_is_told_and_leaves_nothing(folder: Path) -> None:
    with (folder / "lava/magma/compiler/var_model.py").open("a") as file:
        file.write("raise ValueError('broken')\n")
    script(f"""
        import sys
        from traceback import extract_tb

        sys.path.insert(0, {str(folder)!r})
        from ecc_lava.backends.lava.importing import import_lava

        try:
            import_lava()
        except ValueError as error:
            assert extract_tb(error.__traceback__)[-1].lineno == {_AS_IN_LAVA.count(chr(10)) + 1}
        else:
            raise AssertionError
        assert "lava.magma.compiler.var_model" not in sys.modules
    """)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ((3, 10), ["pip install lava-nc==0.10.0"]),
        ((3, 11), ["Python 3.11", "pip install 'ecc-lava[lava]'", "--no-deps --ignore-requires-python lava-nc==0.10.0", "uv sync"]),
        ((3, 13), ["Python 3.13", "--ignore-requires-python"]),
        ((3, 14), ["runs on Python 3.10 to 3.13 (this is 3.14)"]),
    ],
)
def test_the_command_that_installs_lava_fits_the_python(version: tuple[int, int], words: list[str]) -> None:
    said = needed(version)
    assert all(word in said for word in ["lava-nc==0.10.0", *words])
    assert ("--ignore-requires-python" in said) == ((3, 11) <= version < (3, 14))


def test_messages_are_of_this_python() -> None:
    assert needed() == needed(sys.version_info[:2])
