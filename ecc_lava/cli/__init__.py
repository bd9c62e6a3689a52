"""The command line `ecc-lava`: commands that call the other rooms and print what they return.

This room computes nothing of its own. `app` finds the commands, `options`, `choices` and `several` read their options, `files` opens what
they name, `show` prints. To add a command, write a file in `commands` and give it a line in that door's table.
"""

from ecc_lava.cli.app import main

__all__ = ["main"]
