"""Ensembles on a Dask cluster: the bits of the serial run, whatever happens to workers."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from support.dask_cluster import Cluster, cluster
from support.survivors import SYSTEMS, same

import hybridrd as hrd
from hybridrd.ensembles import dask as engine
from hybridrd.ensembles.processes import Turns
from hybridrd.errors import HybridrdError, ModelError

distributed = pytest.importorskip("distributed")
RUN = {"dt": 2e-3, "until": 0.01, "every": 0.004, "seed": 5}
SYSTEM = SYSTEMS["mean-field"]
ASKED = {"covariance": ["copy_number"], "quantiles": [0.5], "keep": ["total"]}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A cluster of two workers; tests that harm it start their own."""
    with cluster(tmp_path_factory.mktemp("dask"), 2) as running:
        yield running


@pytest.fixture
def client(two):
    with distributed.Client(two.address, set_as_default=False) as connected:
        connected.wait_for_workers(2, timeout=60)
        yield connected


@pytest.mark.parametrize("system", ["mean-field", "two-way, overdrawn"])
def test_the_bits_of_the_serial_run(client, system):
    serial = hrd.ensemble(SYSTEMS[system], 5, **RUN, **ASKED)
    same(hrd.ensemble(SYSTEMS[system], 5, client=client, **RUN, **ASKED), serial)
    assert client.status == "running"  # it is the caller's


def test_an_address_will_do_and_functions_of_this_process(two):
    # Dask sends functions that cannot be imported by value.
    system = SYSTEM.replace(initial={"A": lambda x: 10.0 * x, "B": 0.0})
    serial = hrd.ensemble(system, 3, **RUN)
    same(hrd.ensemble(system, 3, client=two.address, **RUN), serial)


@pytest.mark.validation
@pytest.mark.ci
def test_a_worker_killed_in_the_middle_changes_nothing(tmp_path):
    # The first worker is killed (SIGKILL) when it is at work and others are done. Then the last
    # one that holds the job, when a new one has come.
    serial = hrd.ensemble(SYSTEM, 60, **RUN)
    with cluster(tmp_path, 2) as running:
        with distributed.Client(running.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            hrd.ensemble(SYSTEM, 4, client=client, **RUN)  # compile
        place = tmp_path / "done"
        killer = threading.Thread(target=kill_at, args=(running, place, [10, 30]))
        killer.start()
        result = hrd.ensemble(SYSTEM, 60, client=running.address, resume=place, **RUN)
        killer.join()
        assert [worker.poll() for worker in running.workers] == [-9, -9, None]
    same(result, serial)


def kill_at(running: Cluster, place, counts):
    """Kill the first workers, one after another, when so many blocks are done."""
    for worker, count in zip(running.workers, counts, strict=False):
        until = time.monotonic() + 120
        while len(list(place.glob("block-*.npz"))) < count and time.monotonic() < until:
            time.sleep(0.002)
        if count == counts[-1]:
            running.add_worker()
        worker.kill()
        worker.wait()


def test_the_error_of_a_replica_is_that_of_the_serial_run(client):
    system = SYSTEMS["particles, open"].replace(
        walls={"x-": hrd.Reservoir({"A": lambda t: 40.0 if t < 0.005 else float("nan")})}
    )
    said = []
    for engines in ({}, {"client": client}):
        with pytest.raises(ModelError, match=r"replica 0 of the ensemble \(seed = 5\)") as caught:
            hrd.ensemble(system, 1, **engines, **RUN)
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert "nan" in said[0]


def test_an_error_of_a_worker_says_which_replicas(client, monkeypatch):
    def broken(*_):
        raise ModuleNotFoundError("No module named 'mine'")

    monkeypatch.setattr(engine, "_work_remotely", broken)
    with pytest.raises(HybridrdError, match=r"replicas \d to \d .*worker cannot run.*'mine'"):
        hrd.ensemble(SYSTEM, 4, client=client, **RUN)


def test_another_version_on_a_worker_is_refused(client, monkeypatch):
    monkeypatch.setattr(engine, "__version__", "0.0.0")
    with pytest.raises(HybridrdError, match=r"worker has hybridrd .* 0\.0\.0 is installed here"):
        hrd.ensemble(SYSTEM, 2, client=client, **RUN)


def test_no_worker_and_no_scheduler(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "WAIT", 0.2)
    words = r"has no workers after 0\.2 s.*`dask worker tcp"
    with cluster(tmp_path, 0) as running, pytest.raises(HybridrdError, match=words):
        hrd.ensemble(SYSTEM, 2, client=running.address, **RUN)
    with pytest.raises(HybridrdError, match="there is no Dask scheduler"):
        hrd.ensemble(SYSTEM, 2, client="nowhere://1", **RUN)


def test_what_is_no_client_and_workers_beside_one(client):
    with pytest.raises(ModelError, match="client = 8786: give a dask"):
        hrd.ensemble(SYSTEM, 2, client=8786, **RUN)
    with pytest.raises(ModelError, match="workers = 2 and client are given"):
        hrd.ensemble(SYSTEM, 2, client=client, workers=2, **RUN)
    client.close()
    with pytest.raises(ModelError, match="client: it is closed"):
        hrd.ensemble(SYSTEM, 2, client=client, **RUN)


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(HybridrdError, match=r"pip install hybridrd\[distributed\]"):
        hrd.ensemble(SYSTEM, 2, client="tcp://127.0.0.1:1", **RUN)


def test_dask_is_loaded_only_for_a_client():
    code = (
        "import sys, hybridrd as hrd; A = hrd.Species('A', D=1.0); line = hrd.Box(x=(0, 1));"
        "hrd.ensemble(hrd.System(species=[A], domain=line, particles=line, initial={A: 5.0}),"
        "replicas=2, dt=0.1, until=0.1); print('distributed' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("seed", range(5))
def test_few_blocks_are_ahead_of_the_first_that_is_not_done(seed):
    # Blocks end in a random order; never more than `ahead` are started and not in their turn.
    rng = np.random.default_rng(seed)
    turns = Turns({i: range(i, i + 1) for i in range(50)})
    running, done, order = [], set(), []
    while started := [i for i, _ in turns.start(7)] or running:
        running += [i for i in started if i not in running]
        order += [i for i in running if i not in order]
        in_turn = next(i for i in range(51) if i not in done)
        assert max(running) < in_turn + 7
        done.add(index := running.pop(rng.integers(len(running))))
        turns.done(index)
    assert order == list(range(50))
    assert done == set(range(50))
