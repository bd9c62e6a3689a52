"""The fast back end's two sets of kernels against `golden`: every geometry, kind and number of threads; and how kernels are compiled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecc_lava.backends.activity import ActivityOf, Recording
from ecc_lava.backends.fast import run as fast_module
from ecc_lava.backends.fast import synapses
from ecc_lava.backends.fast.jobs import Kernels
from ecc_lava.backends.fast.run import fast, images_per_batch
from ecc_lava.backends.stepwise import golden
from ecc_lava.common.arrays import Shape
from ecc_lava.errors import RangeError
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.geometry import Conv, Dense, Geometry, Sparse, target_shape
from ecc_lava.inputs import InputCoding
from ecc_lava.networks import QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from ecc_lava.networks.wiring import Kind
from tests.helpers.compare import assert_same_activity
from tests.helpers.graphs import geometries, shapes
from tests.helpers.kernels import SETS
from tests.helpers.networks import random_images, random_network
from tests.helpers.windows import WIDE, mantissas

SOME = settings(max_examples=40)


@pytest.fixture(scope="module", params=list(SETS))
def kernels(request: pytest.FixtureRequest) -> Iterator[Kernels]:
    """Run everything on one set of kernels."""
    chosen = SETS[request.param]()
    before, fast_module.kernels = fast_module.kernels, lambda: chosen  # type: ignore[assignment]
    yield chosen
    fast_module.kernels = before


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    return lambda number: monkeypatch.setattr(fast_module, "free_cores", lambda: number)


def _everything(network: QuantisedNetwork) -> Recording:
    return Recording(frozenset(network.by_name), over_time=True)


def _check(network: QuantisedNetwork, timesteps: int, samples: int = 3, seed: int = 0) -> ActivityOf:
    q, wanted = random_images(network, samples, seed), _everything(network)
    expected = golden(network, q, timesteps, wanted)
    assert_same_activity(expected, fast(network, q, timesteps, wanted), types=False)
    return expected


def _chain(source: Shape, geometries: list[Geometry], seed: int = 0, timesteps: int = 6, rate: float = 0.3) -> QuantisedNetwork:
    """Return a network in which a random source population, at about `rate`, feeds one IF population through each geometry."""
    rng = np.random.default_rng(seed)
    zero, one = np.zeros((1, 1, 1), np.int32), np.ones((1, 1, 1), np.int32)
    bias = rng.integers(0, 1 + int(2000 * rate), source).astype(np.int32)
    populations = [
        QuantisedPopulation("input", source, Kind.INPUT, 0, zero, zero, zero),
        QuantisedPopulation("a", source, Kind.IF, 1, bias, one * 1000, rng.integers(0, 1000, source).astype(np.int32)),
    ]
    wires = [QuantisedProjection("input", "a", 0, -6, Conv(np.zeros((1, 1, 1, source[2]), np.int8), groups=source[2]))]
    for i, geometry in enumerate(geometries):
        shape = target_shape(geometry, source)
        vth = rng.integers(200, 2000, (1, 1, shape[2])).astype(np.int32)
        populations.append(QuantisedPopulation(f"b{i}", shape, Kind.IF, 2, zero, vth, zero))
        wires.append(QuantisedProjection("a", f"b{i}", 0, int(rng.integers(-6, -3)), geometry))
        populations.append(QuantisedPopulation(f"r{i}", shape, Kind.READOUT, 3, zero, zero, zero))
        wires.append(QuantisedProjection(f"b{i}", f"r{i}", 0, -6, Conv(np.ones((1, 1, 1, shape[2]), np.int8), groups=shape[2])))
    order = sorted(populations, key=lambda p: p.depth)
    scales = (1.0,) * len(geometries)
    return QuantisedNetwork(tuple(order), tuple(wires), LOIHI2, 8, (InputCoding(),), timesteps, scales)


@SOME
@given(st.integers(0, 10**6), st.booleans(), st.integers(1, 6), st.integers(1, 9), st.integers(1, 5))
def test_generated_networks(kernels: Kernels, seed: int, rails: bool, layers: int, timesteps: int, samples: int) -> None:
    options = {"ranges": seed % 2 == 0, "ports": seed % 3 == 0, "sparse": seed % 5 == 0}
    _check(random_network(seed, layers, timesteps=9, rails=rails, **options), timesteps, samples, seed)


@SOME
@given(shapes, st.data())
def test_every_geometry_between_spiking_populations(kernels: Kernels, source: Shape, data: st.DataObject) -> None:
    drawn = [data.draw(geometries(source)) for _ in range(3)]
    _check(_chain(source, [_in_integers(geometry) for geometry in drawn]), 6)


def _in_integers(geometry: Geometry) -> Geometry:
    made = replace(geometry, kernel=geometry.kernel.astype(np.int8))
    return replace(made, gain=made.gain.astype(np.int32)) if isinstance(made, Conv) and made.gain is not None else made


@contextmanager
def _by_signs(kernels: Kernels) -> Iterator[None]:
    """Keep weights as signs wherever these can be, however few sources spike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "signs_from", 0.0, raising=False)
        yield


