"""Shards on two workers that are processes: order, errors, caches, versions, and runs that equal one process bit for bit."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecc_lava import check, convert, quantise, simulate, study
from ecc_lava.backends.images import RunSettings
from ecc_lava.backends.parts import PartsOptions, run_parts
from ecc_lava.cluster import Shards, WorkReport, check_workers, held, map_shards, open_client, shards, versions
from ecc_lava.conversion import DrawReport
from ecc_lava.errors import ClusterError, InvalidInput, MissingDependency
from ecc_lava.graph import Graph
from ecc_lava.graph.evaluate import BATCH
from ecc_lava.inputs import ArraySource
from ecc_lava.inputs.rows import FileRows
from ecc_lava.networks import SpikingNetwork
from tests.helpers.clusters import needs_dask, sum_or_fail
from tests.helpers.cnns import samples, small_graph
from tests.helpers.networks import random_images, random_network, recoded
from tests.helpers.results import assert_equal_results
from tests.helpers.small_networks import converted

pytestmark = needs_dask


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with open_client("local:2") as found:
        yield found


def test_results_come_in_the_order_of_the_shards_and_a_lost_cache_is_filled_again(client: Any) -> None:
    reports: list[WorkReport] = []
    of = Shards([3] * 20, lambda index: index, progress=lambda done, total, report: reports.append(report))
    for _ in range(2):
        found, report = map_shards(client, sum_or_fail, 100, of)
        assert found == list(range(100, 120))
        assert sum(share.done for share in report.shares.values()) == 60
        client.run(held.forget)
    assert len(reports) == 40


class _Unreadable:
    """What a client can send and no worker can read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return operator.truediv, (1, 0)


def test_a_worker_that_cannot_keep_what_is_shared_ends_the_run(client: Any) -> None:
    with pytest.raises(ClusterError, match=r"the worker tcp://.* does not keep .* bytes: ZeroDivisionError.*; give it more memory"):
        map_shards(client, sum_or_fail, _Unreadable(), Shards([1, 1], lambda index: index))


def test_the_first_shards_error_is_raised(client: Any) -> None:
    with pytest.raises(ValueError, match="item -3"):
        map_shards(client, sum_or_fail, 0, Shards([1] * 8, lambda index: -index if index >= 3 else index))


@pytest.mark.parametrize("part_images", [1, 5, 64])
def test_a_run_equals_one_process_whatever_the_parts(client: Any, part_images: int) -> None:
    network = recoded(random_network(3), "poisson")
    x = random_images(network, 23)
    kept = tuple(network.by_name)[:3]
    settings = RunSettings(over_time=True, recorded=kept)
    found = run_parts(network, x, settings, 7, PartsOptions(client, part_images=part_images))
    assert_equal_results(found, simulate(network, x, record=kept, over_time=True, first_sample=7))


@pytest.mark.parametrize("can_be_sent", [True, False])
def test_images_are_read_by_the_workers_or_sent(client: Any, tmp_path: Path, can_be_sent: bool) -> None:
    network = random_network(3)
    name, x = next(iter(random_images(network, 23).items()))
    np.save(tmp_path / "x.npy", x)
    rows = FileRows(tmp_path / "x.npy", 128, x.shape, x.dtype, can_be_sent)
    assert_equal_results(simulate(network, ArraySource({"": rows}, 23), client=client), simulate(network, {name: x}))


def test_check_equals_one_process(client: Any) -> None:
    graph: Graph = small_graph()
    snn: SpikingNetwork = converted(graph)[0]
    x = samples(graph, BATCH + 5)
    labels = np.arange(len(x)) % 3
    one, other = (check(quantise(snn), x, snn=snn, graph=graph, labels=labels, lava=False, client=c) for c in (None, client))
    assert one.as_dict() == other.as_dict()


def test_draws_of_calibration_images_give_what_one_process_gives(client: Any) -> None:
    graph, told = small_graph(), list[DrawReport]()
    x = samples(graph, 136)
    found = [
        convert(graph, calibration=x, draws=3, calibration_images=12, timesteps=3, client=c, report=told.append) for c in (None, client)
    ]
    assert told[0] == told[1]
    assert [(quantise(snn).digest, snn.trace) for snn in found[:1]] == [(quantise(snn).digest, snn.trace) for snn in found[1:]]


@pytest.mark.parametrize("can_be_sent", [True, False])
def test_a_study_of_a_file_equals_one_process(client: Any, tmp_path: Path, can_be_sent: bool) -> None:
    graph = small_graph()
    x = samples(graph, 20)
    np.save(tmp_path / "x.npy", x)
    data = ArraySource({"": FileRows(tmp_path / "x.npy", 128, x.shape, x.dtype, can_be_sent)}, len(x))
    how: dict[str, Any] = {"calibration": x, "bits": (4, 8), "timesteps": 2, "recipes": "ecc"}
    digests = [
        [trial.figures and (trial.key, trial.figures.agreement, trial.figures.network_digest) for trial in result.trials]
        for result in (study(graph, data=x, **how), study(graph, data=data, **how), study(graph, data=data, client=client, **how))
    ]
    assert digests[0] == digests[1] == digests[2]


def test_another_version_is_refused_by_name(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    other = versions.versions() | {"numpy": "1.0"}
    with monkeypatch.context() as patch:
        patch.setattr(versions, "versions", lambda: other)
        with pytest.raises(ClusterError, match=r"tcp://127.0.0.1:\d+ has numpy .*; this process has 1.0"):
            versions.check_workers(_Answers(versions.difference, client))
    with monkeypatch.context() as patch:  # a worker that came after the check
        patch.setattr(shards, "versions", lambda: other)
        with pytest.raises(ClusterError, match="numpy"):
            map_shards(client, sum_or_fail, 0, Shards([1], lambda index: index))
    check_workers(client)


class _Answers:
    """A client whose workers answer with their own versions while this process pretends to have others."""

    def __init__(self, function: Any, client: Any) -> None:
        self._found = client.run(_own_versions)

    def run(self, function: Any) -> Any:
        return self._found


def _own_versions() -> dict[str, str]:
    return versions.versions()


@pytest.mark.parametrize("address", ["", "local:", "local:0", "local:-1", "local:2.5", "local:99999999999", "somewhere", "http://x:1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput), open_client(address):
        pass


def test_an_address_without_a_scheduler_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from ecc_lava.cluster import client as opening

    monkeypatch.setattr(opening, "CONNECT_SECONDS", 0.3)
    with pytest.raises(ClusterError, match=r"127.0.0.1:1: no Dask scheduler answers"), open_client("127.0.0.1:1"):
        pass


def test_without_dask_there_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingDependency, match=r"ecc-lava\[dask\]"), open_client("local:1"):
        pass
