"""Guard of a running simulation, which admits one caller at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hybridrd.errors import HybridrdError


class Guard:
    """Lock that refuses to step, run, set or save a simulation while another call changes it.

    A run holds the guard from its start to its end. Its own steps are admitted; observers and
    stop conditions, which it calls between steps, may read and save, but not change anything.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs_in: int | None = None  # the thread of a run
        self._admitted = False  # the next call of `step` comes from the run itself
        self._changing = False

    @contextmanager
    def running(self, what: str) -> Iterator[None]:
        """Hold the guard for a run. Raises HybridrdError if something else holds it."""
        with self._held(what):
            self._runs_in = threading.get_ident()
            try:
                yield
            finally:
                self._runs_in = None

    def admit(self, step: Callable[[int], None], number: int) -> None:
        """Take steps of the run that holds the guard."""
        self._admitted = True
        try:
            step(number)
        finally:
            self._admitted = False

    def changing(self, what: str) -> Change:
        """Hold the guard for one change, a step. Raises HybridrdError if something else does."""
        return Change(self, what)

    def enter(self, what: str) -> bool:
        """Begin a change; whether it took the lock, as steps of the run that holds it don't."""
        inside = self._admitted and self._runs_in == threading.get_ident()
        if not inside:
            self._take(what)
        self._admitted, self._changing = False, True
        return not inside

    def leave(self, locked: bool) -> None:
        """End a change, and release the lock if it took it."""
        self._changing = False
        if locked:
            self._lock.release()

    def check_still(self, what: str) -> None:
        """Refuse to read a state while it is being changed. Raises HybridrdError."""
        elsewhere = self._lock.locked() and self._runs_in != threading.get_ident()
        if self._changing or elsewhere:
            raise HybridrdError(_refusal(what))

    def check_idle(self, what: str) -> None:
        """Refuse to set a state while anything runs. Raises HybridrdError."""
        if self._lock.locked():
            raise HybridrdError(_refusal(what))

    @contextmanager
    def _held(self, what: str) -> Iterator[None]:
        self._take(what)
        try:
            yield
        finally:
            self._lock.release()

    def _take(self, what: str) -> None:
        if not self._lock.acquire(blocking=False):
            raise HybridrdError(_refusal(what))


class Change:
    """Context of one change; a class for speed, since it is entered in every step."""

    __slots__ = ("_guard", "_locked", "_what")

    def __init__(self, guard: Guard, what: str) -> None:
        self._guard, self._what = guard, what

    def __enter__(self) -> None:
        self._locked = self._guard.enter(self._what)

    def __exit__(self, *_: object) -> None:
        self._guard.leave(self._locked)


def _refusal(what: str) -> str:
    return (
        f"{what}: this simulation is running; observers and stop conditions may read it and "
        f"write checkpoints, another thread may not: create a Simulation for each"
    )
