"""Currents of every step at some positions, summed event by event: most neurons are silent at most steps.

Numba compiles the loops.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ecc_lava.common import Array, compiled_by
from ecc_lava.geometry import Conv, Dense, Geometry, apply_at, padded_source, target_shape, written

__all__ = ["currents_at"]


@cache
def _kernel() -> Any:
    import numba

    def run(spikes: Array, words: Array, kernel: Array, rows: Array, columns: Array, dilation: Array, currents: Array) -> None:
        """Add to currents (N, P, T, C') the weights (kh, kw, C, C') of the spikes (N, T, H, W, C) under windows from these places on.

        Words (N, T, H, W, C / `each`) are the same spikes, several in one number.
        """
        images, steps = spikes.shape[:2]
        height, width, _, written = kernel.shape
        each = spikes.shape[4] // words.shape[4]
        for n in range(images):
            for p in range(len(rows)):
                for t in range(steps):
                    to = currents[n, p, t]
                    for a in range(height):
                        for b in range(width):
                            y, x = rows[p] + a * dilation[0], columns[p] + b * dilation[1]
                            line, several = spikes[n, t, y, x], words[n, t, y, x]
                            for w in range(len(several)):
                                if several[w] == 0:
                                    continue
                                for c in range(w * each, (w + 1) * each):
                                    if line[c] != 0:
                                        value, weights = np.float32(line[c]), kernel[a, b, c]
                                        for i in range(written):
                                            to[i] += value * weights[i]

    return compiled_by(numba.njit, run)


def currents_at(geometry: Geometry, spikes: Array, rows: Array, columns: Array) -> Array:
    """Return the input of every step that spikes make at some positions of the target's map.

    Parameters
    ----------
    geometry : Geometry
    spikes : int array (N, T, H, W, C)
    rows, columns : int arrays (P,)

    Returns
    -------
    float32 array (N, P, T, C')
    """
    images, steps, *source = spikes.shape
    if isinstance(geometry, Dense):
        spikes, source = spikes.reshape(images, steps, 1, 1, -1), [1, 1, int(np.prod(source))]
        geometry = Conv(geometry.kernel[None, None])
    if not isinstance(geometry, Conv) or geometry.groups > 1:
        part = apply_at(geometry, spikes.reshape(-1, *source), rows, columns, np.float32)
        return part.reshape(images, steps, *part.shape[1:]).swapaxes(1, 2)
    padded = padded_source(geometry, spikes.reshape(-1, *source))
    each = 8 // padded.itemsize
    padded = np.pad(padded, ((0, 0), (0, 0), (0, 0), (0, -padded.shape[3] % each)))
    padded = padded.reshape(images, steps, *padded.shape[1:])
    kernel = np.ascontiguousarray(geometry.kernel, np.float32)
    whole = np.zeros((images, len(rows), steps, target_shape(geometry, (source[0], source[1], source[2]))[2]), np.float32)
    part = whole if geometry.writes is None else np.zeros((*whole.shape[:3], kernel.shape[3]), np.float32)
    starts = rows * geometry.strides[0], columns * geometry.strides[1]
    _kernel()(padded, padded.view(np.uint64), kernel, *starts, np.array(geometry.dilation), part)
    if geometry.gain is not None:
        part *= geometry.gain.astype(np.float32)[rows, columns][:, None, None]
    if part is not whole:
        whole[..., written(geometry)] = part
    return whole
