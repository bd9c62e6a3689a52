"""How the program finds its commands and reads their options, and what its help and its version need."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

import ecc_lava.cli.commands
from ecc_lava import __version__
from ecc_lava.cli.choices import chips, placers, runtimes, synapse_models
from ecc_lava.cli.commands import COMMANDS
from ecc_lava.cli.several import CommandOfSeveral, Several, Words, several_of, values
from hw_mappings.chips import BOARDS, CHIPS
from hw_mappings.placement import PLACERS
from tests.helpers.program import BAD_INPUT, DATA, OK, Call, in_process_of_its_own, one_message

HEAVY = {"tensorflow", "keras", "lava", "numba", "optuna", "matplotlib", "h5py", "scipy"}


def _options(command: str) -> dict[str, tuple[Any, Any]]:
    """Return the parameters of a command: what typer reads of each, and its default."""
    function = importlib.import_module(f"ecc_lava.cli.commands.{command}").command
    parameters = inspect.signature(function, eval_str=True).parameters
    return {name: (parameter.annotation.__metadata__[0], parameter.default) for name, parameter in parameters.items()}


def test_every_file_is_a_command_and_every_command_a_file() -> None:
    folder = Path(ecc_lava.cli.commands.__path__[0])
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_default_is_one_of_its_choices(command: str) -> None:
    for option, default in _options(command).values():
        if option.parser is not None and default not in (None, inspect.Parameter.empty):
            assert option.parser(default) == default


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_sentence_and_json(command: str, call: Call) -> None:
    outcome = call(command, "--help")
    assert outcome.code == OK
    assert " ".join(COMMANDS[command].split()) in " ".join(outcome.out.split())
    assert "--json" in outcome.out


def test_choices_are_the_registries() -> None:
    assert placers() == tuple(PLACERS)
    assert chips() == tuple(name for name, chip in CHIPS.items() if chip not in BOARDS)
    assert {"loihi1", "loihi2"} <= set(chips())
    assert set(synapse_models()) == {"strict", "ideal"}
    assert runtimes()[0] == "auto"


def test_a_wrong_choice_names_all(call: Call, tmp_path: Path) -> None:
    message = one_message(call("map", "net.h5", "-o", tmp_path / "m.json", "--placer", "dart"))
    assert "--placer" in message
    assert all(f"'{name}'" in message for name in PLACERS)


def _loaded_by(*calls: list[str]) -> set[str]:
    """Return the packages, and the commands' modules, that a fresh interpreter holds after calls of the program."""
    code = (
        "import json, sys\nfrom ecc_lava.cli.app import app\n"
        "for call in json.loads(sys.argv[1]):\n    app(call, standalone_mode=False)\n"
        "print(json.dumps([m if m.startswith('ecc_lava.cli.') else m.split('.')[0] for m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code, json.dumps(calls)], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_list_of_commands_loads_none() -> None:
    loaded = _loaded_by(["--help"], ["--version"])
    assert not loaded & {*HEAVY, "numpy", "rich", "hw_mappings"}
    assert not {name for name in loaded if name.startswith("ecc_lava.cli.commands.")}


def test_the_help_of_commands_loads_no_model_library() -> None:
    assert not _loaded_by(*([command, "--help"] for command in COMMANDS)) & HEAVY


def test_the_version(call: Call) -> None:
    assert call("--version") == (OK, f"ecc-lava {__version__}\n", "")


def test_python_m_is_the_program() -> None:
    done = subprocess.run([sys.executable, "-m", "ecc_lava", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (OK, f"ecc-lava {__version__}\n", "")
    done = subprocess.run([sys.executable, "-m", "ecc_lava", "run", "none.h5", "--data", str(DATA)], capture_output=True, text=True)
    assert done.returncode == BAD_INPUT
    assert done.stderr == in_process_of_its_own("run", "none.h5", "--data", DATA).err


def test_types_are_announced() -> None:
    assert (files("ecc_lava") / "py.typed").is_file()


def test_values_at_commas_and_one_by_one() -> None:
    assert values(["4,6", "8"]) == ["4", "6", "8"]
    assert values(None) == []


def test_names_of_a_registry_are_no_patterns() -> None:
    assert several_of(["a.b", "c"]) == Several(r"a\.b|c")


def _told(
    model: Annotated[str, typer.Argument()],
    bits: Annotated[Words, typer.Option("-b", "--bits"), Several(r"\d+")] = None,
    name: Annotated[str, typer.Option("--name")] = "",
) -> None:
    sys.stdout.write(json.dumps([model, bits, name]))


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("m --bits 4 6 8", ["m", ["4,6,8"], ""]),
        ("--bits 4 6 m", ["m", ["4,6"], ""]),
        ("-b 4 6 m", ["m", ["4,6"], ""]),
        ("m --bits 4 --bits 6", ["m", ["4", "6"], ""]),
        ("m --bits widths.json --name 5", ["m", ["widths.json"], "5"]),
        ("m", ["m", None, ""]),
    ],
)
def test_words_after_an_option_that_takes_several(words: str, read: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer()
    app.command(cls=CommandOfSeveral)(_told)
    app(words.split(), standalone_mode=False)
    assert json.loads(capsys.readouterr().out) == read
