"""The commands and their options; each command's work is in the module of its name."""

from __future__ import annotations

import errno
import logging
import os
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from typer.core import TyperGroup

from ecc_lava.errors import EccLavaError

__all__ = ["app", "main"]

BAD_INPUT = 2
INTERRUPTED = 130


class _Commands(TyperGroup):
    """All commands: every expected error becomes one message on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except EccLavaError as error:
            raise _failed(str(error), BAD_INPUT) from error
        except KeyboardInterrupt as error:
            raise _failed("interrupted", INTERRUPTED) from error
        except MemoryError as error:
            raise _failed(f"not enough memory ({error}); use fewer images (--limit) or a machine with more", BAD_INPUT) from error
        except OSError as error:  # the system's refusals that no module above has put in words, such as a full disk behind stdout
            if error.errno == errno.EPIPE:
                raise
            with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - what stdout still holds cannot be written either
                os.dup2(nowhere.fileno(), 1)
            raise _failed(str(error), BAD_INPUT) from error


def _failed(message: str, code: int) -> typer.Exit:
    sys.stderr.write(f"ecc-lava: {message}\n")
    return typer.Exit(code)


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain messages: no boxes that break paths over lines
    help="Trained Keras CNNs to Loihi-style neuromorphic chips: convert, quantise, map, run, and check every step.",
)


class Format(str, Enum):
    """Number formats."""

    LOIHI2 = "loihi2"


class Recipe(str, Enum):
    """Conversion recipes."""

    BEST = "best"
    ECC = "ecc"


class Coding(str, Enum):
    """Input codings."""

    GRADED = "graded"


class Backend(str, Enum):
    """Back ends."""

    FAST = "fast"
    GOLDEN = "golden"
    LAVA = "lava"
    FLOAT = "float"
    CLOSED_FORM = "closed-form"


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A Keras model: .keras, .h5 or .hdf5.")]
Network = Annotated[Path, typer.Argument(metavar="NET.h5", help="A network file made by `ecc-lava convert`.")]
Data = Annotated[Path, typer.Option("--data", metavar="FILE.npz", help="Images x_test and, optionally, labels y_test.")]
Limit = Annotated[Optional[int], typer.Option("--limit", min=1, help="Only the first N images.")]
InputShape = Annotated[
    Optional[tuple[int, int, int]], typer.Option("--input-shape", metavar="H W C", help="Size of the input where the model leaves it open.")
]


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the network, the mapping and the picture.")] = Path(
        "ecc-lava-demo"
    ),
    json: Json = False,
) -> None:
    """Take an embedded CNN through the whole way: convert, quantise, map, check against Lava."""
    from ecc_lava.cli.demo import run

    run(out, json)


@app.command()
def inspect(model: Model, input_shape: InputShape = None, json: Json = False) -> None:
    """Show what every layer of a model becomes: population, folded, relay or readout."""
    from ecc_lava.cli.inspect import run

    run(model, input_shape, json)


@app.command()
def convert(
    model: Model,
    calibration: Annotated[Path, typer.Option("--calibration", metavar="FILE.npz", help="Images x_train; labels are not used.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="NET.h5", help="The network file to write.")],
    timesteps: Annotated[int, typer.Option(min=1, help="T, the steps one image is shown for.")] = 32,
    bits: Annotated[int, typer.Option(min=2, max=8, help="Width of the weights.")] = 8,
    format: Annotated[Format, typer.Option(help="The chip's number format.")] = Format.LOIHI2,
    recipe: Annotated[Recipe, typer.Option(help="Conversion recipe.")] = Recipe.BEST,
    coding: Annotated[Coding, typer.Option(help="How images are sent.")] = Coding.GRADED,
    input_scale: Annotated[
        Optional[float], typer.Option(help="Factor on uint8 images (default 1/255, or 1 if the model rescales itself).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draw of calibration images.")] = 0,
    images: Annotated[int, typer.Option("--calibration-images", min=1, help="How many calibration images are drawn.")] = 256,
    input_shape: InputShape = None,
    json: Json = False,
) -> None:
    """Convert a model to an integer network file."""
    from ecc_lava.cli.convert import Options, run

    options = Options(calibration, output, timesteps, bits, format.value, recipe.value, input_scale, seed, images)
    run(model, options, input_shape, json)


@app.command()
def run(
    network: Network,
    data: Data,
    backend: Annotated[Backend, typer.Option(help="What runs it.")] = Backend.FAST,
    limit: Limit = None,
    timesteps: Annotated[Optional[int], typer.Option(min=1, help="Fewer steps than the network was converted for.")] = None,
    predictions: Annotated[Optional[Path], typer.Option(metavar="OUT.npz", help="Write predictions and logits.")] = None,
    json: Json = False,
) -> None:
    """Run a network on images."""
    from ecc_lava.cli.run import run as run_command

    run_command(network, data, backend.value.replace("-", "_"), limit, timesteps, predictions, json)


@app.command()
def check(
    network: Network,
    data: Data,
    limit: Limit = None,
    lava_limit: Annotated[int, typer.Option(min=1, help="Images compared bit for bit on golden and Lava.")] = 8,
    max_loss: Annotated[Optional[float], typer.Option(metavar="P", help="Fail if more than P points of accuracy are lost.")] = None,
    json: Json = False,
) -> None:
    """Check a network against golden, Lava, the float network and the CNN it came from; exit 1 if a check fails."""
    from ecc_lava.cli.check import run

    raise typer.Exit(run(network, data, limit, lava_limit, max_loss, json))


@app.command(name="map")
def map_(
    network: Network,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="MAPPING.json", help="The mapping to write.")],
    chip: Annotated[str, typer.Option(metavar="loihi1|loihi2|FILE", help="A built-in chip or a chip file.")] = "loihi2",
    json: Json = False,
) -> None:
    """Cut a network into shards that fit the cores of a chip, and place them."""
    from ecc_lava.cli.map import run

    run(network, chip, output, json)


def main() -> None:
    """Run the command line and exit: 0 ok, 1 a check failed, 2 bad input (one message), 130 interrupted."""
    logging.basicConfig(format="%(levelname)s: %(message)s", stream=sys.stderr, level=logging.WARNING)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up messages would drown ours
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    app()
