"""The commands and their options; each command's work is in the module of its name."""

from __future__ import annotations

import errno
import logging
import os
import re
import sys
from enum import Enum
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from typer.core import TyperCommand, TyperGroup

from ecc_lava.cli.choices import Backend, Coding, Format, Per, Placer, Recipe, Runtime, Sampler, SynapseModel, Target
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


def _one_of(values: type[Enum]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(value.value) for value in values))


_SEVERAL = {
    "--input-shape": re.compile(r"-?\d+"),
    "--bits": re.compile(r"-?\d+|.+\.json"),
    "--timesteps": re.compile(r"-?\d+"),
    "--format": _one_of(Format),
    "--recipe": _one_of(Recipe),
    "--coding": _one_of(Coding),
    "--percentile": re.compile(r"-?[\d.]+"),
    "--chip": re.compile(r"loihi\w*|.+\.(json|toml)"),
    "--objectives": re.compile(r"[a-z]+"),
}
"""Option -> what each of the several words after it may be; the first word is the option's whatever it is."""


class _SeveralAsGiven(TyperCommand):
    """A command with options that take several words one after the other."""

    several: tuple[str, ...] = ("--input-shape",)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the words after such an option into one."""
        words: list[str] = []
        waiting = list(args)
        while waiting:
            words.append(waiting.pop(0))
            given = list(takewhile(_SEVERAL[words[-1]].fullmatch, waiting)) if words[-1] in self.several else []
            if given:
                words.append(",".join(given))
                waiting = waiting[len(given) :]
        return list(super().parse_args(ctx, words))


class _StudyAsGiven(_SeveralAsGiven):
    """The study's options take several values each."""

    several = tuple(_SEVERAL)


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A Keras model: .keras, .h5 or .hdf5.")]
Network = Annotated[Path, typer.Argument(metavar="NET.h5", help="A network file made by `ecc-lava convert`.")]
Data = Annotated[Path, typer.Option("--data", metavar="FILE.npz", help="Images x_test and, optionally, labels y_test.")]
Limit = Annotated[Optional[int], typer.Option("--limit", min=1, help="Only the first N images.")]
InputShape = Annotated[
    Optional[list[str]],
    typer.Option(
        "--input-shape",
        metavar="H W C",
        help="Sizes that the model leaves open, all as it takes them (H W C, L C or C); NAME=H,W,C for each of several inputs.",
    ),
]


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the network, the mapping and the picture.")] = Path(
        "ecc-lava-demo"
    ),
    json: Json = False,
) -> None:
    """Take an embedded CNN through the whole way: convert, quantise, map, check against Lava."""
    from ecc_lava.cli.commands.demo import run

    run(out, json)


@app.command(cls=_SeveralAsGiven)
def inspect(model: Model, input_shape: InputShape = None, json: Json = False) -> None:
    """Show what every layer of a model becomes: population, folded, relay or readout."""
    from ecc_lava.cli.commands.inspect import run

    run(model, input_shape or [], json)


