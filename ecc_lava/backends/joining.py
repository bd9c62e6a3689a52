"""One result of many: of pieces of a sequence, or of parts of the images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ecc_lava.backends.result import Result
from ecc_lava.common import Array

__all__ = ["joined_results"]


def joined_results(results: Sequence[Result], axis: int = 0) -> Result:
    """Return one result of many, in their order.

    Parameters
    ----------
    results : sequence of Result
        At least one, all of the same network and settings.
    axis : int
        0 for images or whole sequences, whose rows follow one another; 1 for pieces of the same sequences, of which counts add up and the
        last potential stays.
    """

    def numbers(get: Callable[[Result], Array]) -> Array:
        return np.concatenate([get(result) for result in results], axis=axis)

    def outputs(get: Callable[[Result], Any]) -> Any:
        first = get(results[0])
        if isinstance(first, Mapping):
            return {name: whole([get(result)[name] for result in results]) for name in first}
        return None if first is None else numbers(get)

    def by_name(get: Callable[[Result], Mapping[str, Array]], join: Callable[[list[Array]], Array]) -> dict[str, Array]:
        return {name: join([get(result)[name] for result in results]) for name in get(results[0])}

    def rails(get: Callable[[Result], Mapping[str, int]]) -> dict[str, int]:
        return {name: sum(get(result)[name] for result in results) for name in get(results[0])}

    def whole(arrays: list[Array]) -> Array:
        return np.concatenate(arrays, axis=axis)

    def last(arrays: list[Array]) -> Array:
        return arrays[-1] if axis else np.concatenate(arrays)

    def total(arrays: list[Array]) -> Array:
        return np.sum(arrays, axis=0, dtype=arrays[0].dtype) if axis else np.concatenate(arrays)

    return replace(
        results[0],
        logits=outputs(lambda result: result.logits),
        readout=outputs(lambda result: result.readout),
        logits_over_time=outputs(lambda result: result.logits_over_time),
        spike_counts=by_name(lambda result: result.spike_counts, whole),
        synops=numbers(lambda result: result.synops),
        input_macs=numbers(lambda result: result.input_macs),
        graded_synops=numbers(lambda result: result.graded_synops),
        payload_bits=numbers(lambda result: result.payload_bits),
        saturated_low=rails(lambda result: result.saturated_low),
        saturated_high=rails(lambda result: result.saturated_high),
        counts=by_name(lambda result: result.counts, last),
        raster=by_name(lambda result: result.raster, whole),
        potential=by_name(lambda result: result.potential, last),
        sent=by_name(lambda result: result.sent, total),
    )
