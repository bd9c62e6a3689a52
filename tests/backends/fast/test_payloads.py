"""Graded spikes on the fast back end against `golden`: on dense windows, on lists of values, and on numba's kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecc_lava.backends.activity import ActivityOf, Recording
from ecc_lava.backends.fast import run as fast_module
from ecc_lava.backends.fast.jobs import Kernels
from ecc_lava.backends.fast.run import fast, images_per_batch
from ecc_lava.backends.stepwise import golden
from ecc_lava.common.arrays import Array, Shape
from ecc_lava.common.neuron import Payload
from ecc_lava.errors import RangeError
from ecc_lava.geometry import Conv, Dense, Geometry, target_shape
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.networks.wiring import Kind
from tests.helpers.compare import assert_same_activity, everything
from tests.helpers.geometries import GEOMETRIES
from tests.helpers.kernels import SETS
from tests.helpers.networks import Neurons, Wire, integer_network, random_images, random_network, recoded, with_payloads
from tests.helpers.windows import WIDE, mantissas

SOME = settings(max_examples=30)
MODES = {"dense": "native", "lists": "native", "narrower": "narrower", "numba": "numba"}
"""How windows are read -> set of kernels."""


def _chosen(mode: str) -> Kernels:
    kernels = SETS[MODES[mode]]()
    if mode == "dense" and kernels.dense_from > 1:
        pytest.skip("needs a processor with wide vectors")
    return kernels


@pytest.fixture(scope="module", params=list(MODES))
def mode(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run everything on dense windows, on lists of values, or on numba's kernels."""
    chosen = _chosen(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_module, "kernels", lambda: chosen)
        patch.setattr(chosen, "dense_from", 0.0 if request.param == "dense" else 2.0)
        yield request.param


def _check(network: QuantisedNetwork, timesteps: int, samples: int = 3, q: dict[str, Array] | None = None) -> ActivityOf:
    q = random_images(network, samples) if q is None else q
    expected, done = (run(network, q, timesteps, everything(network)) for run in (golden, fast))
    assert_same_activity(expected, done, types=False)
    for name, activity in expected.items():
        assert (activity.sent is None) == (done[name].sent is None), name
        np.testing.assert_array_equal(done[name].messages, activity.messages, err_msg=name)
        types = [None if one.raster is None else one.raster.dtype for one in (activity, done[name])]
        assert types[0] == types[1], name
    return expected


@SOME
@given(st.integers(0, 10**6), st.booleans(), st.integers(1, 6), st.sampled_from([1, 1, 2, 6, 9]), st.integers(1, 5))
def test_generated_networks(mode: str, seed: int, rails: bool, layers: int, timesteps: int, samples: int) -> None:
    options = {"ranges": seed % 2 == 0, "ports": seed % 3 == 0, "sparse": seed % 5 == 0}
    network = random_network(seed, layers, timesteps=9, rails=rails, **options)
    _check(with_payloads(network, seed), timesteps, samples)


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("signed", [False, True])
def test_every_payload(mode: str, bits: int, signed: bool) -> None:
    network = with_payloads(random_network(bits, ranges=True), bits, bits, signed)
    for timesteps in (1, 6):
        _check(network, timesteps)


@pytest.mark.parametrize("signed", [False, True])
def test_payloads_of_more_steps_than_one_pass(mode: str, signed: bool) -> None:
    done = _check(with_payloads(random_network(4, timesteps=70), 4, 3, signed), 70, 2)
    assert any(activity.sent is not None and activity.sent.any() for activity in done.values())


def _through(source: Shape, geometry: Geometry, seed: int = 0, bits: int = 8, signed: bool = False) -> QuantisedNetwork:
    """Return input -> a -> b -> readout, with `geometry` from a to b, where a and b send payloads of all values."""
    rng = np.random.default_rng(seed)
    target = target_shape(geometry, source)

    def one(channels: int) -> Conv:
        return Conv(rng.integers(-60, 127, (1, 1, 1, channels)).astype(np.int8), groups=channels)

    def neurons(name: str, of: Shape) -> Neurons:
        if name in ("input", "r"):
            return Neurons(Kind.INPUT if name == "input" else Kind.READOUT)
        vth = 2 ** rng.integers(5, 9, (1, 1, of[2])).astype(np.int32)
        return Neurons(Kind.IF, rng.integers(-900, 900, of).astype(np.int32), vth, rng.integers(0, 99, of).astype(np.int32))

    shapes = {"input": source, "a": source, "b": target, "r": target}
    wires = [Wire("input", "a", -6, one(source[2])), Wire("a", "b", -6, geometry), Wire("b", "r", -6, one(target[2]))]
    network = integer_network(shapes, wires, neurons, timesteps=6)
    payload = Payload(bits, signed)
    return replace(network, populations=tuple(replace(p, payload=payload) if p.kind is Kind.IF else p for p in network.populations))


@pytest.mark.parametrize("name", [*GEOMETRIES, *WIDE])
def test_geometries_windows_and_blocks(mode: str, name: str) -> None:
    source, geometry = WIDE[name] if name in WIDE else ((7, 8, 4), GEOMETRIES[name])
    for bits, signed, timesteps in ((8, False, 1), (8, True, 2), (3, True, 5)):
        _check(_through(source, geometry, bits=bits, signed=signed), timesteps, 2)


