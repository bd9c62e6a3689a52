"""Options whose values are the names in a registry.

Functions import `hw_mappings`, so that only the commands that map load it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import typer

__all__ = ["chips", "choice", "map_defaults", "placers", "runtimes", "synapse_models"]


def choice(names: Iterable[str], *flags: str, help: str) -> Any:
    """Return an option whose value is one of the names."""
    known = tuple(names)

    def checked(value: str) -> str:
        if value not in known:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(map(repr, known))}.")
        return value

    return typer.Option(*flags, parser=checked, metavar=f"<{'|'.join(known)}>", help=help)


def chips() -> tuple[str, ...]:
    """Return the built-in chips, without the boards."""
    from hw_mappings.chips import BOARDS, CHIPS

    return tuple(name for name in CHIPS if name not in {board.name for board in BOARDS})


def placers() -> tuple[str, ...]:
    """Return the placement algorithms."""
    from hw_mappings.placement import PLACERS

    return tuple(PLACERS)


def synapse_models() -> tuple[str, ...]:
    """Return the models of synaptic memory."""
    from hw_mappings.resources import SynapseModel

    return tuple(model.value for model in SynapseModel)


def map_defaults() -> tuple[str, str, str]:
    """Return the chip, the placer and the model of synaptic memory of `map_network` unless its caller names others."""
    from hw_mappings.chips import DEFAULT_CHIP
    from hw_mappings.placement import DEFAULT_PLACER
    from hw_mappings.resources import SynapseModel

    return DEFAULT_CHIP.name, DEFAULT_PLACER, SynapseModel.STRICT.value


def runtimes() -> tuple[str, ...]:
    """Return the runtimes of a deployment."""
    from ecc_lava.backends import RUNTIMES
    from hw_mappings.deployment import AUTO

    return (AUTO, *RUNTIMES)
