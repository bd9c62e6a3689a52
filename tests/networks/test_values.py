"""Networks as values: numbers outside a format are refused, the digest changes with every number, and one line shows them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ecc_lava
from ecc_lava.conversion.convert import convert
from ecc_lava.errors import InvalidInput, InvalidNetwork, RangeError
from ecc_lava.geometry import Conv, Dense, with_kernel
from ecc_lava.inputs import InputCoding
from ecc_lava.networks import QuantisedNetwork, QuantisedProjection
from ecc_lava.networks.wiring import Kind
from tests.helpers.cnns import samples, small_graph
from tests.helpers.networks import random_network
from tests.helpers.small_networks import single


def test_numbers_outside_a_format_are_refused() -> None:
    network = single(Conv(np.ones((1, 1, 1, 1), np.int8)), exponent=0)

    def changed(**fields: int) -> QuantisedNetwork:
        values = {name: np.full((1, 1, 1), value, np.int32) for name, value in fields.items()}
        return replace(network, populations=(network.input, replace(network.populations[1], **values), network.readout))  # type: ignore[arg-type]

    for field in ("bias", "vth", "v_init"):
        with pytest.raises(RangeError, match=f"{field} of population 'p' reaches 8388608; loihi2 holds 8388607"):
            changed(**{field: 2**23})
        assert changed(**{field: 2**23 - 1})
    with pytest.raises(RangeError, match="must be at least 1"):
        changed(vth=0)
    with pytest.raises(RangeError, match="a weight 'input' -> 'p' is 100; 7 bits hold 63"):
        replace(single(Conv(np.full((1, 1, 1, 1), 100, np.int8)), 0), bits=7)
    with pytest.raises(InvalidInput, match="exponent 8"):
        single(Conv(np.ones((1, 1, 1, 1), np.int8)), exponent=8)
    with pytest.raises(InvalidNetwork, match="must be int8"):
        QuantisedProjection("input", "p", 0, 0, Dense(np.ones((1, 1))))


def test_the_digest_changes_with_every_number() -> None:
    network = next(
        n
        for n in (random_network(seed) for seed in range(50))
        if any(isinstance(p.geometry, Conv) and p.geometry.gain is not None for p in n.projections)
    )
    seen = {network.digest}

    def note(changed: QuantisedNetwork) -> None:
        assert changed.digest not in seen
        seen.add(changed.digest)

    for index, population in enumerate(network.populations[1:], 1):
        for field in ("bias", "v_init") if population.kind is Kind.READOUT else ("bias", "vth", "v_init"):
            value = getattr(population, field).copy()
            value.flat[-1] += 1
            others = list(network.populations)
            others[index] = replace(population, **{field: value})
            note(replace(network, populations=tuple(others)))
    for index, projection in enumerate(network.projections):
        kernel = projection.geometry.kernel.copy()
        kernel.flat[0] += 1 if kernel.flat[0] < 20 else -1
        variants = [
            replace(projection, geometry=with_kernel(projection.geometry, kernel)),
            replace(projection, exponent=projection.exponent + 1),
            replace(projection, bits=7 if projection.largest_weight < 64 else 9),
        ]
        if isinstance(projection.geometry, Conv) and projection.geometry.gain is not None:
            gain = projection.geometry.gain.copy()
            gain.flat[0] = gain.flat[0] % 4 + 1
            variants.append(replace(projection, geometry=with_kernel(projection.geometry, projection.geometry.kernel, gain)))
        for variant in variants:
            others_p = list(network.projections)
            others_p[index] = variant
            note(replace(network, projections=tuple(others_p)))
    note(replace(network, timesteps=network.timesteps + 1))
    note(replace(network, logit_scales=(network.logit_scales[0] * 2,)))
    note(replace(network, codings=(InputCoding(offset=0.5),)))
    assert replace(network, trace=("elsewhere",)).digest == network.digest


def test_networks_show_themselves_in_one_line() -> None:
    graph = small_graph()
    snn = convert(graph, calibration=samples(graph), timesteps=4, recipe="channel")
    for shown in (repr(graph), repr(snn), repr(ecc_lava.quantise(snn))):
        assert "\n" not in shown
        assert len(shown) < 200
    assert "T=4" in repr(snn)
