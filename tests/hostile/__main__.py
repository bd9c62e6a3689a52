"""The large attack: ``python -m tests.hostile mutants --each 10000``, and ``kills --each 100``."""

from __future__ import annotations

import argparse
import sys

from tests.hostile import kills, mutants

ATTACKS = {"mutants": mutants, "kills": kills}
"""Name of an attack -> the module that adds its options and runs it."""


def main() -> int:
    """Run an attack; the exit code is 1 if there is a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, module in ATTACKS.items():
        command = commands.add_parser(name, help=module.__doc__)
        module.add_options(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args()
    return int(options.run(options))


if __name__ == "__main__":
    sys.exit(main())
