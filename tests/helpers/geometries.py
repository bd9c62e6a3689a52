"""One geometry of every kind, on maps of one size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecc_lava.common.arrays import Array
from ecc_lava.geometry import Conv, Dense, Geometry, axes_permuted, from_synapses

__all__ = ["GEOMETRIES"]


def _kernel(*shape: int, largest: int = 127) -> Array:
    return np.random.default_rng(1).integers(-largest, largest + 1, shape).astype(np.int8)


GEOMETRIES: dict[str, Geometry] = {
    "cropping": Conv(_kernel(3, 3, 4, 5), padding=(-1, -2, 0, -1)),
    "crop_and_pad": Conv(_kernel(3, 2, 4, 5), padding=(-1, 2, 1, -1), strides=(2, 1)),
    "wide_padding": Conv(_kernel(3, 3, 4, 2), padding=(4, 4, 4, 4)),
    "only_padding_in_reach": Conv(_kernel(1, 1, 4, 2), padding=(9, 0, 0, 0), strides=(9, 3)),
    "dilated": Conv(_kernel(3, 3, 4, 2), dilation=(2, 3), padding=(2, 1, 3, 0)),
    "depthwise": Conv(_kernel(3, 3, 1, 8), groups=4),
    "groups_of_two": Conv(_kernel(2, 2, 2, 6), groups=2),
    "gain": Conv(_kernel(2, 2, 1, 4, largest=30), strides=(2, 2), groups=4, gain=np.arange(1, 13, dtype=np.int32).reshape(3, 4) % 4 + 1),
    "channel_ranges": Conv(_kernel(3, 3, 2, 3), reads=(1, 3), writes=(2, 7)),
    "groups_of_channel_ranges": Conv(_kernel(2, 2, 1, 6), groups=3, reads=(1, 4), writes=(1, 8)),
    "stretched": Conv(_kernel(3, 3, 4, 2), input_dilation=(2, 3), padding=(2, 1, 2, 2)),
    "stretched_with_strides": Conv(_kernel(3, 2, 4, 2), (3, 2), input_dilation=(2, 3), padding=(-1, 1, 1, 0)),
    "dense": Dense(_kernel(7 * 8 * 4, 11)),
    "listed": from_synapses(_kernel(200, largest=60), np.arange(200) ** 3 % 211, np.arange(200) ** 2 % 59, (7, 8, 4), (3, 4, 5)),
    "permuted": replace(axes_permuted((7, 8, 4), (2, 0, 1)), kernel=_kernel(224) | 1),
    "none_listed": from_synapses(_kernel(0), np.zeros(0, int), np.zeros(0, int), (7, 8, 4), (2, 2, 3)),
}
