"""The Lava back end equals `golden`, and what it does to the process that calls it: nothing."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecc_lava.backends.activity import Recording
from ecc_lava.backends.lava import run as backend
from ecc_lava.backends.lava.cores.plan import LavaPlan
from ecc_lava.backends.lava.run import lava, run_counted
from ecc_lava.backends.stepwise import golden
from ecc_lava.common.arrays import Array
from ecc_lava.errors import InvalidInput, LavaError, MissingDependency
from ecc_lava.networks.wiring import Kind
from tests.helpers.changed_networks import side_by_side
from tests.helpers.compare import assert_same_activity, everything
from tests.helpers.lava import needs_lava, script
from tests.helpers.networks import random_images, random_network, random_sent, recoded
from tests.helpers.partitions import random_tiling, whole_cores
from tests.helpers.processes import leaving_nothing, leftovers
from tests.helpers.tiny_networks import one_readout


@pytest.fixture
def nothing_left(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    with leaving_nothing(monkeypatch):
        yield
    assert capfd.readouterr() == ("", "")


def test_input_of_another_shape_is_refused() -> None:
    network = random_network(0)
    q = random_images(network, 1)["input"]
    for bad in (q[:, :-1], q.astype(np.int64), q[:0]):
        with pytest.raises(InvalidInput, match="the input 'input' is"):
            lava(network, {"input": bad}, 3, Recording())


def test_missing_lava_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    network = random_network(0)
    with pytest.raises(MissingDependency, match=r"the lava back end needs lava-nc==0\.10\.0"):
        lava(network, random_images(network, 1), 3, Recording())


def test_too_little_shared_memory_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(0)
    monkeypatch.setattr(LavaPlan, "channel_bytes", 2**60)
    monkeypatch.setattr(backend, "check_installed", lambda: None)
    with pytest.raises(LavaError, match=r"shared memory; /dev/shm has"):
        lava(network, random_images(network, 1), 3, Recording())


def _together(parts: Mapping[str, Mapping[str, Array]]) -> dict[str, Array]:
    """Return what the inputs of networks side by side send."""
    return {f"{name}:{of}": sent for name, part in parts.items() for of, sent in part.items()}


@needs_lava
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(("seeds", "rails"), [((0, 2, 4, 6), False), ((1, 3, 5, 8), True)])
def test_lava_equals_golden(seeds: Sequence[int], rails: bool) -> None:
    """Four networks at once."""
    made = {str(seed): random_network(seed, rails=rails, ranges=seed > 3, ports=seed in (4, 5)) for seed in seeds}
    network = side_by_side(made)
    q = _together({seed: random_images(single, 3, int(seed)) for seed, single in made.items()})
    expected = golden(network, q, 6, everything(network))
    assert_same_activity(expected, lava(network, q, 6, everything(network)))
    for seed in made if rails else ():
        assert any(activity.saturated_high for name, activity in expected.items() if name.startswith(f"{seed}:"))


@needs_lava
@pytest.mark.usefixtures("nothing_left")
def test_lava_sends_binary_spikes_too() -> None:
    made = {
        str(seed): recoded(random_network(seed, ports=len(kinds) > 1), *kinds)
        for seed, kinds in {0: ["rate"], 5: ["graded", "poisson"]}.items()
    }
    network = side_by_side(made)
    sent = _together({seed: random_sent(single, 3, 5, int(seed)) for seed, single in made.items()})
    assert_same_activity(golden(network, sent, 5, everything(network)), lava(network, sent, 5, everything(network)))


@needs_lava
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(("seeds", "cores"), [((10, 11), 6), ((12, 13), 9)])
def test_random_tilings_equal_golden(seeds: Sequence[int], cores: int) -> None:
    made = {str(seed): random_network(seed, rails=seed == 11, sparse=seed > 11) for seed in seeds}
    network = side_by_side(made)
    q = _together({seed: random_images(single, 2, int(seed)) for seed, single in made.items()})
    tiling = random_tiling(np.random.default_rng(cores), network, cores)
    assert_same_activity(golden(network, q, 4, Recording()), run_counted(network, tiling, q, 4, Recording()).activity)


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
    assert_same_activity(expected, lava(network, q, 5, everything(network)))


@needs_lava
@pytest.mark.usefixtures("nothing_left")
def test_rasters_of_some_populations_and_fewer_steps() -> None:
    network = random_network(6)
    q, wanted = random_images(network, 2), Recording(frozenset({"p1", "input"}))
    assert_same_activity(golden(network, q, 1, wanted), lava(network, q, 1, wanted))


@needs_lava
@pytest.mark.usefixtures("nothing_left")
def test_a_long_path_of_temporary_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Python's managers make a socket there, whose path has about 100 characters at most."""
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    network = random_network(1)
    q = random_images(network, 1)
    assert_same_activity(golden(network, q, 2, Recording()), lava(network, q, 2, Recording()))


@needs_lava
@pytest.mark.usefixtures("nothing_left")
def test_progress_is_told() -> None:
    network = random_network(1)
    told: list[tuple[int, int]] = []
    run_counted(
        network, whole_cores(network), random_images(network, 4), 6, Recording(), progress=lambda done, total: told.append((done, total))
    )
    steps = 4 * 6 + network.depth
    assert told[-1] == (steps, steps)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@needs_lava
def test_repeated_runs_leak_nothing() -> None:
    network = random_network(1)
    q = random_images(network, 1)
    lava(network, q, 2, Recording())
    before = leftovers()
    for _ in range(2):
        lava(network, q, 2, Recording())
    assert leftovers() - before == set()


@needs_lava
def test_side_effects_of_lava_stay_out() -> None:
    """Importing and running the back end imports no Lava here, sets no start method and adds no log handler, nor minds if one is set."""
    output = script("""
        import logging, multiprocessing, sys
        multiprocessing.set_start_method("spawn")
        from tests.helpers.networks import random_images, random_network, random_sent, recoded
        from ecc_lava.backends.activity import Recording
        from ecc_lava.backends.lava.run import lava
        network = random_network(1)
        lava(network, random_images(network, 1), 2, Recording())
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
        from tests.helpers.networks import random_images, random_network, random_sent, recoded
        from tests.helpers.compare import assert_same_activity, everything
        from ecc_lava.backends.lava.run import lava
        from ecc_lava.backends.stepwise import golden
        network = random_network(1)
        q = random_images(network, 2)
        assert_same_activity(golden(network, q, 4, everything(network)), lava(network, q, 4, everything(network)))
        model.predict(np.zeros((2, 4, 4, 1)), verbose=0)
    """)


@needs_lava
def test_lavas_own_processes_agree() -> None:
    """A readout equals Lava's own Dense and LIF, which within their limits integrate the same: even weights, no bias, no spikes."""
    network = one_readout()
    q = random_images(network, 1)
    expected = lava(network, q, 5, Recording(over_time=True))["readout"].over_time
    output = script("""
        import numpy as np
        from ecc_lava.backends.lava.importing import import_lava

        import_lava()
        from lava.magma.core.run_conditions import RunSteps
        from lava.magma.core.run_configs import Loihi2SimCfg
        from lava.proc.dense.process import Dense
        from lava.proc.io.source import RingBuffer
        from lava.proc.lif.process import LIF
        from lava.utils.weightutils import SignMode
        from tests.helpers.networks import random_images
        from tests.helpers.tiny_networks import one_readout

        network = one_readout()
        q = random_images(network, 1)["input"].reshape(-1, 1)
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
