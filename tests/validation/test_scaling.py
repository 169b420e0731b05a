"""Two workers against one process: 64 replicas, start-up apart. On a machine with nothing else.

Start-up is that of processes, compilation, and the mean field that is solved once before. Where two
busy processors are each slower than one alone, the bound is what their processor time allows.
"""

import os
import sys
import time
from pathlib import Path

import pytest

import hybridrd as hrd

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.dask_cluster import cluster
from support.survivors import same

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.validation
LEAST, UNTIL = 1.7, 2.5
RUN = {"dt": 0.0025, "every": 0.5, "seed": 2}


def timed(**arguments):
    began = time.perf_counter()
    result = hrd.ensemble(hrd.examples.lotka_volterra(), **RUN, **arguments)
    return time.perf_counter() - began - result.attrs["timings"]["shared_continuum"], result


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two processors")
def test_two_dask_workers_share_the_work(tmp_path):
    with (
        cluster(tmp_path, 2) as running,
        distributed.Client(running.address, set_as_default=False) as client,
    ):
        client.wait_for_workers(2, timeout=120)
        timed(replicas=2, until=0.5)  # compile, here and there
        timed(replicas=4, until=0.5, client=client)
        before = client.run(time.process_time)
        own = time.process_time()
        alone, serial = timed(replicas=64, until=UNTIL)
        own = time.process_time() - own - serial.attrs["timings"]["shared_continuum"]
        both, result = timed(replicas=64, until=UNTIL, client=client)
        theirs = [t - before[w] for w, t in client.run(time.process_time).items()]
    same(result, serial)
    allowed = own / max(theirs)
    report = (
        f"{alone:.1f} s in one process (processor {own:.1f} s), {both:.1f} s with two workers "
        f"(processors {', '.join(f'{t:.1f} s' for t in theirs)}): {alone / both:.2f} times; "
        f"processor time alone would allow {allowed:.2f} times"
    )
    print(report)
    assert alone / both >= min(LEAST, 0.85 * allowed), report
