"""How much memory what a file or a caller asks for may take: claims are compared with a limit before anything of their size is built."""

from __future__ import annotations

import os
from typing import Final

from ecc_lava.errors import InvalidInput

__all__ = ["MEMORY_BYTES", "NEURON_BYTES", "check_memory", "memory_limit"]

MEMORY_BYTES: Final = 2**31
"""Bytes that a claim may take by default."""

NEURON_BYTES: Final = 100
"""Bytes that a neuron takes in a run, as measured: potentials, currents, spikes and results of one image."""

VARIABLE: Final = "ECC_LAVA_MAX_MEMORY"
"""Environment variable that sets another limit, bytes."""


def memory_limit(max_memory: int | None = None) -> int:
    """Return the bytes that a claim may take: those that are given, else those of the environment, else `MEMORY_BYTES`.

    Raises
    ------
    InvalidInput
        If they are no positive whole number.
    """
    told = os.environ.get(VARIABLE, "")
    if max_memory is None and not told:
        return MEMORY_BYTES
    if max_memory is None:
        max_memory = int(told) if told.isascii() and told.isdecimal() and len(told) <= 20 else 0
        if max_memory < 1:
            raise InvalidInput(f"{VARIABLE} is {told!r:.40}; it must be a positive whole number of bytes, such as {2 * MEMORY_BYTES}")
    if max_memory < 1:
        raise InvalidInput(f"max_memory is {max_memory}; it must be a positive number of bytes")
    return max_memory


def check_memory(what: str, taken: int, limit: int, fewer: str = "") -> None:
    """Check that a claim stays within a limit of bytes.

    Parameters
    ----------
    what : str
        What would be built.
    taken, limit : int
        Bytes that it takes, and bytes that it may take.
    fewer : str
        What else than more memory would help.

    Raises
    ------
    InvalidInput
        With both numbers and the smallest limit that would do.
    """
    if taken > limit:
        shown = str(taken) if taken < 2**64 else "more than 2**64"
        enough = taken if taken < 2**64 else "so many bytes"
        remedy = f"Set {VARIABLE}={enough}{fewer and ', or '}{fewer}"
        raise InvalidInput(f"{what} would take {shown} bytes of memory; the limit is {limit}. {remedy}")
