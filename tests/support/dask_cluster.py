"""A Dask scheduler and workers as processes of their own on this machine."""

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

# As docs/clusters.md says: workers that are not interrupted more than they need to be.
UNDISTURBED = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "5s",
    "DASK_DISTRIBUTED__WORKER__MEMORY__MONITOR_INTERVAL": "5s",
}


class Cluster:
    """A scheduler at ``address``, and ``workers`` by order of their start."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self.workers = []
        self._folder = folder
        self._log = (folder / "log").open("w")
        self.scheduler = self._start("scheduler", "--port", port)

    def add_worker(self):
        local = "--local-directory", self._folder / "work"
        worker = self._start("worker", self.address, "--no-nanny", "--nthreads", 1, *local)
        self.workers.append(worker)

    def _start(self, what, *arguments):
        # -P: the hybridrd that is installed, as here, not the checkout that is the working folder;
        # the kernels that another Numba has cached there would be theirs too.
        command = [sys.executable, "-P", "-m", f"distributed.cli.dask_{what}", *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])} | UNDISTURBED
        return subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--no-dashboard"],
            stdout=self._log, stderr=self._log, env=environment,
        )  # fmt: skip

    def close(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
        self._log.close()


@contextmanager
def cluster(folder, workers):
    running = Cluster(folder)
    try:
        for _ in range(workers):
            running.add_worker()
        yield running
    finally:
        running.close()
