"""The commands, one a file: the function `command` has the command's options as its parameters and does its work.

A file here is imported when its command is called; the list of all commands needs none of them. To add a command, write a file with a
function `command` and give it a line in `COMMANDS`.
"""

from typing import Final

__all__ = ["COMMANDS"]

COMMANDS: Final = {
    "demo": "Take an embedded CNN through the whole way: convert, quantise, map, check against Lava.",
    "layers": "List the Keras layers and operations that convert, and their limits.",
    "inspect": "Show what every layer of a model becomes: population, folded, relay or readout.",
    "convert": "Convert a model to an integer network file.",
    "run": "Run a network on images: accuracy, events and energy.",
    "check": "Check a network against golden, Lava, the float network and the CNN it came from; exit 1 if a check fails.",
    "map": "Cut a network into shards that fit the cores of a chip, and place them.",
    "deploy": "Run a mapping as Lava processes, one per core, against the unpartitioned network; exit 1 if anything differs.",
    "export": "Write test vectors of every core, for RTL or silicon bring-up; the folder's README.txt has the format.",
    "study": "Run many settings of a model on the same images, each once: accuracy against bits, T, memory and energy.",
}
"""Command, which is also its file's name -> what its help says, in the order of the help."""
