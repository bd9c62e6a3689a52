"""The command line `ecc-lava`: commands that call the other rooms and print what they return.

This room computes nothing of its own. `app` finds the commands, `options`, `choices` and `several` read their options, `files` opens what
they name, `show` prints. To add a command, write a file in `commands` and give it a line in that door's table.
"""

__all__ = ["main"]


def main() -> None:
    """Run the command line; signals are handled before anything else is imported, which takes a while."""
    from ecc_lava.cli.signals import at_once

    at_once()
    from ecc_lava.cli.limits import check_threads, loading
    from ecc_lava.cli.streams import open_all

    open_all()
    check_threads()
    with loading():
        from ecc_lava.cli.app import main as program

    program()
