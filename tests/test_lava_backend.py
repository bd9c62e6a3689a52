"""The Lava back end equals `golden` for every partition, and no fault hangs it or leaves anything behind."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import psutil
import pytest
from generated import random_images, random_network

from ecc_lava.arrays import Array
from ecc_lava.backends import lava as backend
from ecc_lava.backends import lava_supervisor
from ecc_lava.backends.activity import ActivityOf, Wanted
from ecc_lava.backends.lava import lava, run_shards
from ecc_lava.backends.lava_arithmetic import CoreArithmetic
from ecc_lava.backends.lava_clock import Clock
from ecc_lava.backends.lava_memory import plan_layout
from ecc_lava.backends.lava_plan import CorePlan, Plan, make_plan
from ecc_lava.backends.lava_recorder import Recorder
from ecc_lava.backends.stepwise import golden
from ecc_lava.errors import InvalidInput, LavaError, MissingDependency
from ecc_lava.formats import LOIHI2
from ecc_lava.geometry import Conv, Dense, Geometry, target_shape
from ecc_lava.network import InputCoding, Kind
from ecc_lava.quantised import QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from ecc_lava.shard import Shard, whole

needs_lava = pytest.mark.skipif(importlib.util.find_spec("lava") is None, reason="lava-nc needs Python 3.10")

FAULT_S = 5.0
"""Seconds within which a fault must have become an error and nothing be left."""


def everything(network: QuantisedNetwork) -> Wanted:
    return Wanted(frozenset(network.by_name), over_time=True)


def assert_same(expected: ActivityOf, got: ActivityOf) -> None:
    assert expected.keys() == got.keys()
    for name in expected:
        for field in ("counts", "potential", "raster", "over_time", "saturated_low", "saturated_high"):
            want, have = getattr(expected[name], field), getattr(got[name], field)
            assert (want is None) == (have is None), (name, field)
            if want is not None:
                np.testing.assert_array_equal(have, want, err_msg=f"{name} {field}")
                assert getattr(have, "dtype", None) == getattr(want, "dtype", None), (name, field)


def whole_cores(network: QuantisedNetwork) -> list[list[Shard]]:
    return [[whole(p.name, p.shape)] for p in network.populations if p.kind is not Kind.INPUT]


def random_cuts(rng: np.random.Generator, size: int) -> list[tuple[int, int]]:
    """Cut an axis in up to three ranges."""
    inner = rng.choice(np.arange(1, size), min(size - 1, int(rng.integers(0, 3))), replace=False) if size > 1 else []
    edges = [0, *sorted(int(i) for i in inner), size]
    return list(zip(edges, edges[1:], strict=False))


def random_tiling(rng: np.random.Generator, network: QuantisedNetwork, cores: int) -> list[list[Shard]]:
    """Cut every population into random boxes and deal them to cores at random."""
    shards = [
        Shard(p.name, y, x, c)
        for p in network.populations
        if p.kind is not Kind.INPUT
        for y in random_cuts(rng, p.shape[0])
        for x in random_cuts(rng, p.shape[1])
        for c in random_cuts(rng, p.shape[2])
    ]
    dealt: list[list[Shard]] = [[] for _ in range(cores)]
    for index, shard in enumerate(rng.permutation(len(shards))):
        dealt[index if index < cores else int(rng.integers(cores))].append(shards[int(shard)])
    return [core for core in dealt if core]


def in_one_process(network: QuantisedNetwork, cores: Sequence[Sequence[Shard]], q: Array, timesteps: int) -> dict[str, Any]:
    """Step the arithmetic of every core in this process, as Lava's runtime would: the same numbers without Lava."""
    plan = make_plan(network, cores, q, timesteps, everything(network))
    shared: dict[str, Array] = {name: np.zeros(shape, dtype) for name, (_, shape, dtype) in plan_layout(plan).arrays.items()}
    arithmetics = [core.build(node, plan.clock, plan.limit) for node, core in enumerate(plan.cores, 1)]
    recorders = [Recorder(core, plan.clock, shared) for core in plan.cores]
    for step in range(plan.clock.steps):
        window = plan.clock.window(0, step)
        messages = {0: np.zeros_like(q[0].ravel()) if window is None else q[window[0]].ravel()}
        for node, (arithmetic, recorder) in enumerate(zip(arithmetics, recorders, strict=True), 1):
            messages[node] = arithmetic.step(step)
            recorder.spikes(step, messages[node])
            report = arithmetic.report(step)
            assert (report is not None) == recorder.expects_report(step)
            if report is not None:
                recorder.report(step, report)
        for core, arithmetic in zip(plan.cores, arithmetics, strict=True):
            arithmetic.receive(step, {source: messages[source] for source in core.sources})
    results = {name: backend._activity(name, shared) for name in plan.populations}
    return {network.input.name: backend._input(q, timesteps, True), **results}


