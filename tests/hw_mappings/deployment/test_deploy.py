"""Deployment: any partition does what the whole network does, in one process and in Lava's runtime; counters, faults, refusals."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecc_lava.backends.lava.cores.arithmetic import CoreArithmetic
from ecc_lava.backends.simulate import simulate
from ecc_lava.common.arrays import Array
from ecc_lava.errors import InvalidInput, InvalidNetwork, LavaError
from hw_mappings import LOIHI2, Mapping, deploy, map_network, predicted_counters
from hw_mappings.chips.mesh import Address
from hw_mappings.deployment.processes import groups, layers
from tests.helpers.compare import assert_deployed_alike
from tests.helpers.deployments import Case, case, cases
from tests.helpers.faults import (
    FailingArithmetic,
    Fault,
    LyingArithmetic,
    MiscountingArithmetic,
    SlowArithmetic,
    UnbuildableArithmetic,
    WaitingArithmetic,
    child,
    plant,
)
from tests.helpers.lava import ROOT, needs_lava
from tests.helpers.networks import random_images, random_network
from tests.helpers.partitions import random_mapping
from tests.helpers.processes import leaving_nothing

FEW = settings(suppress_health_check=list(HealthCheck))


def _invariant(examples: int, spikes: str) -> list[int]:
    """Deploy random cases in one process, a fresh one, as Lava's import changes the one it happens in; return how large they were."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    program = [sys.executable, "-m", "tests.helpers.deployments", str(examples), spikes]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return [int(number) for number in done.stdout.split()]


@needs_lava
@pytest.mark.parametrize("spikes", ["binary", "payloads"])
@pytest.mark.parametrize("examples", [30, pytest.param(100, marks=pytest.mark.slow)])
def test_any_partition_in_one_process(examples: int, spikes: str) -> None:
    """Every spike, every potential at the end of its window, every counter of every core."""
    done, cores, shards, populations = _invariant(examples, spikes)
    assert done >= examples
    assert cores >= 10 and shards > 40 and populations >= 6


@needs_lava
@pytest.mark.slow
@settings(FEW, max_examples=25)
@given(cases())
def test_any_partition_in_lavas_runtime(drawn: Case) -> None:
    found = drawn.deploy(runtime="lava", max_processes=14)
    assert found.runtime == "lava" and found.processes == len(drawn.mapping.cores) + 2
    assert_deployed_alike(found)


@needs_lava
def test_cores_share_processes_where_there_are_too_many() -> None:
    given = case(cores=9)
    found = given.deploy(runtime="lava", max_processes=6)
    assert (found.runtime, found.processes, len(found.counters)) == ("lava", 6, 9)
    assert_deployed_alike(found)
    assert found.sampled == () and found.sample_vs_fast is None
    assert found.steps == 2 * 6 + found.result.latency_steps - 6


@needs_lava
def test_one_process_where_a_layer_has_none_of_its_own() -> None:
    given = case()
    told: list[tuple[str, int, int]] = []
    found = given.deploy(max_processes=3, sample=2, seed=5, progress=lambda *stage: told.append(stage))
    assert (found.runtime, found.processes, found.result.backend) == ("one-process", 1, "one-process")
    assert_deployed_alike(found)
    assert len(set(found.sampled)) == 2 and found.sample_vs_fast is not None and found.sample_vs_fast.images == 2
    for name in ("deployment (one-process)", "sample of cores (lava)"):
        steps = [(done, total) for stage, done, total in told if stage == name]
        assert steps[0] == (0, found.steps) and steps[-1] == (found.steps, found.steps)


@needs_lava
@pytest.mark.parametrize("runtime", ["lava", "one-process"])
def test_an_input_that_no_core_hears(runtime: str) -> None:
    """Lava leaves out a process that is connected to nothing."""
    network = random_network(1116, ranges=True, sparse=True)
    mapping = random_mapping(np.random.default_rng(1116), network, 3)
    assert_deployed_alike(Case(network, mapping, random_images(network, 1), network.timesteps).deploy(runtime=runtime, sample=0))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(3, 50))