@app.command(cls=_SeveralAsGiven)
def convert(
    model: Model,
    calibration: Annotated[Path, typer.Option("--calibration", metavar="FILE.npz", help="Images x_train; labels are not used.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="NET.h5", help="The network file to write.")],
    timesteps: Annotated[int, typer.Option(min=1, help="T, the steps one image is shown for.")] = 32,
    bits: Annotated[
        str, typer.Option(metavar="2..8|FILE.json", help="Width of the weights, or a JSON object: population -> bits, and a default.")
    ] = "8",
    per: Annotated[Per, typer.Option(help="Whether every channel has a scale of its own, or every layer.")] = Per.CHANNEL,
    format: Annotated[Format, typer.Option(help="The chip's number format.")] = Format.LOIHI2,
    recipe: Annotated[Recipe, typer.Option(help="Conversion recipe.")] = Recipe.BEST,
    coding: Annotated[
        Optional[Coding], typer.Option(help="How images are sent (default: graded on loihi2, rate on loihi1).", show_default=False)
    ] = None,
    input_scale: Annotated[
        Optional[float], typer.Option(help="Factor on uint8 images (default 1/255, or 1 if the model rescales itself).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draw of calibration images, and of poisson input.")] = 0,
    images: Annotated[int, typer.Option("--calibration-images", min=1, help="How many calibration images are drawn.")] = 256,
    steps_in_time: Annotated[
        bool, typer.Option("--steps-in-time", help="Convert step activations where they are not exact: T > 1, or beside ReLUs.")
    ] = False,
    input_shape: InputShape = None,
    json: Json = False,
) -> None:
    """Convert a model to an integer network file."""
    from ecc_lava.cli.commands.convert import Options, run

    chosen = None if coding is None else coding.value
    options = Options(
        calibration, output, timesteps, bits, per.value, format.value, recipe.value, chosen, input_scale, seed, images, steps_in_time
    )
    run(model, options, input_shape or [], json)


@app.command()
def run(
    network: Network,
    data: Data,
    backend: Annotated[Backend, typer.Option(help="What runs it.")] = Backend.FAST,
    limit: Limit = None,
    timesteps: Annotated[Optional[int], typer.Option(min=1, help="Fewer steps than the network was converted for.")] = None,
    predictions: Annotated[Optional[Path], typer.Option(metavar="OUT.npz", help="Write predictions and logits.")] = None,
    over_time: Annotated[bool, typer.Option("--over-time", help="Also give the accuracy after every step.")] = False,
    confident: Annotated[
        Optional[float],
        typer.Option(metavar="M", min=0.0, help="Stop each image when its answer leads by M in the model's logits: odds of e^M to 1."),
    ] = None,
    json: Json = False,
) -> None:
    """Run a network on images: accuracy, events and energy."""
    from ecc_lava.cli.commands.run import Options
    from ecc_lava.cli.commands.run import run as run_command

    options = Options(backend.value.replace("-", "_"), limit, timesteps, predictions, over_time, confident)
    run_command(network, data, options, json)


@app.command()
def check(
    network: Network,
    data: Data,
    limit: Limit = None,
    lava_limit: Annotated[int, typer.Option(min=1, help="Images compared bit for bit on golden and Lava.")] = 8,
    max_loss: Annotated[Optional[float], typer.Option(metavar="P", help="Fail if more than P points of accuracy are lost.")] = None,
    attribute: Annotated[
        bool, typer.Option("--attribute", help="Also say which step and which layer loses accuracy, and what to change; takes longer.")
    ] = False,
    picture: Annotated[Optional[Path], typer.Option(metavar="FILE.png", help="Draw that; implies --attribute.")] = None,
    json: Json = False,
) -> None:
    """Check a network against golden, Lava, the float network and the CNN it came from; exit 1 if a check fails."""
    from ecc_lava.cli.commands.check import Options
    from ecc_lava.cli.commands.check import run as run_command

    raise typer.Exit(run_command(network, data, Options(limit, lava_limit, max_loss, attribute, picture), json))


@app.command(name="map")
def map_(
    network: Network,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="MAPPING.json", help="The mapping to write.")],
    chip: Annotated[str, typer.Option(metavar="loihi1|loihi2|BOARD|FILE", help="A built-in chip or board, or a chip file.")] = "loihi2",
    data: Annotated[
        Optional[Path], typer.Option("--data", metavar="FILE.npz", help="Images x_test: their spikes weigh traffic and cost.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Of the data, only the first N images.")] = 16,
    placer: Annotated[Placer, typer.Option(help="How cores are placed on the mesh.")] = Placer.ANNEALED,
    synapse_model: Annotated[
        SynapseModel, typer.Option("--synapse-model", help="Synaptic memory: lists with headers, indices and borders, or weights alone.")
    ] = SynapseModel.STRICT,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the annealing.")] = 0,
    html: Annotated[
        Optional[Path],
        typer.Option("--html", metavar="PAGE.html", help="Also write a page: the chip core by core, what limits each layer."),
    ] = None,
    json: Json = False,
) -> None:
    """Cut a network into shards that fit the cores of a chip, and place them."""
    from ecc_lava.cli.commands.map import Options, run

    run(network, output, Options(chip, data, limit, placer.value, synapse_model.value, seed, html), json)


SomeData = Annotated[
    Optional[Path], typer.Option("--data", metavar="FILE.npz", help="Images x_test; random ones, drawn by the seed, without.")
]
Fewer = Annotated[Optional[int], typer.Option(min=1, help="Fewer steps than the network was converted for.")]


@app.command()
def deploy(
    network: Network,
    mapping: Annotated[Path, typer.Argument(metavar="MAPPING.json", help="A mapping of it made by `ecc-lava map`.")],
    data: SomeData = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Only the first N images.")] = 4,
    timesteps: Fewer = None,
    runtime: Annotated[
        Runtime,
        typer.Option(help="Lava's own, or its process models in one process; auto: Lava's if every layer can have a process."),
    ] = Runtime.AUTO,
    max_processes: Annotated[
        Optional[int],
        typer.Option(
            "--max-processes", min=3, help="Most processes; cores of a layer share one if need be (default: what the machine holds)."
        ),
    ] = None,
    sample: Annotated[int, typer.Option("--sample", min=0, help="Cores that Lava's runtime also runs if one process runs all.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Of the sample, and of random images.")] = 0,
    json: Json = False,
) -> None:
    """Run a mapping as Lava processes, one per core, against the unpartitioned network; exit 1 if anything differs."""
    from ecc_lava.cli.commands.deploy import Options
    from ecc_lava.cli.commands.deploy import run as run_command

    options = Options(data, limit, timesteps, runtime.value, max_processes, sample, seed)
    raise typer.Exit(run_command(network, mapping, options, json))


