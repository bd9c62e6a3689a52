"""Workers that are killed, a scheduler that begins anew, and an interrupt: results are right, nothing counts twice, finished work stays."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from ecc_lava import simulate
from ecc_lava.backends.images import RunSettings
from ecc_lava.backends.parts import PartsOptions, run_parts
from ecc_lava.cluster import Shards, map_shards, open_client
from ecc_lava.studies.running import run_settings
from ecc_lava.studies.trials.optuna_storage import open_storage
from ecc_lava.studies.trials.store import TrialStore
from tests.helpers.clusters import Killer, kill_worker, needs_dask, sum_or_fail
from tests.helpers.networks import random_images, random_network
from tests.helpers.program import DATA, INTERRUPTED, PROGRAM, in_process_of_its_own
from tests.helpers.results import assert_equal_results
from tests.helpers.studies import MANY, Noted, as_problem

pytestmark = [needs_dask, pytest.mark.slow]

KILLS = 30


def test_thirty_killed_workers_change_nothing() -> None:
    network = random_network(3)
    x = random_images(network, 64)
    expected = simulate(network, x)
    with open_client("local:2") as client:
        killer = Killer(client, KILLS, seed=1, longest=0.8)
        killer.start()
        runs = 0
        while killer.is_alive() or not runs:
            assert_equal_results(run_parts(network, x, RunSettings(), 0, PartsOptions(client, part_images=2)), expected)
            runs += 1


def test_a_study_of_forty_trials_with_two_killed_workers_ends_with_its_trials(tmp_path: Path) -> None:
    settings = MANY[:40]
    store = TrialStore(open_storage(tmp_path / "trials.journal"), "c")
    problem = as_problem(Noted(tmp_path / "notes", 0.1))
    with open_client("local:2") as client:
        ended = 0

        def progress(step: object) -> None:
            nonlocal ended
            if getattr(step, "finished", None) is not None:
                ended += 1
                if ended in (5, 20):
                    kill_worker(client, ended)

        trials = run_settings(problem, settings, store, progress, client)
    assert [trial.setting for trial in trials] == list(settings)
    assert len(store.finished()) == 40
    assert ended == 40
    read = open_storage(tmp_path / "trials.journal")
    held = [trial for study in read.get_all_studies() for trial in read.get_all_trials(study._study_id)]
    assert [trial.state.name for trial in held] == ["COMPLETE"] * 40


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _started(stack: ExitStack, module: str, *arguments: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", f"distributed.cli.{module}", *arguments]
    process = stack.enter_context(subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    stack.callback(process.kill)
    return process


def test_a_scheduler_that_begins_anew_loses_nothing() -> None:
    import distributed

    port = _free_port()
    address = f"tcp://127.0.0.1:{port}"
    with ExitStack() as stack:
        scheduler = [_started(stack, "dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")]
        worker = ("dask_worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny")
        _started(stack, *worker)
        _wait_for(port)
        with distributed.Client(address, timeout=300, set_as_default=False) as waiting:
            waiting.wait_for_workers(1, timeout=300)
        with open_client(address) as client:
            ended: list[int] = []

            def finished(index: int, result: int) -> None:
                ended.append(index)
                if len(ended) == 10:
                    scheduler[0].kill()
                    scheduler[0].wait()
                    _started(stack, "dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
                    _started(stack, *worker)

            found, _ = map_shards(client, sum_or_fail, 5, Shards([1] * 40, lambda index: index, finished))
    assert found == list(range(5, 45))
    assert sorted(ended) == list(range(40))


def _wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as found:
            if not found.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    raise AssertionError("no scheduler")


def _is_empty(group: int) -> bool:
    """Whether all processes of a group end within half a minute."""
    for _ in range(300):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_an_interrupt_is_one_message_and_the_journal_goes_on(tmp_path: Path) -> None:
    from ecc_lava.demo.data import MODEL

    network, data, journal = tmp_path / "net.h5", tmp_path / "images.npz", tmp_path / "journal"
    assert in_process_of_its_own("convert", MODEL, "--calibration", DATA, "-o", network, "--timesteps", 64).code == 0
    with np.load(DATA) as held:
        np.savez(data, x_test=np.concatenate([held["x_test"]] * 40), y_test=np.concatenate([held["y_test"]] * 40))
    words = ["run", network, "--data", data, "--dask", "local:2", "--journal", journal, "--json"]
    process = subprocess.Popen(
        [PROGRAM, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not (journal.is_dir() and len(list(journal.glob("*.part"))) > 2) and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all processes of the command
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (INTERRUPTED, ""), err
    assert [line.split(":")[0] for line in err.splitlines()] == ["ecc-lava"] * 3, err
    kept = len(list(journal.glob("*.part")))
    assert kept > 2
    assert _is_empty(process.pid), "processes of the command are left"
    whole, resumed = (in_process_of_its_own(*given).json for given in ([*words[:4], "--json"], [*words[:4], *words[6:]]))
    assert {**whole, "seconds": 0} == {**resumed, "seconds": 0}
