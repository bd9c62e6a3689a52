"""The kernel that steps a row of neurons."""

from __future__ import annotations

import numpy as np

from ecc_lava.backends.fast.kernels.in_python.compiled import compiled
from ecc_lava.common import Array

__all__ = ["integrate"]


@compiled
def integrate(
    current: Array,
    constant: Array,
    vth: Array,
    v_init: Array,
    limit: int,
    spikes: bool,
    is_stateful: bool,
    row: int,
    lane: int,
    bits: Array,
    counts: Array,
    potential: Array,
    over_time: Array,
) -> tuple[int, int]:
    """Run all steps of a row of neurons with the equation of `ecc_lava.common.neuron.integrate_and_fire`.

    Parameters
    ----------
    current : int32 (W', T, lanes of the block)
    constant : int32 (images * positions or 1, lanes)
    vth, v_init : int32 (positions or 1, lanes)
    limit : potential rail
    spikes, is_stateful : whether neurons fire, and keep their potential from step to step
    row, lane : row over all images; first lane of the block
    bits : uint64 (rows, T, words)
        Receives a bit where a neuron fires.
    counts, potential : int32 (images, H, W', channels)
        Written.
    over_time : int32 (images, T, H, W', channels), or (0, ...)
        Written.

    Returns
    -------
    (int, int)
        How often the low and the high rail were reached. Only integration reaches a rail: after a reset 0 <= v < limit.
    """
    positions, steps, block = current.shape
    height, channels = counts.shape[1], counts.shape[3]
    image, y = row // height, row % height
    lanes = min(block, channels - lane)
    v, fired = np.empty(lanes, np.int32), np.empty(lanes, np.int32)
    low = high = 0
    for x in range(positions):
        add = constant[row * positions + x if len(constant) > 1 else 0, lane:]
        threshold = vth[y * positions + x if len(vth) > 1 else 0, lane:]
        first = v_init[y * positions + x if len(v_init) > 1 else 0, lane:]
        for o in range(lanes):
            v[o], fired[o] = first[o], 0
        for t in range(steps):
            for o in range(lanes):
                now = current[x, t, o] + add[o]
                if is_stateful:
                    now += v[o]
                if now > limit:
                    now = limit
                    high += 1
                elif now < -limit:
                    now = -limit
                    low += 1
                if spikes and now >= threshold[o]:
                    if is_stateful:
                        now -= threshold[o]
                    fired[o] += 1
                    bit = x * channels + lane + o
                    bits[row, t, bit >> 6] |= np.uint64(1) << np.uint64(bit & 63)
                v[o] = now
                if len(over_time):
                    over_time[image, t, y, x, lane + o] = now
        for o in range(lanes):
            counts[image, y, x, lane + o] = fired[o]
            potential[image, y, x, lane + o] = v[o]
    return low, high
