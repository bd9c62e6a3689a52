"""`ecc-lava import`: make an integer network of a graph that another tool wrote."""

# ruff: noqa: N999  the file has the name of its command
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Optional

import typer

from ecc_lava.cli.choices import choice
from ecc_lava.cli.options import Json
from ecc_lava.cli.show.output import counted, emit_json, provenance, show_lines
from ecc_lava.common import check_writable
from ecc_lava.exchange import from_nir
from ecc_lava.formats import DEFAULT_FORMAT, FORMATS
from ecc_lava.inputs import CODINGS, InputCoding
from ecc_lava.networks import PER
from ecc_lava.quantisation import quantise
from ecc_lava.storage import save

__all__ = ["command"]

Graph = Annotated[Path, typer.Argument(metavar="NET.nir", help="A graph of NIR: IF, convolutions, linear layers, pools.")]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="NET.h5", help="The network file to write.")]
Timesteps = Annotated[Optional[int], typer.Option("--timesteps", min=1, help="T (default: what the file says, if it says).")]
Reset = Annotated[
    Optional[str],
    choice(("subtract",), "--reset", help="subtract: the tool that wrote the file takes the threshold off at a spike, as sinabs does."),
]
Coding = Annotated[
    Optional[str],
    choice(CODINGS, "--coding", help="How images become input (default: what the file says; else events, binary spikes of every step)."),
]
Format = Annotated[str, choice(FORMATS, "--format", help="Number format of the integers.")]
Bits = Annotated[Optional[int], typer.Option("--bits", min=1, help="Width of the weights (default: the widest of the format, at most 8).")]
Per = Annotated[str, choice(PER, "--per", help="What has a unit of its own.")]
StepSeconds = Annotated[float, typer.Option("--dt", help="Seconds of a step: r * dt is what an input counts.")]
LARGEST = 255
"""Largest value of a coded image; it stands for 1 in the units of the file's input."""


def command(
    graph: Graph,
    output: Output,
    timesteps: Timesteps = None,
    reset: Reset = None,
    coding: Coding = None,
    format: Format = DEFAULT_FORMAT,
    bits: Bits = None,
    per: Per = "channel",
    dt: StepSeconds = 1.0,
    json: Json = False,
) -> None:
    """Read, quantise and save."""
    check_writable(output, inputs=[graph])
    chosen = None if coding is None else InputCoding(coding)
    if chosen is not None and coding != "events":
        chosen = replace(chosen, scale=1 / LARGEST)
    snn = from_nir(graph, timesteps=timesteps, reset=reset, coding=chosen, dt=dt)
    network = quantise(snn, format=format, bits=bits, per=per)
    save(output, network, snn=snn)
    neurons = sum(p.neurons for p in network.populations[len(network.inputs) :])
    if json:
        facts = {"timesteps": network.timesteps, "bits": network.bits, "format": network.format.name, "neurons": neurons}
        emit_json(provenance(network=str(output), network_digest=network.digest, **facts))
        return
    show_lines(
        f"{output}: {counted(neurons, 'neuron')}, weights of {network.bits} bits ({network.format.name}), T={network.timesteps}",
        f"next: ecc-lava check {output} --data FILE.npz",
    )
