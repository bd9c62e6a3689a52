"""How far apart colours look, to readers of every kind of colour vision.

Sources: Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE TVCG 15, 2009 (the
matrices, full severity); Ottosson, "A perceptual color space for image processing", 2020 (OKLab, where just noticeable is about 0.02).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ecc_lava.common import Array

__all__ = ["VISIONS", "least_distance"]

VISIONS = {
    "all colours": np.eye(3),
    "without red": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "without green": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "without blue": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
}
_CONES = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]])
_OKLAB = np.array([[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]])


def least_distance(colours: Sequence[Sequence[float]], vision: str) -> float:
    """Return the distance in OKLab of the two colours that look most alike; red, green and blue are 0 to 255."""
    parts = np.array(colours, np.float64) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    seen: Array = np.cbrt(np.clip(linear @ VISIONS[vision].T, 0, 1) @ _CONES.T) @ _OKLAB.T
    return min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2))
