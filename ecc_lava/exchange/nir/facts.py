"""What NIR has no field for, under the key `ecc_lava` of the metadata of the graph and of its nodes.

The graph has one JSON text: T, the reset, codings, digest, scales. A node of neurons has the potential at the start of a sample
(`v_init`) and lambda as arrays beside a JSON text of its own. The same of inputs and outputs stands under the graph's key, by node, because
`nir` 1.0.4, which sinabs asks for, refuses files whose inputs or outputs have metadata.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from math import isinf
from typing import Any, Final

import numpy as np

from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import InputCoding
from ecc_lava.networks import Population, QuantisedNetwork, SpikingNetwork
from ecc_lava.version import __version__

__all__ = ["KEY", "SCHEMA", "SUBTRACT", "coding_of", "graph_facts", "parsed", "population_facts"]

KEY: Final = "ecc_lava"
SCHEMA: Final = 1
SUBTRACT: Final = "subtract"
"""The reset of our neurons: a spike takes the threshold off the potential."""

NEURON: Final = "v += input; k = clip(floor(v / v_threshold), 0, 2**payload_bits - 1); v -= v_threshold * k; before a sample v = v_init"
OUTPUT: Final = "logits = (v_init + sum over T steps of the output) / (T * logit_scale)"
DELAY: Final = "all nodes see step t in one pass; on a chip the population of depth d has sent the same at step t + d"


def graph_facts(network: QuantisedNetwork | SpikingNetwork, ends: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a graph; `ends` are those of its inputs and outputs, by node."""
    facts: dict[str, Any] = {
        "schema": SCHEMA,
        "version": __version__,
        "timesteps": network.timesteps,
        "reset": SUBTRACT,
        "neuron": NEURON,
        "output": OUTPUT,
        "clock": DELAY,
        "codings": [asdict(coding) for coding in network.codings],
    }
    if isinstance(network, QuantisedNetwork):
        facts |= {
            "numbers": "integers",
            "digest": network.digest,
            "format": network.format.name,
            "bits": network.bits,
            "potential_limit": network.format.potential_max,
        }
    else:
        limit = network.potential_limit
        facts |= {"numbers": "floats", "potential_limit": None if isinf(limit) else limit}
    return {KEY: {"json": json.dumps(facts, sort_keys=True), "nodes": ends}}


def population_facts(population: Population, v_init: Array, depth: int, raised: float) -> dict[str, Any]:
    """Return what the metadata of a population's node say; `raised` is what `v_init` has more than the population's own."""
    facts = {
        "population": population.name,
        "shape": population.shape,
        "depth": depth,
        "payload_bits": population.payload.bits,
        "v_init_raised": raised,
    }
    return {"json": json.dumps(facts, sort_keys=True), "v_init": v_init, "lambda": np.array(population.lambda_)}


def parsed(text: Any, where: str) -> dict[str, Any]:
    """Return a JSON text of the metadata.

    Raises
    ------
    InvalidInput
        If it is none.
    """
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"the metadata {KEY!r} of {where} is no JSON: {str(error)[:80]}") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"the metadata {KEY!r} of {where} is no table")
    return found


def coding_of(value: Any) -> InputCoding:
    """Return a coding from its JSON values.

    Raises
    ------
    InvalidInput
        If they are none.
    """
    kinds: dict[str, type | tuple[type, ...]] = {
        "kind": str,
        "offset": (int, float),
        "scale": (int, float),
        "uint8_scale": (int, float),
        "channels_first": bool,
        "seed": int,
    }
    if not isinstance(value, dict) or set(value) != set(kinds) or not all(isinstance(value[k], kinds[k]) for k in kinds):
        raise InvalidInput(f"an input coding of the metadata {KEY!r} is {value!r:.80}; it needs {', '.join(kinds)}")
    return InputCoding(**value)