@settings(FEW, max_examples=100)
def test_groups(held: list[int], processes: int) -> None:
    """Every core once, no more processes than allowed, each its own core if possible, else no two layers together if possible."""
    made = case(cores=2).mapping.cores[0]
    cores = [
        replace(made, shards=(replace(made.shards[0], population=f"p{layer}"),), address=Address(0, n)) for n, layer in enumerate(held)
    ]
    found = groups(cores, processes)
    assert sorted(number for group in found for number in group) == list(range(len(cores)))
    assert len(found) == min(len(cores), processes - 2)
    if len(layers(cores)) <= processes - 2:
        assert all(len({held[number] for number in group}) == 1 for group in found)


def test_predicted_counters_sum_to_what_fast_counts() -> None:
    """A network on one core: synops as the fast back end counts them, updates as its neurons and steps."""
    network = random_network(3, sparse=True)
    x = random_images(network, 3)
    result = simulate(network, x, record=[p.name for p in network.populations])
    (counters,) = predicted_counters(map_network(network, LOIHI2), network, result)
    assert counters.synops == int(result.synops.sum() + result.input_macs.sum())
    on_core = [p for p in network.populations if p.depth]
    assert counters.updates == 3 * network.timesteps * sum(p.neurons for p in on_core)
    assert counters.spikes_out == sum(int(result.spike_counts[p.name].sum()) for p in on_core if p.kind.spikes)
    with pytest.raises(InvalidInput, match="lacks the counts of 'p0'"):
        predicted_counters(map_network(network, LOIHI2), network, simulate(network, x, record=["input"]))


@needs_lava
@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["lava", "one-process"])
@pytest.mark.parametrize("arithmetic", [LyingArithmetic, MiscountingArithmetic])
def test_a_core_that_does_wrong_is_found(monkeypatch: pytest.MonkeyPatch, runtime: str, arithmetic: type[CoreArithmetic]) -> None:
    plant(monkeypatch, arithmetic)
    found = case().deploy(runtime=runtime, sample=0)
    assert not found.ok
    assert found.lava_vs_fast.equal == (arithmetic is MiscountingArithmetic)
    assert found.differing_counters >= 1


@pytest.fixture
def nothing_left(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    with leaving_nothing(monkeypatch, host_is_victim="host" in request.node.name):
        yield
    assert capfd.readouterr() == ("", "")


def _on(stage: str, then: Fault) -> Callable[[str, int, int], None]:
    """Return a progress callback of a deployment that hands the steps of one stage on."""

    def told(name: str, done: int, total: int) -> None:
        if name == stage:
            then(done, total)

    return told


@needs_lava
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.slow
@pytest.mark.parametrize(("runtime", "victim"), [("lava", "a child"), ("lava", "the host"), ("one-process", "the host")])
def test_a_killed_process_is_one_error(monkeypatch: pytest.MonkeyPatch, runtime: str, victim: str) -> None:
    plant(monkeypatch, SlowArithmetic)
    fault = Fault(psutil.Process.kill, child(2) if victim == "a child" else lambda host: host)
    with pytest.raises(LavaError, match="killed"):
        case(images=40).deploy(runtime=runtime, progress=_on(f"deployment ({runtime})", fault))
    assert fault.victim is not None


@needs_lava
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("arithmetic", "message"),
    [
        (FailingArithmetic, r"core 1 .*failed in step 4: ZeroDivisionError: planted"),
        pytest.param(UnbuildableArithmetic, r"could not be built\n(?s:.*)planted in the constructor", marks=pytest.mark.slow),
        pytest.param(WaitingArithmetic, r"no step completed for 3\.\d s .*stuck", marks=pytest.mark.slow),
    ],
)
def test_a_failing_core_in_one_process_is_one_error(
    monkeypatch: pytest.MonkeyPatch, arithmetic: type[CoreArithmetic], message: str
) -> None:
    plant(monkeypatch, arithmetic)
    with pytest.raises(LavaError, match=message):
        case().deploy(runtime="one-process")


