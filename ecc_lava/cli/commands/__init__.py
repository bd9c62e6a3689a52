"""The commands, one a file. The parameters of the function `command` are the command's options, and the function does the command's work.

A call of a command imports its file; the list of commands imports none. To add a command, write a file with a function `command` and give
it a line in `COMMANDS`.
"""

from typing import Final

__all__ = ["COMMANDS", "READING_MODELS"]

COMMANDS: Final = {
    "demo": "Take an embedded CNN all the way: convert, quantise, map, check against Lava.",
    "layers": "List the Keras layers and operations that convert, and their limits.",
    "inspect": "Show what every layer of a model becomes: population, folded, relay or readout.",
    "convert": "Convert a model to an integer network file.",
    "run": "Run a network on images: accuracy, events and energy.",
    "check": "Check a network against golden, Lava, the float network and the CNN it came from; exit 1 if a check fails.",
    "stream": "Make a sigma-delta stream of a network of payloads: frames go in, only changes travel.",
    "track": "Follow an object through frames: the network is the embedding of a Siamese tracker, the exemplar its last weights.",
    "map": "Cut a network into shards that fit the cores of a chip, and place them.",
    "deploy": "Run a mapping as Lava processes, one per core, against the unpartitioned network; exit 1 if anything differs.",
    "export": "Write a network for other tools: test vectors of every core for RTL or silicon, or a NIR graph for simulators.",
    "import": "Make an integer network of a NIR graph that another tool wrote.",
    "study": "Run many settings of a model on the same images, each once: accuracy against bits, T, memory and energy.",
}
"""Name of a command and of its file -> the sentence of its help, in the order of the help."""

READING_MODELS: Final = frozenset({"demo", "inspect", "convert", "study"})
"""The commands that open a Keras model: the process that reads it is started before a command's file is imported."""
