"""The kernels that step a row of neurons."""

from __future__ import annotations

import numpy as np

from ecc_lava.backends.fast.kernels.in_python.compiled import compiled
from ecc_lava.common import Array

__all__ = ["integrate", "send"]


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
    constant : int32 (positions of the row or 1, lanes)
    vth, v_init : int32 (positions or 1, lanes)
    limit : potential rail
    spikes, is_stateful : whether neurons fire, and keep their potential from step to step
    row, lane : row over all images; first lane of the block
    bits : uint64 (rows, T, words)
        Receives a bit where a neuron fires.
    counts, potential : (images, H, W', channels), or a potential without images
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
        add = constant[x if len(constant) > 1 else 0, lane:]
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
            if len(potential):
                potential[image, y, x, lane + o] = v[o]
    return low, high


@compiled
def send(
    current: Array,
    constant: Array,
    vth: Array,
    v_init: Array,
    sent_init: Array,
    limit: int,
    largest: int,
    least: int,
    theta: int,
    row: int,
    lane: int,
    plane: Array,
    negative_plane: Array,
    counts: Array,
    potential: Array,
    sent: Array,
) -> tuple[int, int, int, int]:
    """Run all steps of a row of neurons that send payloads, with the same equation, or of a stream with that of `send_changes`.

    Parameters
    ----------
    current : int32 (W', T, lanes of the block)
    constant : int32 (positions of the row or 1, lanes)
    vth, v_init, sent_init : int32 (positions or 1, lanes)
        The last says what neurons sent before the first step; without positions they sent nothing.
    limit, largest, least : potential rail; bounds of a payload
    theta : of a stream, the least change that is sent; 0 elsewhere
    row, lane : row over all images; first lane of the block
    plane, negative_plane : uint8 (rows, T, W' * channels)
        Receive payloads, and magnitudes of negative payloads. One step has none of these.
    counts, potential, sent : (images, H, W', channels), or a potential without images
        Written.

    Returns
    -------
    (int, int, int, int)
        How often the low and the high rail were reached, and the nonzero values of both planes.
    """
    positions, steps, block = current.shape
    height, channels = counts.shape[1], counts.shape[3]
    image, y = row // height, row % height
    lanes = min(block, channels - lane)
    low = high = positive = negative = 0
    for x in range(positions):
        add = constant[x if len(constant) > 1 else 0, lane:]
        threshold = vth[y * positions + x if len(vth) > 1 else 0, lane:]
        first = v_init[y * positions + x if len(v_init) > 1 else 0, lane:]
        for o in range(lanes):
            v, spikes = first[o], 0
            total = sent_init[y * positions + x if len(sent_init) > 1 else 0, lane + o] if len(sent_init) else 0
            at = x * channels + lane + o
            for t in range(steps):
                v += current[x, t, o] + add[o]
                if v > limit:
                    v = limit
                    high += 1
                elif v < -limit:
                    v = -limit
                    low += 1
                if theta:
                    reached = (1 if v >= threshold[o] else 0) if largest == 1 else v // threshold[o]
                    k = min(max(reached, 0), largest) - total
                    if abs(k) < theta:
                        k = 0
                else:
                    k = min(max(v // threshold[o], max(least, -total)), largest)
                    v -= k * threshold[o]
                total += k
                spikes += k != 0
                positive += k > 0
                negative += k < 0
                plane[row, t, at] = max(k, 0)
                if least and steps > 1:
                    negative_plane[row, t, at] = max(-k, 0)
            counts[image, y, x, lane + o] = total
            if len(potential):
                potential[image, y, x, lane + o] = v
            sent[image, y, x, lane + o] = spikes
    return low, high, positive, negative
