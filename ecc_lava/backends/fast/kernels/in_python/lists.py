"""Kernels that turn bits and graded values into lists of events or into bytes."""

from __future__ import annotations

import numpy as np

from ecc_lava.backends.fast.kernels.in_python.compiled import compiled
from ecc_lava.common import Array

__all__ = ["count_rows", "list_events", "list_values", "spread"]


@compiled
def count_rows(bits: Array, counts: Array) -> None:
    """Count the spikes of every row: uint64 (rows, T, words) into int64 (rows,)."""
    rows, steps, words = bits.shape
    for r in range(rows):
        counts[r] = 0
        for t in range(steps):
            for w in range(words):
                word = bits[r, t, w]
                while word:
                    word &= word - np.uint64(1)
                    counts[r] += 1


@compiled
def list_events(bits: Array, channels: int, first: int, stop: int, row_base: Array, events: Array, starts: Array) -> None:
    """List the events of channels first..stop, row r from ``row_base[r]`` on; `ecc_lava.backends.fast.jobs` describes the arrays."""
    rows, steps, _ = bits.shape
    width, kept = starts.shape[2] - 1, stop - first
    for r in range(rows):
        position = row_base[r]
        for t in range(steps):
            line, start = bits[r, t], starts[r, t]
            for x in range(width):
                start[x] = position
                for c in range(first, stop):
                    bit = x * channels + c
                    if line[bit >> 6] >> np.uint64(bit & 63) & np.uint64(1):
                        events[position] = x * kept + c - first
                        position += 1
            start[width] = position


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
