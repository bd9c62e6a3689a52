"""The program: it finds the command that the user calls, and turns every expected error into one message and an exit code."""

from __future__ import annotations

import errno
import importlib
import logging
import os
import sys
from functools import partial
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ecc_lava.cli.commands import COMMANDS, READING_MODELS
from ecc_lava.cli.limits import NO_THREADS, loading
from ecc_lava.cli.several import CommandOfSeveral
from ecc_lava.cli.signals import INTERRUPTED, Ended, Raised
from ecc_lava.cli.streams import silence
from ecc_lava.errors import EccLavaError, as_message
from ecc_lava.version import __version__

__all__ = ["app", "main"]

BAD_INPUT = 2

_plain = partial(typer.Typer, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
"""Makes a program with plain messages, as boxes break paths over lines."""


class _Named(TyperCommand):
    """A command that knows only its name and its sentence until it is called; the call imports its file."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the arguments as the options of the command's function."""
        if self.name not in READING_MODELS or "--help" in args:
            return _of_file(str(self.name)).make_context(info_name, args, parent=parent, **extra)
        from ecc_lava.importers.keras import end_reader, start_reader

        start_reader()
        try:
            context = _of_file(str(self.name)).make_context(info_name, args, parent=parent, **extra)
        except BaseException:
            end_reader()
            raise
        context.call_on_close(end_reader)
        return context


def _of_file(name: str) -> Any:
    """Return the command whose function stands in the file of that name."""
    function = importlib.import_module(f"ecc_lava.cli.commands.{name}").command
    alone = _plain()
    alone.command(name, cls=CommandOfSeveral, help=COMMANDS[name])(function)
    return typer.main.get_command(alone)


class _Commands(TyperGroup):
    """All commands; every expected error becomes one message on stderr and an exit code."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, sentence in COMMANDS.items():
            self.add_command(_Named(name, help=sentence))

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the user calls."""
        try:
            with Raised():
                result = super().invoke(ctx)
                sys.stdout.flush()
            return result
        except EccLavaError as error:
            raise _failed(str(error), BAD_INPUT) from error
        except KeyboardInterrupt as error:
            code = error.code if isinstance(error, Ended) else INTERRUPTED
            raise _failed(str(error) or "interrupted", code) from error
        except MemoryError as error:
            raise _failed(f"not enough memory ({error}); use fewer images (--limit) or a machine with more", BAD_INPUT) from error
        except RuntimeError as error:
            if "can't start new thread" not in str(error):
                raise
            raise _failed(NO_THREADS, BAD_INPUT) from error
        except OSError as error:  # a refusal by the system that no other room words, such as a full disk behind stdout
            if error.errno == errno.EPIPE:
                raise
            silence(1)  # what stdout still holds cannot be written either
            raise _failed(" ".join(str(error).split()), BAD_INPUT) from error


def _failed(message: str, code: int) -> typer.Exit:
    try:
        sys.stderr.write(f"ecc-lava: {as_message(message)}\n")
        sys.stderr.flush()
    except OSError:  # the exit code is what is left to tell
        silence(2)
    return typer.Exit(code)


class _PrintableLines(logging.Formatter):
    """Messages of the log without control characters: a message may quote a file."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        return as_message(super().format(record))


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"ecc-lava {__version__}\n")
        raise typer.Exit


app = _plain(
    cls=_Commands,
    no_args_is_help=True,
    help="Trained Keras CNNs to Loihi-style neuromorphic chips: convert, quantise, map, run, and check every step.",
)


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    """Declare the options of the program itself."""


def main() -> None:
    """Run the command line and exit: 0 ok, 1 a check failed, 2 bad input (one message), 130 interrupted."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PrintableLines("%(levelname)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up messages would drown ours
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    with loading():
        app()