# the arithmetic, without Lava


@pytest.mark.parametrize("seed", range(40))
def test_arithmetic_of_random_tilings_equals_golden(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(seed, layers=int(rng.integers(1, 7)), timesteps=5, rails=seed % 3 == 0)
    q = random_images(network, 3, seed)
    cores = random_tiling(rng, network, int(rng.integers(1, 9)))
    assert_same(golden(network, q, 5, everything(network)), in_one_process(network, cores, q, 5))


def one_projection(shape: tuple[int, int, int], geometry: Geometry) -> QuantisedNetwork:
    """Return input -> p -> readout with `geometry` between the first two, and a p that fires on its own."""
    rng = np.random.default_rng(0)
    target = target_shape(geometry, shape)

    def population(name: str, kind: Kind, of: tuple[int, int, int], depth: int) -> QuantisedPopulation:
        zero = np.zeros((1, 1, 1), np.int32)
        if kind is not Kind.IF:
            return QuantisedPopulation(name, of, kind, depth, zero, zero, zero)
        bias, vth, v_init = (rng.integers(low, high, of).astype(np.int32) for low, high in ((-500, 9000), (3000, 9000), (0, 9000)))
        return QuantisedPopulation(name, of, kind, depth, bias, vth, v_init)

    populations = (
        population("input", Kind.INPUT, shape, 0),
        population("p", Kind.IF, target, 1),
        population("readout", Kind.READOUT, (1, 1, 3), 2),
    )
    dense = Dense(rng.integers(-127, 128, (int(np.prod(target)), 3)).astype(np.int8))
    projections = (QuantisedProjection("input", "p", 0, -5, geometry), QuantisedProjection("p", "readout", 0, -3, dense))
    return QuantisedNetwork(populations, projections, LOIHI2, 8, InputCoding(), 6, 1.0)


def kernel(*shape: int, largest: int = 127) -> Array:
    return np.random.default_rng(1).integers(-largest, largest + 1, shape).astype(np.int8)


GEOMETRIES: dict[str, Geometry] = {
    "cropping": Conv(kernel(3, 3, 4, 5), padding=(-1, -2, 0, -1)),
    "crop_and_pad": Conv(kernel(3, 2, 4, 5), padding=(-1, 2, 1, -1), strides=(2, 1)),
    "wide_padding": Conv(kernel(3, 3, 4, 2), padding=(4, 4, 4, 4)),
    "only_padding_in_reach": Conv(kernel(1, 1, 4, 2), padding=(9, 0, 0, 0), strides=(9, 3)),
    "dilated": Conv(kernel(3, 3, 4, 2), dilation=(2, 3), padding=(2, 1, 3, 0)),
    "depthwise": Conv(kernel(3, 3, 1, 8), groups=4),
    "groups_of_two": Conv(kernel(2, 2, 2, 6), groups=2),
    "gain": Conv(kernel(2, 2, 1, 4, largest=30), strides=(2, 2), groups=4, gain=np.arange(1, 13, dtype=np.int32).reshape(3, 4) % 4 + 1),
    "dense": Dense(kernel(7 * 8 * 4, 11)),
}


@pytest.mark.parametrize("name", GEOMETRIES)
def test_arithmetic_of_every_geometry_equals_golden(name: str) -> None:
    network = one_projection((7, 8, 4), GEOMETRIES[name])
    q = random_images(network, 2)
    for seed in range(4):
        cores = random_tiling(np.random.default_rng(seed), network, 5)
        assert_same(golden(network, q, 6, everything(network)), in_one_process(network, cores, q, 6))


def test_shards_that_do_not_tile_are_refused() -> None:
    network = one_projection((7, 8, 4), GEOMETRIES["depthwise"])
    q, good = random_images(network, 1), whole_cores(network)
    h, w, c = network.by_name["p"].shape
    for cores, message in (
        (good[1:], r"neuron \(0, 0, 0\) of population 'p' is on 0 shards"),
        ([*good, [Shard("p", (0, 1), (0, 1), (0, 1))]], "on 2 shards"),
        ([*good, []], "holds no shard"),
        ([*good, [whole("input", (7, 8, 4))]], "'input'"),
        ([[Shard("p", (0, h + 1), (0, w), (0, c))], good[1]], "outside"),
    ):
        with pytest.raises(InvalidInput, match=message):
            make_plan(network, cores, q, 6, Wanted())


def test_input_of_another_shape_is_refused() -> None:
    network = random_network(0)
    q = random_images(network, 1)
    for bad in (q[:, :-1], q.astype(np.int64), q[:0]):
        with pytest.raises(InvalidInput, match="the input is"):
            lava(network, bad, 3, Wanted())


def test_missing_lava_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    network = random_network(0)
    with pytest.raises(MissingDependency, match=r"lava-nc 0\.10\.0.*Python 3\.10"):
        lava(network, random_images(network, 1), 3, Wanted())


def test_too_little_shared_memory_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(0)
    monkeypatch.setattr(Plan, "channel_bytes", 2**60)
    monkeypatch.setattr(backend, "_check_installed", lambda: None)
    with pytest.raises(LavaError, match=r"shared memory; /dev/shm has"):
        lava(network, random_images(network, 1), 3, Wanted())


# on Lava


def segments(process: psutil.Process) -> set[Path]:
    """Return the shared-memory segments that a process has mapped."""
    return {Path(mapped.path) for mapped in process.memory_maps() if mapped.path.startswith("/dev/shm/psm_")}


def own_hosts() -> list[psutil.Process]:
    """Return the processes of every run of this process, orphans too: the caller's id is the last argument of the host, and of its forks."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or [""]
        if process.info["status"] != psutil.STATUS_ZOMBIE and "lava_host" in " ".join(command) and command[-1] == str(os.getpid()):
            found.append(process)
    return found


def leftovers() -> dict[str, Any]:
    me = psutil.Process()
    return {
        "children": {child.pid for child in me.children(recursive=True)},
        "hosts": own_hosts(),
        "files": me.num_fds(),
        "threads": threading.active_count(),
    }


@pytest.fixture
def nothing_left(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """Check that a test leaves no process, segment, descriptor, thread or folder, and that nothing was printed."""
    made: list[str] = []
    end = lava_supervisor._end

    def ending(host: Any, ours: Any, names: list[str]) -> None:
        end(host, ours, names)
        made.extend(names)
        if "host" not in request.node.name:  # the victim is another: it has ended the run itself, and was not killed
            assert host.returncode in (0, 1)

    monkeypatch.setattr(lava_supervisor, "_end", ending)
    before = leftovers()
    yield
    assert leftovers() == before
    assert not [name for name in made if Path("/dev/shm", name).exists()]
    assert capfd.readouterr() == ("", "")


@needs_lava
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(("seed", "rails"), [(0, False), (1, True), (2, False), (3, True), (4, False), (5, True)])
def test_lava_equals_golden(seed: int, rails: bool) -> None:
    network = random_network(seed, rails=rails)
    q = random_images(network, 3, seed)
    expected = golden(network, q, 6, everything(network))
    assert_same(expected, lava(network, q, 6, everything(network)))
    if rails:
        assert any(activity.saturated_high for activity in expected.values())


@needs_lava
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(("seed", "cores"), [(10, 5), (11, 9), (12, 7)])
def test_random_tilings_equal_golden(seed: int, cores: int) -> None:
    network = random_network(seed, rails=seed == 11)
    q = random_images(network, 2, seed)
    tiling = random_tiling(np.random.default_rng(seed), network, cores)
    assert_same(golden(network, q, 4, Wanted()), run_shards(network, tiling, q, 4, Wanted()))


@needs_lava
@pytest.mark.usefixtures("nothing_left")
def test_populations_that_fire_by_themselves() -> None:
    """Spikes before the first window and after the last, driven by bias and v_init, belong to no sample."""
    network = random_network(20, layers=5)
    eager = tuple(
        replace(p, bias=p.vth.max(keepdims=True) // 2 + 1, v_init=p.vth.max(keepdims=True)) if p.kind is Kind.IF else p
        for p in network.populations
    )
    network = replace(network, populations=eager)
    q = random_images(network, 2)
    expected = golden(network, q, 5, everything(network))
    assert all(expected[p.name].counts.any() for p in network.populations if p.kind is Kind.IF)
    assert_same(expected, lava(network, q, 5, everything(network)))


@needs_lava
@pytest.mark.usefixtures("nothing_left")
def test_rasters_of_some_populations_and_fewer_steps() -> None:
    network = random_network(6)
    q, wanted = random_images(network, 2), Wanted(frozenset({"p1", "input"}))
    assert_same(golden(network, q, 1, wanted), lava(network, q, 1, wanted))


@needs_lava
@pytest.mark.usefixtures("nothing_left")
def test_progress_is_told() -> None:
    network = random_network(1)
    told: list[tuple[int, int]] = []
    run_shards(
        network, whole_cores(network), random_images(network, 4), 6, Wanted(), progress=lambda done, total: told.append((done, total))
    )
    steps = 4 * 6 + network.depth
    assert told[-1] == (steps, steps)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@needs_lava
def test_repeated_runs_leak_nothing() -> None:
    network = random_network(1)
    q = random_images(network, 1)
    lava(network, q, 2, Wanted())
    before = leftovers()
    for _ in range(5):
        lava(network, q, 2, Wanted())
    assert leftovers() == before


# faults


class SlowArithmetic(CoreArithmetic):
    """Takes its time, so that there is time for a fault."""

    def step(self, step: int) -> Array:
        time.sleep(0.02)
        return super().step(step)


class FailingArithmetic(CoreArithmetic):
    def step(self, step: int) -> Array:
        if step == 3:
            raise ZeroDivisionError("planted")
        return super().step(step)


class UnportableError(Exception):
    """Cannot be pickled back: its constructor wants more than a message."""

    def __init__(self, code: int, where: str) -> None:
        super().__init__(f"{code} at {where}")


class UnportableArithmetic(CoreArithmetic):
    def step(self, step: int) -> Array:
        raise UnportableError(7, "here")


class UnbuildableArithmetic(CoreArithmetic):
    def __init__(self, *arguments: Any) -> None:
        raise KeyError("planted in the constructor")


class WaitingArithmetic(CoreArithmetic):
    def step(self, step: int) -> Array:
        threading.Event().wait()
        raise AssertionError


class NeverBuiltArithmetic(CoreArithmetic):
    def __init__(self, *arguments: Any) -> None:
        threading.Event().wait()


class BusyArithmetic(CoreArithmetic):
    def step(self, step: int) -> Array:
        while True:
            pass


class ExitingArithmetic(CoreArithmetic):
    def step(self, step: int) -> Array:
        os._exit(3)


@dataclass(frozen=True, eq=False)
class PlantedCore(CorePlan):
    """A core whose arithmetic is another."""

    arithmetic: type[CoreArithmetic] = CoreArithmetic

    def build(self, node: int, clock: Clock, limit: int) -> CoreArithmetic:
        return self.arithmetic(self.shards, node, clock, limit)


def plant(monkeypatch: pytest.MonkeyPatch, arithmetic: type[CoreArithmetic], core: int = 1) -> None:
    """Have the next runs use `arithmetic` on one of their cores."""

    def planted(*arguments: Any) -> Plan:
        plan = make_plan(*arguments)
        own = plan.cores[core]
        faulty = PlantedCore(**{field.name: getattr(own, field.name) for field in fields(own)}, arithmetic=arithmetic)
        return replace(plan, cores=(*plan.cores[:core], faulty, *plan.cores[core + 1 :]))

    monkeypatch.setattr(backend, "make_plan", planted)


def run(samples: int = 40, **options: Any) -> None:
    network = random_network(1)
    run_shards(network, whole_cores(network), random_images(network, samples), 6, Wanted(), **options)


def host() -> psutil.Process:
    """Return the process that hosts the run."""
    (found,) = (child for child in psutil.Process().children() if "lava_host" in " ".join(child.cmdline()))
    return found


class Fault:
    """A progress callback that does something to one of the run's processes, once, and remembers when."""

    def __init__(self, act: Callable[[psutil.Process], None], choose: Callable[[psutil.Process], psutil.Process]) -> None:
        self._act, self._choose = act, choose
        self.victim: psutil.Process | None = None
        self.at = 0.0

    def __call__(self, done: int, total: int) -> None:
        if self.victim is None and done > 2:
            self.victim = self._choose(host())
            self.at = time.monotonic()
            self._act(self.victim)


def child(index: int) -> Callable[[psutil.Process], psutil.Process]:
    """Choose a child of the host in the order they were started: tracker, manager, source, cores and sink in any order, runtime service."""
    return lambda host: sorted(host.children(), key=lambda process: process.pid)[index]


VICTIMS = {
    r"Lava's shared-memory manager": child(1),
    r"(source|core \d \(\w+\)|sink)": child(2),
    r"Lava's runtime service": child(-1),
    r"the process that hosts Lava": lambda host: host,
}


@needs_lava
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("name", VICTIMS)
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_lost_process_is_one_error(monkeypatch: pytest.MonkeyPatch, name: str, how: str) -> None:
    plant(monkeypatch, SlowArithmetic)
    fault = Fault(psutil.Process.kill if how == "killed" else psutil.Process.suspend, VICTIMS[name])
    with pytest.raises(LavaError, match=f"{name} .*{how}") as raised:
        run(progress=fault)
    assert time.monotonic() - fault.at < FAULT_S
    assert fault.victim is not None and f"process {fault.victim.pid})" in str(raised.value)


@needs_lava
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("arithmetic", "message"),
    [
        (
            FailingArithmetic,
            r"core 1 \(p1\) failed in step 4: ZeroDivisionError: planted\nTraceback(.|\n)*FailingArithmetic|core 1 \(p1\) failed in step 4",
        ),
        (UnportableArithmetic, r"core 1 \(p1\).*(UnportableError|cannot be transported|exited with code 1)"),
        (UnbuildableArithmetic, r"core 1 \(p1\) failed while it was built: KeyError: .planted in the constructor.\nTraceback"),
        (ExitingArithmetic, r"core 1 \(p1\) \(process \d+\) exited with code 3"),
        (WaitingArithmetic, r"no step completed for 1\.\d s .*stuck"),
        (NeverBuiltArithmetic, r"no step completed for 1\.\d s during the start.*stuck"),
    ],
)
def test_a_failing_core_is_one_error(monkeypatch: pytest.MonkeyPatch, arithmetic: type[CoreArithmetic], message: str) -> None:
    plant(monkeypatch, arithmetic)
    began = time.monotonic()
    with pytest.raises(LavaError, match=message):
        run(samples=2, idle_limit_s=1.0)
    assert time.monotonic() - began < FAULT_S