@app.command()
def export(
    network: Network,
    to: Annotated[Target, typer.Option("--to", help="vectors: of every core its memory, events in and out, potentials.")],
    mapping: Annotated[Path, typer.Option("--mapping", metavar="MAPPING.json", help="A mapping of it made by `ecc-lava map`.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="A new or empty folder.")],
    data: SomeData = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Only the first N images.")] = 1,
    timesteps: Fewer = None,
    seed: Annotated[int, typer.Option(min=0, help="Of random images.")] = 0,
    json: Json = False,
) -> None:
    """Write test vectors of every core, for RTL or silicon bring-up; the folder's README.txt has the format."""
    from ecc_lava.cli.commands.export import Options
    from ecc_lava.cli.commands.export import run as run_command

    match to:
        case Target.VECTORS:
            run_command(network, Options(mapping, data, output, limit, timesteps, seed), json)


Several = Optional[list[str]]


@app.command(cls=_StudyAsGiven)
def study(
    model: Model,
    calibration: Annotated[Path, typer.Option("--calibration", metavar="FILE.npz", help="Images x_train; labels are not used.")],
    data: Data,
    bits: Annotated[
        Several, typer.Option(metavar="B...", help="Widths of the weights, 2 to 8, or files of widths by population (default: 4 6 8).")
    ] = None,
    timesteps: Annotated[Several, typer.Option(metavar="T...", help="Steps an image is shown for (default: 8 16 32).")] = None,
    format: Annotated[Several, typer.Option(metavar="FORMAT...", help="Number formats: loihi1, loihi2 (default: loihi2).")] = None,
    recipe: Annotated[Several, typer.Option(metavar="RECIPE...", help="Recipes: best, channel, ecc (default: best).")] = None,
    coding: Annotated[
        Several, typer.Option(metavar="CODING...", help="How images are sent: graded, rate, poisson or events (default: the format's own).")
    ] = None,
    percentile: Annotated[
        Several, typer.Option(metavar="P...", help="Percentiles of the activations that lambda is (default: the recipe's own).")
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the trials, tables, picture and page.")] = Path(
        "ecc-lava-study"
    ),
    storage: Annotated[
        Optional[str],
        typer.Option(metavar="URL", help="Where trials are kept: a database URL, or FILE.journal (default: DIR/trials.db, SQLite)."),
    ] = None,
    search: Annotated[
        bool, typer.Option("--search", help="Search widths by layer and T for several aims instead of all combinations.")
    ] = False,
    objectives: Annotated[
        Several,
        typer.Option(
            metavar="AIM...", help="Of the search: accuracy, agreement, memory, latency, events, energy, cores (default: all there are)."
        ),
    ] = None,
    trials: Annotated[int, typer.Option("--trials", min=2, help="Settings that the search tries.")] = 60,
    sampler: Annotated[Sampler, typer.Option(help="How the search chooses.")] = Sampler.NSGA2,
    selection: Annotated[
        Optional[int], typer.Option(min=1, help="The first N images choose, the others report (default: half, 1,000 at most).")
    ] = None,
    chip: Annotated[
        Several, typer.Option(metavar="CHIP...", help="Also map every network, to the chip of its format: cores, energy, latency.")
    ] = None,
    skip: Annotated[int, typer.Option("--skip", min=0, help="Leave out the first N images.")] = 0,
    limit: Limit = None,
    input_scale: Annotated[
        Optional[float], typer.Option(help="Factor on uint8 images (default 1/255, or 1 if the model rescales itself).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw of calibration images, of poisson input and of the search.")] = 0,
    images: Annotated[int, typer.Option("--calibration-images", min=1, help="How many calibration images are drawn.")] = 256,
    parquet: Annotated[bool, typer.Option("--parquet", help="Also write the trials as Parquet (needs pyarrow).")] = False,
    input_shape: InputShape = None,
    json: Json = False,
) -> None:
    """Run many settings of a model on the same images, each once: accuracy against bits, T, memory and energy."""
    from ecc_lava.cli.commands.study import Options, run

    grid = (bits, timesteps, format, recipe, coding, percentile)
    searched = (objectives, trials, sampler.value, selection) if search else None
    options = Options(calibration, data, grid, out, storage, searched, chip, skip, limit, input_scale, seed, images, parquet)
    run(model, options, input_shape or [], json)


def main() -> None:
    """Run the command line and exit: 0 ok, 1 a check failed, 2 bad input (one message), 130 interrupted."""
    logging.basicConfig(format="%(levelname)s: %(message)s", stream=sys.stderr, level=logging.WARNING)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up messages would drown ours
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    app()