def _of_signs(geometry: Geometry, seed: int) -> Geometry:
    """Return a geometry whose weights have one magnitude a channel, 0 in some."""
    made = _in_integers(geometry)
    if isinstance(made, Sparse):
        return made
    largest = 127 // int(made.gain.max()) if isinstance(made, Conv) and made.gain is not None else 127
    magnitudes = np.random.default_rng(seed).integers(0, largest + 1, made.kernel.shape[-1])
    return replace(made, kernel=(np.where(made.kernel > 0, 1, -1) * magnitudes).astype(np.int8))


@SOME
@given(shapes, st.data(), st.integers(0, 99))
def test_every_geometry_of_weights_of_one_magnitude_a_channel(kernels: Kernels, source: Shape, data: st.DataObject, seed: int) -> None:
    drawn = [_of_signs(data.draw(geometries(source)), seed) for _ in range(3)]
    with _by_signs(kernels):
        _check(_chain(source, drawn), 6)


@pytest.mark.parametrize("name", list(WIDE))
def test_lanes_blocks_and_windows_of_signs(kernels: Kernels, name: str) -> None:
    source, geometry = WIDE[name]
    network = _chain(source, [_of_signs(geometry, 0)], timesteps=70, rate=0.5)
    signs = [replace(p, kind=Kind.STEP, v_init=np.zeros((1, 1, 1), np.int32)) if p.name == "b0" else p for p in network.populations]
    with _by_signs(kernels):
        _check(network, 70)
        _check(replace(network, populations=tuple(signs)), 70)


@pytest.mark.parametrize("name", list(WIDE))
@pytest.mark.parametrize("rate", [0.05, 0.9])
def test_lanes_blocks_and_windows(kernels: Kernels, name: str, rate: float) -> None:
    source, geometry = WIDE[name]
    done = _check(_chain(source, [geometry], timesteps=70, rate=rate), 70)  # more than two passes over a position
    assert done["a"].counts.any()


def test_sums_of_more_events_than_fit_in_16_bits(kernels: Kernels) -> None:
    for sign in (1, -1):
        kernel = np.full((3, 3, 200, 70), sign * 127, np.int8)
        network = _chain((4, 4, 200), [Conv(kernel, padding=(1, 1, 1, 1)), Dense(np.full((3200, 3), sign * 127, np.int8))], rate=0.99)
        expected = _check(network, 6, 1)
        assert expected["r1"].potential.max() >= 0
    taps = Conv(np.full((20, 20, 1, 3), -127, np.int8), groups=3)
    _check(_chain((20, 20, 3), [taps], rate=0.99), 6, 1)


def test_events_of_rows_longer_than_16_bits(kernels: Kernels) -> None:
    for conv in (Conv(mantissas(1, 3, 64, 5)), Conv(mantissas(1, 2, 20, 70), (1, 3), reads=(40, 60))):
        _check(_chain((1, 1100, 64), [conv], timesteps=2, rate=0.1), 2, 1)