@needs_lava
@pytest.mark.usefixtures("nothing_left")
def test_the_traceback_of_a_core_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, FailingArithmetic)
    with pytest.raises(LavaError) as raised:
        run(samples=2)
    assert 'raise ZeroDivisionError("planted")' in str(raised.value)
    assert raised.value.__cause__ is None


@needs_lava
@pytest.mark.usefixtures("nothing_left")
def test_busy_processes_are_given_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of a large layer may take longer than the idle limit; only the limit for busy runs ends it."""
    plant(monkeypatch, BusyArithmetic)
    began = time.monotonic()
    with pytest.raises(LavaError, match="no step completed for 2 s .*step_limit_s"):
        run(samples=2, idle_limit_s=0.3, step_limit_s=2.0)
    assert 2.0 < time.monotonic() - began < 6.0


@needs_lava
@pytest.mark.usefixtures("nothing_left")
def test_an_interrupt_ends_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, SlowArithmetic)

    def interrupt(done: int, total: int) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(progress=interrupt)


@needs_lava
@pytest.mark.usefixtures("nothing_left")
def test_an_interrupt_during_the_start_ends_everything() -> None:
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run()
    timer.join()


@needs_lava
@pytest.mark.usefixtures("nothing_left")
def test_an_exception_of_the_callback_comes_through() -> None:
    def fail(done: int, total: int) -> None:
        raise ArithmeticError("mine")

    with pytest.raises(ArithmeticError, match="mine"):
        run(progress=fail)


# other processes


def script(body: str, *, timeout: float = 60.0) -> str:
    """Run a script in a fresh interpreter with this module's imports; return its standard output."""
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parent.parent)])
    environment = {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", dedent(body)], env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@needs_lava
def test_a_killed_caller_leaves_nothing() -> None:
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parent.parent)])
    body = "import test_lava_backend as t, pytest; t.plant(pytest.MonkeyPatch(), t.SlowArithmetic); t.run(progress=lambda *_: print('going', flush=True))"
    caller = subprocess.Popen([sys.executable, "-c", body], env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True)
    assert caller.stdout is not None
    caller.stdout.readline()
    family = psutil.Process(caller.pid).children(recursive=True)
    folder = Path(next(part for process in family for part in process.cmdline() if part.endswith("/job"))).parent
    shared = set().union(*map(segments, family))
    assert len(family) > 5 and shared
    caller.kill()
    caller.communicate()
    deadline = time.monotonic() + FAULT_S
    while time.monotonic() < deadline and (any(map(alive, family)) or any(path.exists() for path in (folder, *shared))):
        time.sleep(0.05)
    assert not [process for process in family if alive(process)]
    assert not [path for path in (folder, *shared) if path.exists()]


