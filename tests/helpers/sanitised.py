"""`python -m tests.helpers.sanitised LIBRARY N`: run generated networks on kernels built with sanitizers, which end the process."""

from __future__ import annotations

import ctypes
import sys

from ecc_lava.backends.fast import run as fast_module
from ecc_lava.backends.fast.kernels.native import NativeKernels
from tests.backends.fast.test_fast import _chain, _check
from tests.helpers.networks import random_network, with_payloads
from tests.helpers.windows import WIDE


def main(library: str, count: int) -> None:
    kernels = NativeKernels(ctypes.CDLL(library))
    fast_module.kernels = lambda: kernels  # type: ignore[assignment]
    for source, geometry in WIDE.values():
        _check(_chain(source, [geometry], timesteps=70), 70)
    for seed in range(count):
        network = random_network(seed, rails=seed % 4 == 0, ranges=True, ports=seed % 3 == 0, sparse=seed % 5 == 0)
        _check(network, 6, 2, seed)
        _check(with_payloads(network, seed), 2, 2, seed)
    sys.stdout.write(f"{count} networks\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