@needs_lava
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["lava", "one-process"])
def test_an_interrupt_ends_everything(monkeypatch: pytest.MonkeyPatch, runtime: str) -> None:
    plant(monkeypatch, SlowArithmetic)

    def interrupt(name: str, done: int, total: int) -> None:
        if name.startswith("deployment") and done > 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        case(images=40).deploy(runtime=runtime, progress=interrupt)


@needs_lava
@pytest.mark.usefixtures("nothing_left")
def test_a_full_shared_memory_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs

    def full(path: object) -> os.statvfs_result:
        found = real(path)  # type: ignore[arg-type]
        return os.statvfs_result((*found[:4], 0, *found[5:])) if str(path) == "/dev/shm" else found

    monkeypatch.setattr(os, "statvfs", full)
    with pytest.raises(LavaError, match=r"MiB of shared memory; /dev/shm has 0\.0 MiB free"):
        case().deploy(runtime="lava")


_FILLED = """
import os, sys
from pathlib import Path
from ecc_lava.backends.lava import run as backend
from tests.helpers.deployments import case

def fill(plan):
    free = os.statvfs("/dev/shm").f_bavail * os.statvfs("/dev/shm").f_frsize
    Path("/dev/shm/filler").write_bytes(bytes(free - 4096))

backend._check_resources = fill
try:
    case().deploy(runtime="lava")
except backend.LavaError as error:
    print(str(error).count("\\n"), os.listdir("/dev/shm"), error)
"""


@needs_lava
@pytest.mark.slow
def test_a_shared_memory_that_fills_during_the_start_is_one_error() -> None:
    """In a namespace of mounts where /dev/shm has a megabyte."""
    mount = "mount -t tmpfs -o size=1m tmpfs /dev/shm"
    if (
        shutil.which("unshare") is None
        or subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode
    ):
        pytest.skip("may not mount in a namespace of its own")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FILLED": _FILLED, "PYTHON": sys.executable}
    command = ["unshare", "-rm", "sh", "-c", f'{mount} && "$PYTHON" -c "$FILLED"']
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout.startswith("0 ['filler'] no shared memory is left: /dev/shm is full"), done


def _swapped(mapping: Mapping) -> Mapping:
    """Put the shards of two cores on each other's, so that each says of itself what is so of the other."""
    cores = list(mapping.cores)
    one, other = cores[0], next(core for core in cores if core.usage["input_axons"] != cores[0].usage["input_axons"])
    amounts = {"compartments": one.usage["compartments"]}
    cores[0] = replace(one, usage={**other.usage, **amounts})
    return replace(mapping, cores=tuple(cores))


def test_mappings_that_are_not_of_the_network_are_refused() -> None:
    given = case(cores=4)
    other = case(2)
    for message, mapping in {"this mapping is of the network": other.mapping, "says it uses": _swapped(given.mapping)}.items():
        with pytest.raises(InvalidNetwork, match=message):
            deploy(given.network, mapping, given.x)


def test_options_that_cannot_be_used_are_refused() -> None:
    given = case(cores=4)
    x: dict[str, Array] = given.x
    with pytest.raises(InvalidInput, match="runtime 'loihi' is not known; known: auto, lava, one-process"):
        deploy(given.network, given.mapping, x, runtime="loihi")
    with pytest.raises(InvalidInput, match="2 processes; a deployment takes at least 3"):
        deploy(given.network, given.mapping, x, max_processes=2)
    with pytest.raises(InvalidInput, match="a sample of -1 cores"):
        deploy(given.network, given.mapping, x, sample=-1)
    with pytest.raises(InvalidInput):
        deploy(given.network, given.mapping, x, timesteps=99)