@pytest.mark.parametrize("weight", [127, -127])
def test_largest_sums(mode: str, weight: int) -> None:
    """Products of 8 bits each fill 16 bits; their sums do not."""
    shape: Shape = (3, 3, 64)
    kernels = np.full((1, 3, 64, 40), weight, np.int8), np.full((3, 3, 1, 64), weight, np.int8)
    for geometry in (Conv(kernels[0]), Conv(kernels[1], groups=64)):
        network = _through(shape, geometry)
        bias, vth = np.full((1, 1, 1), 255 * 32, np.int32), np.full((1, 1, 1), 32, np.int32)
        populations = tuple(replace(p, bias=bias, vth=vth) if p.name == "a" else p for p in network.populations)
        done = _check(replace(network, populations=populations), 1, q={"input": np.zeros((1, *shape), np.uint8)})
        assert (done["a"].counts == 255).all()


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("samples", [1, 2, 7])
def test_threads_and_groups_of_images_change_nothing(mode: str, number: int, samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_module, "free_cores", lambda: number)
    monkeypatch.setattr(fast_module, "GROUP_BYTES", 20_000)  # several groups a thread
    for seed in (11, 12, 13):
        network = random_network(seed, rails=seed == 12, ranges=True, ports=seed == 13, sparse=seed == 13)
        _check(with_payloads(network, seed), 1 + seed % 3, samples)
    for signed in (False, True):  # one position, cut into blocks; one row of bytes of several blocks
        _check(_through((1, 1, 50), Dense(mantissas(50, 700)), signed=signed), 2, samples)
        _check(_through((1, 9, 5), Conv(mantissas(1, 3, 5, 70)), signed=signed), 2, samples)


@pytest.mark.parametrize("number", [1, 2])
def test_many_images_of_tiny_maps(mode: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles hold the same position of many images, and taps outside the map are left out."""
    monkeypatch.setattr(fast_module, "free_cores", lambda: number)
    for source, padding in (((2, 2, 6), 1), ((2, 3, 5), 2), ((1, 1, 9), 1)):
        network = _through(source, Conv(mantissas(3, 3, source[2], 40), padding=(padding,) * 4), signed=True)
        for timesteps in (1, 2):
            _check(network, timesteps, 53)


def test_inputs_of_payloads(mode: str) -> None:
    rng = np.random.default_rng(0)
    for seed in range(6):
        network = recoded(with_payloads(random_network(seed, ports=seed % 2 == 0), seed), *["events"] * (2 if seed % 2 == 0 else 1))
        payload = Payload(1 + seed, seed % 3 == 0)
        populations = tuple(replace(p, payload=payload) if p.name == "input" else p for p in network.populations)
        network = replace(network, populations=populations)
        q = {p.name: rng.integers(p.payload.least, p.payload.largest + 1, (2, 3, *p.shape)) for p in network.inputs}
        _check(network, 3, q={name: x.astype(network.by_name[name].payload.dtype) for name, x in q.items()})


# ── sums beyond the rails ──


def _error(run: Callable[..., ActivityOf], network: QuantisedNetwork, q: dict[str, Array], timesteps: int) -> str | None:
    try:
        run(network, q, timesteps, Recording())
    except RangeError as error:
        return str(error)
    return None


def test_the_first_sum_beyond_the_rails_is_named(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first by population, image, step and neuron, in whatever order threads find them."""
    monkeypatch.setattr(fast_module, "GROUP_BYTES", 20_000)
    messages = set()
    for seed in range(24):
        network = with_payloads(random_network(seed, ranges=True, ports=seed % 3 == 0, sparse=seed % 4 == 0), seed, 8)
        wires = tuple(replace(w, exponent=min(w.exponent + 5 + seed % 4, 2)) for w in network.projections)
        network, timesteps = replace(network, projections=wires), (1, 4)[seed % 2]
        monkeypatch.setattr(fast_module, "free_cores", lambda number=1 + seed % 3: number)
        q = random_images(network, 7, seed)
        expected = _error(golden, network, q, timesteps)
        assert _error(fast, network, q, timesteps) == expected
        messages.add(expected)
    assert len(messages) > 5


def test_sums_that_might_not_fit_in_32_bits_are_refused(mode: str) -> None:
    network = _through((1, 1, 600), Dense(np.full((600, 1), 127, np.int8)))
    network = replace(network, projections=tuple(replace(w, exponent=1) if w.target == "b" else w for w in network.projections))
    with pytest.raises(RangeError, match=r"population 'b' may reach 24871\d+; .* 'golden'"):
        fast(network, random_images(network, 1), 1, Recording())


# ── choices ──


@pytest.mark.parametrize("timesteps", [1, 2, 6])
def test_potentials_that_nobody_wants_are_not_written(mode: str, timesteps: int) -> None:
    network = with_payloads(random_network(3), 3, 8)
    q = random_images(network, 3)
    whole, less = (fast(network, q, timesteps, Recording(potentials=wanted)) for wanted in (None, frozenset(["p1"])))
    for name, activity in less.items():
        np.testing.assert_array_equal(activity.counts, whole[name].counts)
        if network.by_name[name].kind is Kind.IF and name != "p1":
            assert activity.potential.size == 0
        else:
            np.testing.assert_array_equal(activity.potential, whole[name].potential)


def test_planes_and_results_of_payloads_are_counted() -> None:
    network = random_network(3)
    graded = with_payloads(network, 3, 8, True)
    for memory in (10**7, 10**9):
        assert images_per_batch(graded, 6, Recording(), memory) < images_per_batch(network, 6, Recording(), memory)
