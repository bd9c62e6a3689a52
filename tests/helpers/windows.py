"""Windows and widths at which the kernels of the fast back end take different ways."""

from __future__ import annotations

import numpy as np

from ecc_lava.common.arrays import Array, Shape
from ecc_lava.geometry import Conv, Dense, Geometry, as_sparse

__all__ = ["WIDE", "mantissas"]


def mantissas(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(-127, 128, shape).astype(np.int8)


WIDE: dict[str, tuple[Shape, Geometry]] = {
    "more lanes than a block": ((4, 5, 3), Conv(mantissas(3, 3, 3, 300), padding=(1, 1, 1, 1))),
    "lanes of three blocks": ((4, 4, 2), Conv(mantissas(3, 3, 2, 192))),
    "a part of the lanes": ((3, 4, 5), Conv(mantissas(1, 2, 5, 100), writes=(70, 250))),
    "lanes in the middle of four blocks": ((2, 2, 5), Conv(mantissas(1, 1, 5, 180), writes=(70, 256))),
    "depthwise, channels of two words": ((4, 4, 100), Conv(mantissas(3, 3, 1, 100), (2, 2), (1, 1, 1, 1), groups=100)),
    "depthwise, some channels onto others": (
        (3, 3, 90),
        Conv(mantissas(3, 2, 1, 40), (1, 1), (1, 0, 0, 1), groups=40, reads=(45, 85), writes=(67, 130)),
    ),
    "depthwise, behind one word of lanes": ((2, 2, 150), Conv(mantissas(2, 2, 1, 150), groups=150, writes=(70, 220))),
    "depthwise, positions that are merged": ((4, 12, 32), Conv(mantissas(2, 2, 1, 32), (2, 2), groups=32)),
    "depthwise, merged and overlapping": ((3, 10, 20), Conv(mantissas(2, 3, 1, 20), groups=20)),
    "depthwise, merged with gaps": ((3, 11, 20), Conv(mantissas(1, 2, 1, 20), (2, 3), groups=20)),
    "depthwise, several times": ((3, 3, 70), Conv(mantissas(2, 2, 1, 140), groups=70)),
    "groups of few channels": ((3, 3, 96), Conv(mantissas(3, 3, 3, 128), groups=32)),
    "groups of many channels": ((3, 3, 8), Conv(mantissas(2, 2, 4, 200), groups=2)),
    "one row of many positions": ((1, 40, 3), Conv(mantissas(1, 5, 3, 4), (1, 2))),
    "one row of more positions than run together": ((1, 60, 3), Conv(mantissas(1, 5, 3, 4))),
    "few channels of many positions": ((8, 12, 2), Conv(mantissas(3, 3, 2, 3), padding=(1, 1, 1, 1))),
    "upsampling": ((3, 4, 6), Conv(mantissas(4, 4, 6, 5), padding=(2, 2, 2, 2), input_dilation=(2, 2))),
    "cropped": ((6, 7, 4), Conv(mantissas(3, 3, 4, 6), (1, 2), (-1, 0, -2, 1), (2, 1))),
    "dense": ((3, 4, 5), Dense(mantissas(60, 130))),
    "one by one": ((3, 4, 5), as_sparse(Conv(mantissas(3, 3, 5, 7), (2, 1), (1, 1, 1, 1)), (3, 4, 5))),
    "nothing above a window": ((2, 2, 3), Conv(mantissas(1, 1, 3, 4), padding=(3, 3, 3, 3))),
}
