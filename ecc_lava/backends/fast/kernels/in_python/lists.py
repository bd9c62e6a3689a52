"""Kernels that turn bits and graded values into lists of events or into bytes."""

from __future__ import annotations

import numpy as np

from ecc_lava.backends.fast.kernels.in_python.compiled import compiled
from ecc_lava.common import Array

__all__ = ["list_events", "list_values", "spread"]


@compiled
def list_events(line: Array, channels: int, first: int, kept: int, events: Array, starts: Array) -> None:
    """List the events of channels first..first + kept of a row at one step, uint64 (words,), as ``x * kept + c - first``.

    Position x has the events from ``starts[x]`` to ``starts[x + 1]``.
    """
    number = 0
    for x in range(len(starts) - 1):
        starts[x] = number
        for c in range(first, first + kept):
            bit = x * channels + c
            if line[bit >> 6] >> np.uint64(bit & 63) & np.uint64(1):
                events[number] = x * kept + c - first
                number += 1
    starts[-1] = number


@compiled
def list_values(maps: Array, first: int, stop: int, events: Array, values: Array, starts: Array) -> None:
    """List the nonzero values of graded maps, uint8 (images, H, W, C), as events of one step."""
    images, height, width, _ = maps.shape
    number = 0
    for image in range(images):
        for y in range(height):
            start = starts[image * height + y, 0]
            for x in range(width):
                start[x] = number
                for c in range(first, stop):
                    if maps[image, y, x, c]:
                        events[number] = x * (stop - first) + c - first
                        values[number] = maps[image, y, x, c]
                        number += 1
            start[width] = number


@compiled
def spread(bits: Array, height: int, by_neuron: bool, out: Array) -> None:
    """Write bits, uint64 (rows, T, words), as bytes: uint8 (images, neurons, T) or (images, T, neurons)."""
    rows, steps, _ = bits.shape
    row = (out.shape[1] if by_neuron else out.shape[2]) // height
    for r in range(rows):
        image, first = r // height, r % height * row
        for t in range(steps):
            for i in range(row):
                value = bits[r, t, i >> 6] >> np.uint64(i & 63) & np.uint64(1)
                if by_neuron:
                    out[image, first + i, t] = value
                else:
                    out[image, t, first + i] = value
