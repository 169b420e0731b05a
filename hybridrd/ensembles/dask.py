"""Blocks of an ensemble on an existing Dask cluster. Needs dask; loaded on use."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from hybridrd._version import __version__
from hybridrd.ensembles.blocks import Setup, Sums, run_block
from hybridrd.ensembles.processes import Blocks, Done, Turns
from hybridrd.errors import HybridrdError, ModelError

Client: TypeAlias = Any  # the types of dask are incomplete
Future: TypeAlias = Any

WAIT = 60.0  # seconds to wait for the first worker


def import_distributed() -> Any:
    """The package ``distributed``. Raises HybridrdError that says how to install it."""
    try:
        import distributed
    except ImportError as error:
        raise HybridrdError(
            f"client= needs Dask ({error}); install it with: pip install hybridrd[distributed]"
        ) from error
    return distributed


def check_client(client: object) -> None:
    """Refuse anything but a running client or an address, before anything is computed."""
    distributed = import_distributed()
    if isinstance(client, str):
        return
    if not isinstance(client, distributed.Client):
        raise ModelError(
            f"client = {client!r}: give a dask.distributed.Client or the address of a scheduler, "
            f'"tcp://10.0.0.1:8786" for example; for a cluster give cluster.get_client()'
        )
    if client.asynchronous:
        raise ModelError(
            "client: an asynchronous client cannot be used; create it without asynchronous=True"
        )
    if client.status != "running":
        raise ModelError(f"client: it is {client.status}; create a new one")


def on_cluster(setup: Setup, blocks: Blocks, client: Client | str) -> Done:
    """Run blocks on the workers of a Dask scheduler.

    Results are fetched as soon as they are ready, and work lost with a worker is repeated: a
    block is rescheduled by Dask, the setup that all blocks read is sent again from here.

    Raises
    ------
    ModelError
        If the system cannot be sent.
    HybridrdError
        If there is no scheduler or no worker, if the scheduler is lost, or if a block brings down
        several workers.
    """
    distributed = import_distributed()
    from distributed.scheduler import KilledWorker

    data = _pickled(setup)
    with _connected(client) as connected:
        run = f"hybridrd-{secrets.token_hex(8)}"
        shared = _share(connected, data, run)
        turns, queue = Turns(blocks), distributed.as_completed(loop=connected.loop)
        running: dict[Future, tuple[int, Future]] = {}
        tries = 0

        def submit(index: int) -> None:
            nonlocal tries
            tries += 1
            future = connected.submit(
                _work_remotely, shared, run, __version__, blocks[index],
                key=f"{run}-{index}-{tries}", pure=False,
            )  # fmt: skip
            running[future] = (index, shared)
            queue.add(future)

        try:
            while True:
                for index, _ in turns.start(2 * _workers(connected) + 1):
                    submit(index)
                if not running:
                    return
                future = next(queue)
                index, came_with = running.pop(future)
                try:
                    sums = future.result()
                except distributed.client.FutureCancelledError as error:
                    if connected.status != "running" or not _workers(connected, WAIT):
                        raise _lost(connected) from error
                    # The last worker with the setup died, and all blocks that waited for it.
                    if came_with is shared:
                        shared = _share(connected, data, f"{run}-{tries}")
                    submit(index)
                    continue
                except KilledWorker as error:
                    raise HybridrdError(
                        f"{setup.named(blocks[index])} brought down several Dask workers, the last "
                        f"one {error.last_worker}; they may need more memory each, or fewer cells "
                        f"or records (every=)"
                    ) from error
                except Exception as error:
                    raise HybridrdError(
                        f"{setup.named(blocks[index])}: a Dask worker cannot run them: "
                        f"{type(error).__name__}: {error}; install the same packages there, and "
                        f"the modules with functions of the system"
                    ) from error
                if isinstance(sums, HybridrdError):
                    raise sums
                turns.done(index)
                del future  # so that the worker forgets its result
                yield index, sums
        finally:
            if connected.status == "running":
                connected.cancel([*running, shared])


def _pickled(setup: Setup) -> bytes:
    import cloudpickle  # comes with dask

    try:
        data: bytes = cloudpickle.dumps(setup)
    except Exception as error:
        raise ModelError(
            f"the system cannot be sent to Dask workers ({type(error).__name__}: {error}); "
            f"check the functions in it and what they refer to"
        ) from error
    return data


@contextmanager
def _connected(client: Client | str) -> Iterator[Client]:
    distributed = import_distributed()
    if not isinstance(client, str):
        yield client
        return
    try:
        opened = distributed.Client(client, set_as_default=False)
    except (OSError, ValueError) as error:
        raise HybridrdError(
            f"client = {client!r}: there is no Dask scheduler ({error}); start one with "
            f"`dask scheduler`, which prints its address"
        ) from error
    with opened:
        yield opened


def _workers(client: Client, timeout: float = 0.0) -> int:
    """Number of workers; waits for the first one if there is none."""
    if timeout and not client.nthreads():
        try:
            client.wait_for_workers(1, timeout=timeout)
        except TimeoutError:
            return 0
    return len(client.nthreads())


def _share(client: Client, data: bytes, name: str) -> Future:
    """Send the setup to all workers once; later workers fetch it from these."""
    if not _workers(client, WAIT):
        raise HybridrdError(
            f"the Dask scheduler {client.scheduler.address} has no workers after {WAIT:g} s; "
            f"start some with `dask worker {client.scheduler.address} --nthreads 1`, or with "
            f"cluster.scale(...)"
        )
    shared: Future = client.scatter({f"{name}-setup": data}, broadcast=True)[f"{name}-setup"]
    return shared


def _lost(client: Client) -> HybridrdError:
    what = "all Dask workers are gone" if client.status == "running" else "the scheduler is gone"
    return HybridrdError(
        f"{what}, and with them the running replicas; with resume=DIRECTORY finished ones "
        f"are kept, and the same call runs the others"
    )


_lock = threading.Lock()  # a block uses one processor, however many threads a worker has
_last: tuple[str, Setup] | None = None  # in a worker process, with the name of its ensemble


def _work_remotely(data: bytes, run: str, version: str, block: range) -> Sums | HybridrdError:
    """A block, or the error of a replica: an exception would look like one of the worker's."""
    import pickle

    from hybridrd.continuum.solvers import one_blas_thread

    global _last
    if version != __version__:
        return HybridrdError(
            f"a Dask worker has hybridrd {__version__}, but {version} is installed here; "
            f"replicas of two versions are not mixed"
        )
    with _lock:
        if _last is None or _last[0] != run:
            _last = (run, pickle.loads(data))
        with one_blas_thread():
            try:
                return run_block(_last[1], block, lambda: None)
            except HybridrdError as error:
                return error
