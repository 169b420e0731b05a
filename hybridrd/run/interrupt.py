"""Interruption by Ctrl-C or SIGTERM: between two steps, never within one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Terminated(KeyboardInterrupt):
    """SIGTERM, as sent by batch queues; treated like Ctrl-C."""


SIGNALS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


class Interrupt:
    """Handler that notes the first Ctrl-C or SIGTERM, so that the run stops after its step.

    A second signal acts at once. It works only in the main thread, where Python delivers signals;
    in other threads, or if a signal is ignored, it does nothing.

    Attributes
    ----------
    asked
        Exception to raise after the run has stopped; None without a signal.
    """

    def __init__(self) -> None:
        self.asked: type[KeyboardInterrupt] | None = None
        self._former: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                former = signal.getsignal(number)
                if callable(former) or former == signal.SIG_DFL:
                    self._former[number] = former
                    signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked is not None:
            former = self._former[number]
            self._restore()
            if callable(former):
                former(number, frame)
            else:
                os.kill(os.getpid(), number)
        self.asked = SIGNALS[signal.Signals(number)]

    def _restore(self) -> None:
        for number, former in self._former.items():
            signal.signal(number, former)
        self._former = {}


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """Let SIGTERM raise `Terminated` while a block runs, so that everything is cleaned up.

    If a program has its own handler, or in other threads, nothing changes.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise Terminated("Terminated.")

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
