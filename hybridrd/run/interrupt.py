"""Ctrl-C between two steps, never within one."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interrupt:
    """Notes the first Ctrl-C, for the run to stop after its step; the second acts at once.

    Only in the main thread, the one that Python tells of signals; elsewhere, or where Ctrl-C is
    ignored, it does nothing.

    Attributes
    ----------
    asked
        Whether there was one.
    """

    def __init__(self) -> None:
        self.asked = False
        self._former: Any = None

    def __enter__(self) -> Interrupt:
        former = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and callable(former):
            self._former = former
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            former = self._former
            self._restore()
            former(number, frame)
        self.asked = True

    def _restore(self) -> None:
        if self._former is not None:
            signal.signal(signal.SIGINT, self._former)
            self._former = None
