"""Where the fast back end's time goes on one thread: by population, and in it by stage, by clocks in kernels compiled for the purpose."""

from __future__ import annotations

import ctypes
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from ecc_lava.backends.activity import Recording
from ecc_lava.backends.fast import run as fast_module
from ecc_lava.backends.fast.batch import PreparedNetwork
from ecc_lava.backends.fast.kernels.compile import compile_kernels
from ecc_lava.backends.fast.kernels.native import NativeKernels
from ecc_lava.backends.fast.run import fast
from ecc_lava.common.arrays import Array
from ecc_lava.networks import QuantisedNetwork

__all__ = ["by_population", "stages"]

STAGES = ("lists of rows", "lists of windows", "sums", "neurons")
"""In the order of `kernels.c`."""

OTHER_KERNELS = {"run_graded": "graded input", "most_spikes": "lists of rows"}

Spent = dict[str, float]


def _on_one_thread(network: QuantisedNetwork, q: dict[str, Array], use: NativeKernels) -> float:
    """Return the seconds of processor time of one run."""
    with patch.object(fast_module, "free_cores", lambda: 1), patch.object(fast_module, "kernels", lambda: use):
        start = time.process_time()
        fast(network, q, network.timesteps, Recording(potentials=frozenset()))
        return time.process_time() - start


def by_population(network: QuantisedNetwork, q: dict[str, Array], use: NativeKernels, seen: Callable[[str], None] | None = None) -> Spent:
    """Return the seconds of every population's kernel, of the other kernels by what they do, and of everything as "all"."""
    runner, spent = PreparedNetwork.of(network, use), Spent()
    names = {id(prepared): layer.population.name for layer, prepared in zip(runner.plan.layers, runner.prepared, strict=True)}

    def timed(called: Callable[..., Any], name: str | None) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            start = time.thread_time()
            result = called(use, *arguments)
            key = name or names[id(arguments[0])]
            spent[key] = spent.get(key, 0.0) + time.thread_time() - start
            if seen and name is None:
                seen(key)
            return result

        return call

    wrapped = {"run": None, "run_valued": None, **OTHER_KERNELS}
    for method, name in wrapped.items():
        setattr(use, method, timed(getattr(NativeKernels, method), name))
    try:
        with patch.object(fast_module, "_runner", lambda *_: runner):
            whole = _on_one_thread(network, q, use)
    finally:
        for method in wrapped:
            delattr(use, method)
    return spent | {"all": whole}


def _compiled() -> NativeKernels:
    compiler = shutil.which("cc")
    assert compiler is not None, "needs a C compiler"
    with tempfile.TemporaryDirectory() as folder:
        compile_kernels(compiler, Path(folder) / "stages.so", ("-DMEASURE_STAGES",))
        return NativeKernels(ctypes.CDLL(str(Path(folder) / "stages.so")))


def stages(network: QuantisedNetwork, q: dict[str, Array], repeats: int, encoding_s: float) -> dict[str, Any]:
    """Return the shares of the stages in every population and in all, in microseconds an image and step of one core.

    The clocks themselves take time; `clocks` is how much longer the kernels ran with them than without.
    """
    use, plain = _compiled(), fast_module.kernels()
    assert isinstance(plain, NativeKernels)
    ticks = (ctypes.c_uint64 * len(STAGES)).in_dll(use._library, "stage_ticks")
    shares: dict[str, Array] = {}

    def seen(name: str) -> None:
        shares[name] = shares.get(name, np.zeros(len(STAGES))) + np.array(list(ticks), np.float64)
        ctypes.memset(ticks, 0, ctypes.sizeof(ticks))

    runs = [by_population(network, q, plain) for _ in range(repeats)]
    clocked = [by_population(network, q, use, seen) for _ in range(repeats)]
    samples = len(next(iter(q.values())))
    unit = 1e6 / samples / network.timesteps

    def us(of: list[Spent], name: str) -> float:
        return statistics.median(one.get(name, 0.0) for one in of) * unit

    kernel = {name: us(runs, name) for name in shares}
    slower = sum(us(clocked, name) for name in shares) / sum(us(runs, name) for name in shares)
    table = {}
    for name, found in shares.items():
        in_clocked = found / max(found.sum(), 1.0)
        table[name] = {"us": kernel[name], **{stage: float(share) for stage, share in zip(STAGES, in_clocked, strict=True)}}
    totals = {stage: sum(row["us"] * row[stage] for row in table.values()) for stage in STAGES}
    for what in OTHER_KERNELS.values():
        totals[what] = totals.get(what, 0.0) + us(runs, what)
    totals["encoding"] = encoding_s * unit
    totals["Python"] = us(runs, "all") - sum(value for what, value in totals.items() if what != "encoding")
    return {"populations": table, "us_per_image_step": totals, "all_us": us(runs, "all"), "clocks": slower - 1}
