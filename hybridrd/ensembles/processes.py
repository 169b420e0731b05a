"""Engines that run the blocks of an ensemble: this process, or spawned processes.

Each engine takes blocks by index and yields their sums as they are finished, in any order. It
starts no block far ahead of the first unfinished one, so few sums ever wait for their turn.
"""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from io import BytesIO
from types import FunctionType
from typing import TYPE_CHECKING, Any

from hybridrd.ensembles.blocks import Setup, Sums, run_block
from hybridrd.errors import HybridrdError, ModelError

if TYPE_CHECKING:
    from hybridrd.model.system import System

Blocks = Mapping[int, range]
Done = Iterator[tuple[int, Sums]]

GUARD = (
    'put the call under `if __name__ == "__main__":` in the script; '
    "worker processes import the script again"
)


class Turns:
    """Order of the blocks: limits how many are finished before an earlier one."""

    def __init__(self, blocks: Blocks) -> None:
        self._todo = deque(blocks.items())
        self._open: deque[int] = deque()  # started, counted from the first unfinished one
        self._done: set[int] = set()

    def start(self, ahead: int) -> Iterator[tuple[int, range]]:
        """Blocks to start now, so that at most ``ahead`` are running or waiting."""
        while self._todo and len(self._open) < ahead:
            index, block = self._todo.popleft()
            self._open.append(index)
            yield index, block

    def done(self, index: int) -> None:
        """Note that a block is done."""
        self._done.add(index)
        while self._open and self._open[0] in self._done:
            self._done.remove(self._open.popleft())


def in_this_process(setup: Setup, blocks: Blocks, done: Callable[[], object]) -> Done:
    """Run one block after another in this process; ``done`` is called after each replica."""
    for index, block in blocks.items():
        yield index, run_block(setup, block, done)


def in_processes(setup: Setup, blocks: Blocks, processes: int) -> Done:
    """Run blocks in spawned processes. Raises HybridrdError if one of them dies."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        max_workers=max(1, min(processes, len(blocks))),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(pickle.dumps(setup),),
    )
    turns = Turns(blocks)
    running: dict[Future[Sums], int] = {}
    try:
        while True:
            for index, block in turns.start(2 * processes + 1):
                running[pool.submit(_work, block)] = index
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                index = running.pop(future)
                turns.done(index)
                problem = future.exception()
                if isinstance(problem, HybridrdError):
                    raise problem from None  # without the traceback of the worker
                yield index, future.result()
    except KeyboardInterrupt:
        # Running blocks are lost either way; a batch queue does not wait for their end.
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    except BrokenProcessPool:
        time.sleep(1.0)  # a queue ends all processes: this one may be about to get the signal
        raise HybridrdError(
            f"a worker process ended before its work was finished. {GUARD[0].upper()}{GUARD[1:]}. "
            f"If that is so already, it may have been killed for memory: use fewer workers, cells "
            f"or records (every=)"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


_setup: Setup | HybridrdError | None = None  # in a worker process, received once


def _start_worker(setup: bytes) -> None:
    from hybridrd.continuum.solvers import one_blas_thread

    # Ctrl-C reaches all processes of a terminal; workers end silently.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # For the life of the process; numba's kernels start no threads.
    one_blas_thread().__enter__()
    global _setup
    try:
        _setup = pickle.loads(setup)
    except Exception as error:  # a user's import may raise anything
        _setup = ModelError(
            f"a worker process cannot load the system ({error}): functions in it must be at "
            f"the top of a module or script, not under its `if __name__`; or use workers=0"
        )


def _work(block: range) -> Sums:
    if isinstance(_setup, HybridrdError):
        raise _setup
    assert _setup is not None
    return run_block(_setup, block, lambda: None)


def check_main() -> None:
    """End a worker process that is importing a script without a guard; the parent says why."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.exit(1)


class _Importable(pickle.Pickler):
    """A pickler that refuses functions defined in a notebook or a console."""

    def persistent_id(self, thing: Any) -> None:
        if (
            isinstance(thing, FunctionType)
            and thing.__module__ == "__main__"
            and not hasattr(sys.modules["__main__"], "__file__")
        ):
            raise pickle.PicklingError(f"{thing.__name__} is defined in a notebook or console")


def check_importable(system: System) -> None:
    """Raise ModelError for a system with functions that other processes cannot import."""
    try:
        _Importable(BytesIO()).dump(system)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ModelError(
            f"the system cannot be sent to worker processes ({error}): functions in it must be "
            f"importable, so define them with def at the top of a module or script, "
            f"or run with workers=0"
        ) from error