def test_kernels_of_more_rows_than_have_numbers(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    _check(_chain((3, 150, 150), [Dense(mantissas(67500, 3))], timesteps=2, rate=0.1), 2, 1)
    monkeypatch.setattr(synapses, "_MOST_ROWS", 40)
    for seed in range(6):
        _check(random_network(seed, ranges=True, ports=seed % 2 == 0), 6, 2, seed)
    for padding in ((0, 0, 0, 0), (2, 1, 3, 1)):
        convs = [
            Conv(mantissas(5, 4, 9, 7), (2, 1), padding, (1, 2)),
            Conv(mantissas(3, 3, 5, 200), padding=padding, input_dilation=(2, 1), reads=(3, 8)),
            Conv(mantissas(5, 6, 3, 99), padding=padding, groups=3),
        ]
        _check(_chain((7, 11, 9), list[Geometry](convs)), 6)
    monkeypatch.setattr(synapses, "_MOST_ROWS", 190)
    with pytest.raises(RangeError, match=r"channels of each group from population 'input'; the fast back end holds 0. .*'golden'"):
        _check(_chain((1, 1, 198), [Conv(mantissas(1, 1, 99, 160), groups=2)]), 1)


def test_both_rails_are_counted_step_by_step(kernels: Kernels) -> None:
    reached = np.zeros(2, np.int64)
    for seed in range(12):
        for activity in _check(random_network(seed, rails=True), 6).values():
            reached += (activity.saturated_low, activity.saturated_high)
    assert (reached > 0).all()


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("samples", [1, 2, 7])
def test_threads_and_groups_of_images_change_nothing(
    kernels: Kernels, threads: Callable[[int], None], number: int, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads(number)
    monkeypatch.setattr(fast_module, "GROUP_BYTES", 20_000)  # several groups a thread
    for seed in (11, 12, 13):
        _check(random_network(seed, rails=seed == 12, ranges=True, ports=seed == 13, sparse=seed == 13), 6, samples, seed)
    _check(_chain((1, 1, 50), [Dense(mantissas(50, 700))]), 6, samples)  # one position, cut into blocks
    _check(_chain((1, 9, 5), [Conv(mantissas(1, 3, 5, 70))]), 6, samples)  # one row whose words of bits have several writers


def test_images_in_any_order_of_axes(kernels: Kernels) -> None:
    network = random_network(3)
    q = random_images(network, 3)
    turned = {name: np.asfortranarray(x) for name, x in q.items()}
    assert_same_activity(fast(network, q, 6, Recording()), fast(network, turned, 6, Recording()), types=False)


def test_only_what_is_wanted_is_kept(kernels: Kernels) -> None:
    network = random_network(3)
    done = fast(network, random_images(network, 1), 6, Recording(frozenset(["p1"])))
    assert [name for name, activity in done.items() if activity.raster is not None] == ["p1"]
    assert all(activity.over_time is None for activity in done.values())


def test_sums_that_might_not_fit_in_32_bits_are_refused(kernels: Kernels) -> None:
    network = _chain((1, 1, 2100), [Dense(np.full((2100, 1), 127, np.int8))])
    wire = replace(network.projections[1], exponent=7)
    network = replace(network, projections=(network.projections[0], wire, *network.projections[2:]))
    with pytest.raises(RangeError, match=r"population 'b0' may reach 2184806400; .* 'golden'"):
        fast(network, random_images(network, 1), 1, Recording())


def test_an_interruption_ends_the_run(kernels: Kernels, threads: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Work under way ends after its population; nothing else is begun."""
    threads(2)
    monkeypatch.setattr(fast_module, "GROUP_BYTES", 1)
    network, calls = random_network(5), []
    run = type(kernels).run

    def interrupted(self: Any, *arguments: Any) -> tuple[int, int]:
        calls.append(threading.get_ident())
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(self, *arguments)

    monkeypatch.setattr(type(kernels), "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fast(network, random_images(network, 200), 6, Recording())
    assert len(calls) < 30


def test_memory_chooses_the_batch() -> None:
    network, wanted = random_network(3), Recording()
    assert images_per_batch(network, 6, wanted, 1) == 1
    few, more = (images_per_batch(network, 6, wanted, memory) for memory in (10**6, 10**7))
    assert more / few == pytest.approx(10, rel=0.02)  # as many as run at once with the lists of each
    small, large = (images_per_batch(network, 6, wanted, memory) for memory in (10**9, 2 * 10**9))
    neurons = sum(p.neurons for p in network.populations)
    assert large - small == pytest.approx(10**9 / (16 * neurons), rel=0.01)  # lists are there for those that run; results for all
    assert images_per_batch(network, 6, _everything(network), 2 * 10**9) < large
