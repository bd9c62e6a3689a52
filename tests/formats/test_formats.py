"""Number formats: what each holds, that quantised numbers are among it, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ecc_lava
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.formats.loihi1 import LOIHI1
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.formats.number_format import NumberFormat
from ecc_lava.geometry import Dense
from ecc_lava.inputs import InputCoding
from ecc_lava.networks import QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from ecc_lava.networks.wiring import Kind
from ecc_lava.quantisation.quantise import quantise
from tests.helpers.formats import one_layer, random_kernel


def _integers(format: NumberFormat, weight: int = 16, bits: int = 8, **neuron: int) -> QuantisedNetwork:
    """Return a network of single numbers in a format."""
    values = {"bias": 0, "vth": 128, "v_init": 0, **neuron}
    bias, vth, v_init = (np.full((1, 1, 1), values[name], np.int32) for name in ("bias", "vth", "v_init"))
    zero = np.zeros((1, 1, 1), np.int32)
    populations = (
        QuantisedPopulation("input", (1, 1, 1), Kind.INPUT, 0, zero, zero, zero),
        QuantisedPopulation("p", (1, 1, 1), Kind.IF, 1, bias, vth, v_init),
        QuantisedPopulation("out", (1, 1, 1), Kind.READOUT, 2, zero, zero, zero),
    )
    one = Dense(np.full((1, 1), weight, np.int8))
    projections = (QuantisedProjection("input", "p", 0, 0, one, bits), QuantisedProjection("p", "out", 0, 0, one, bits))
    return QuantisedNetwork(populations, projections, format, bits, (InputCoding("rate"),), 4, (1.0,))


def test_biases_of_loihi1_are_mantissas_and_shifts() -> None:
    """Every integer goes to the nearest of all representable ones."""
    mantissas = np.arange(-4095, 4096, dtype=np.int64)
    held = np.unique(np.concatenate([mantissas << shift for shift in range(8)]))
    assert held[-1] == LOIHI1.bias_max == 4095 * 128
    assert (LOIHI1.rounded_bias(held) == held).all()
    x = np.concatenate([np.arange(-9000, 9000), np.random.default_rng(0).integers(-held[-1], held[-1], 20_000)])
    after = np.searchsorted(held, x).clip(1, len(held) - 1)
    nearest = np.minimum(np.abs(held[after] - x), np.abs(held[after - 1] - x))
    rounded = LOIHI1.rounded_bias(x)
    assert np.isin(rounded, held).all()
    assert (np.abs(rounded - x) == nearest).all()


def test_numbers_of_loihi2_are_whole() -> None:
    x = np.random.default_rng(0).uniform(-(2**23) + 1, 2**23 - 1, 1000)
    assert (LOIHI2.rounded_bias(x) == np.rint(x)).all()
    assert (LOIHI2.rounded_vth(np.abs(x)) == np.rint(np.abs(x))).all()
    assert (LOIHI2.vth_min, LOIHI2.vth_max, LOIHI2.bias_max) == (1, 2**23 - 1, 2**23 - 1)


def test_thresholds_of_loihi1_are_shifted_by_six() -> None:
    assert (LOIHI1.vth_min, LOIHI1.vth_max) == (64, (2**17 - 1) * 64)
    assert LOIHI1.vth_max <= LOIHI1.potential_max
    assert LOIHI1.rounded_vth(np.array([64, 95, 97, 8388544])).tolist() == [64, 64, 128, 8388544]


@pytest.mark.parametrize("bits", range(2, 9))
def test_weights_of_fewer_bits(bits: int) -> None:
    """On loihi1 the low bits go, on loihi2 the high ones."""
    assert [f.mantissa_max(bits) for f in (LOIHI1, LOIHI2)] == [2 ** (bits - 1) - 1] * 2
    assert [f.dropped_bits(bits) for f in (LOIHI1, LOIHI2)] == [8 - bits, 0]
    on_chip = np.arange(-LOIHI1.mantissa_max(bits), LOIHI1.mantissa_max(bits) + 1) * 2 ** LOIHI1.dropped_bits(bits) * LOIHI1.weight_step
    assert np.abs(on_chip).max() == 256 - 2 ** (9 - bits)
    assert set(np.diff(on_chip)) == {2 ** (9 - bits)}
    assert LOIHI1.shift(-6) == 1
    assert LOIHI2.shift(-6) == 0


def test_widths_that_a_format_has_not() -> None:
    assert LOIHI2.mantissa_max(1) == 1
    for format, bits in ((LOIHI1, 1), (LOIHI1, 17), (LOIHI2, 17), (LOIHI2, 0)):
        with pytest.raises(InvalidInput, match=f"{bits} bits a weight; {format.name} holds 2 to 8"):
            format.mantissa_max(bits)
    with pytest.raises(InvalidInput, match="must be a power of two"):
        replace(LOIHI1, weight_step=3)


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ({"bias": 4097}, r"bias of population 'p' is 4097 in channel 0; the nearest that loihi1 holds is 4096"),
        ({"bias": -524161}, r"bias of population 'p' reaches 524161; loihi1 holds 524160"),
        ({"vth": 100}, r"vth of population 'p' is 100 in channel 0; the nearest that loihi1 holds is 128"),
        ({"vth": 8388545}, r"vth of population 'p' reaches 8388545; loihi1 holds 8388544"),
        ({"vth": 0}, r"vth of population 'p' is 0; it must be at least 64"),
        ({"v_init": 8388608}, r"v_init of population 'p' reaches 8388608; loihi1 holds 8388607"),
        ({"weight": 24, "bits": 4}, r"a weight 'input' -> 'p' is no multiple of 16; 4 bits of loihi1 hold no others"),
        ({"weight": -128}, r"a weight 'input' -> 'p' is 128; 8 bits hold 127"),
    ],
)
def test_numbers_outside_loihi1_are_refused(numbers: dict[str, int], says: str) -> None:
    with pytest.raises(RangeError, match=says):
        _integers(LOIHI1, **numbers)


@pytest.mark.parametrize(
    "numbers",
    [
        {"bias": -524160},
        {"bias": 4098},
        {"vth": 8388544},
        {"vth": 64},
        {"v_init": -8388607},
        {"v_init": 12345},
        {"weight": 127},
        {"weight": -112, "bits": 4},
        {"weight": 64, "bits": 2},
    ],
)
def test_numbers_at_the_limits_of_loihi1_are_held(numbers: dict[str, int]) -> None:
    network = _integers(LOIHI1, **numbers)
    assert ecc_lava.simulate(network, np.ones((1, 1, 1, 1)), timesteps=1).timesteps == 1


def test_a_seventeenth_threshold_is_refused() -> None:
    network = quantise(one_layer(random_kernel(17)), format="loihi1")
    population = network.by_name["p"]
    vth = 64 * np.arange(1, 18, dtype=np.int32).reshape(1, 1, 17)
    with pytest.raises(RangeError, match="population 'p' has 17 distinct thresholds; loihi1 holds 16"):
        replace(network, populations=(network.input, replace(population, vth=vth), network.readout))