@needs_lava
def test_side_effects_of_lava_stay_out() -> None:
    """Importing and running the back end imports no Lava here, sets no start method and adds no log handler, nor minds if one is set."""
    output = script("""
        import logging, multiprocessing, sys
        multiprocessing.set_start_method("spawn")
        from generated import random_images, random_network
        from ecc_lava.backends.lava import Wanted, lava
        network = random_network(1)
        lava(network, random_images(network, 1), 2, Wanted())
        print([name for name in sys.modules if name.startswith("lava.")], multiprocessing.get_start_method(), logging.getLogger().handlers)
    """)
    assert output == "[] spawn []\n"


@needs_lava
@pytest.mark.slow
def test_after_tensorflow() -> None:
    script("""
        import keras, numpy as np
        model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(3)])
        model.predict(np.zeros((2, 4, 4, 1)), verbose=0)
        from test_lava_backend import assert_same, everything, golden, lava, random_images, random_network
        network = random_network(1)
        q = random_images(network, 2)
        assert_same(golden(network, q, 4, everything(network)), lava(network, q, 4, everything(network)))
        model.predict(np.zeros((2, 4, 4, 1)), verbose=0)
    """)


@needs_lava
def test_lavas_own_processes_agree() -> None:
    """A readout equals Lava's own Dense and LIF, which within their limits integrate the same integers: even weights, no bias, no spikes."""
    network = one_readout()
    q = random_images(network, 1)
    expected = lava(network, q, 5, Wanted(over_time=True))["readout"].over_time
    output = script("""
        import numpy as np
        from lava.magma.core.run_conditions import RunSteps
        from lava.magma.core.run_configs import Loihi2SimCfg
        from lava.proc.dense.process import Dense
        from lava.proc.io.source import RingBuffer
        from lava.proc.lif.process import LIF
        from lava.utils.weightutils import SignMode
        from test_lava_backend import one_readout, random_images

        network = one_readout()
        q = random_images(network, 1).reshape(-1, 1)
        source = RingBuffer(data=np.repeat(q, 6, axis=1).astype(int))
        weights = 2 * network.projections[0].geometry.kernel.astype(int).T
        dense = Dense(weights=weights, num_message_bits=8, sign_mode=SignMode.MIXED)
        neurons = LIF(shape=(5,), du=4095, dv=0, vth=2**17 - 1)
        source.s_out.connect(dense.s_in)
        dense.a_out.connect(neurons.a_in)
        for step in range(6):
            neurons.run(RunSteps(1), Loihi2SimCfg(select_tag="fixed_pt"))
            print(*neurons.v.get().astype(int))
        neurons.stop()
    """)
    own = np.array([[int(v) for v in line.split()] for line in output.splitlines()])
    assert expected is not None and 2**20 < np.abs(expected).max() < 2**23 - 1
    np.testing.assert_array_equal(own[1:], expected[0, :, 0, 0])


def one_readout() -> QuantisedNetwork:
    """Return an input and a dense readout without bias."""
    zero, shape = np.zeros((1, 1, 1), np.int32), (3, 3, 2)
    populations = (
        QuantisedPopulation("input", shape, Kind.INPUT, 0, zero, zero, zero),
        QuantisedPopulation("readout", (1, 1, 5), Kind.READOUT, 1, zero, zero, zero),
    )
    projection = QuantisedProjection("input", "readout", 0, 1, Dense(kernel(18, 5, largest=10)))
    return QuantisedNetwork(populations, (projection,), LOIHI2, 8, InputCoding(), 8, 1.0)
