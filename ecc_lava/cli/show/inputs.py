"""The range of the images that a command reads, what is done to them, and what calibration saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ecc_lava.common import Images
from ecc_lava.inputs import ImageSource, InputCoding, InputRange, InputSpec, as_batch, in_memory

__all__ = ["input_facts", "show_inputs"]


def input_facts(
    x: Images | ImageSource, inputs: Sequence[InputSpec], codings: Sequence[InputCoding] = (), calibrated: Sequence[InputRange] = ()
) -> list[dict[str, Any]]:
    """Return JSON values for every input: type and range as stored, factor, range in the model's units, coding, calibration's range."""
    seen = None
    for part in in_memory(x):
        batch = as_batch(part, inputs)
        found = [(batch[s.name].dtype, float(batch[s.name].min()), float(batch[s.name].max())) for s in inputs]
        seen = found if seen is None else [(t, min(a, c), max(b, d)) for (t, a, b), (_, c, d) in zip(seen, found, strict=True)]
    assert seen is not None
    facts = []
    for index, (spec, (dtype, low, high)) in enumerate(zip(inputs, seen, strict=True)):
        factor = spec.uint8_scale if dtype == np.uint8 and not spec.events else 1.0
        fact: dict[str, Any] = {
            "input": spec.name,
            "type": str(dtype),
            "stored": [low, high],
            "factor": factor,
            "range": [low * factor, high * factor],
        }
        if codings:
            fact |= {"coding": codings[index].kind, "offset": codings[index].offset, "scale": codings[index].scale}
        if calibrated:
            fact["calibrated"] = [calibrated[index].low, calibrated[index].high]
        facts.append(fact)
    return facts


def show_inputs(facts: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Return a line for every input."""
    return tuple(_line(fact, f"input {fact['input']}" if len(facts) > 1 else "images") for fact in facts)


def _line(fact: dict[str, Any], name: str) -> str:
    parts = [f"{name}: {fact['type']} {_text(fact['stored'])}"]
    if fact["factor"] != 1.0:
        parts[0] += f", times {fact['factor']:.6g} is {_text(fact['range'])}"
    if fact.get("coding", "events") != "events":
        parts.append(
            f"sent as q = (x - {fact['offset']:g}) / {fact['scale']:.6g}" if fact["offset"] else f"sent as q = x / {fact['scale']:.6g}"
        )
    if "calibrated" in fact:
        parts.append(f"calibration saw {_text(fact['calibrated'])}")
    return "; ".join(parts)


def _text(found: Sequence[float]) -> str:
    return f"{found[0]:g} to {found[1]:g}"
