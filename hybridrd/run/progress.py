"""Progress of long work: a bar on a terminal, lines elsewhere, on request."""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, Self

from tqdm import TqdmWarning, tqdm

from hybridrd.arguments import answer
from hybridrd.run.log import LOGGER

#: What a run takes as ``progress``.
Progress = bool | Callable[[Any], Any] | None

# Seconds between lines: at least so many, and at most. The first comes early, for its estimate of
# the time left; from one to the next that no tenth of the work has caused the time doubles.
LEAST, FIRST, MOST = 10.0, 30.0, 600.0
# Between calls of a user's function: a second, and so many times what the last one took.
_CALLS, _SHARE = 1.0, 10.0


def progress_bar(total: int, progress: bool | None, unit: str = "step", done: int = 0) -> Any:
    """What says how far work is: a context manager with ``update(n=1)``.

    Parameters
    ----------
    total
        How much there is to do, in units.
    progress
        None: a bar on the error stream if that is a terminal, after 2 s; elsewhere lines in the
        log if that takes them (level INFO), else nothing. True: a bar on a terminal or in a
        notebook, `Lines` elsewhere. False: nothing.
    done
        How much is done already.
    """
    terminal = sys.stderr is not None and sys.stderr.isatty()
    logs = LOGGER.isEnabledFor(logging.INFO)
    quiet = progress is False or not (progress or terminal or logs)
    if not quiet and not terminal:
        if not (progress and in_notebook()):
            return Lines(total, unit, done, last=bool(progress))
        return _notebook_bar()(total=total, unit=unit, initial=done)
    return tqdm(
        total=total, unit=unit, initial=done, disable=quiet,
        delay=0 if progress else 2, leave=bool(progress),
    )  # fmt: skip


class Watched:
    """Progress that a function of the user's shows: called once a second, and at both ends.

    A function that takes longer than a tenth of a second is called for a tenth of the time.

    Parameters
    ----------
    function
        Called with what runs.
    what
        What runs.
    clock
        What tells the time in seconds.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        what: Any,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._function, self._what, self._clock = function, what, clock
        self._next = 0.0

    def __enter__(self) -> Self:
        self._call()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._call()

    def update(self, n: int = 1) -> None:  # noqa: ARG002
        """Call the function if it is time."""
        if self._clock() >= self._next:
            self._call()

    def _call(self) -> None:
        began = self._clock()
        answer(self._function, "progress", self._what)
        ended = self._clock()
        self._next = ended + max(_CALLS, _SHARE * (ended - began))


def say(text: str) -> None:
    """One line to the log if that takes it, else to the error stream."""
    if LOGGER.isEnabledFor(logging.INFO):
        LOGGER.info("%s", text)
    elif sys.stderr is not None:
        try:
            print(f"hybridrd: {text}", file=sys.stderr, flush=True)
        except (OSError, ValueError) as error:  # a stream that went away must not end hours of work
            LOGGER.warning("progress cannot be written: %s", error)


class Lines:
    """Progress in lines, for batch queues and files: done, time so far, time left.

    The estimate takes the mean speed since the start for that of the rest.

    Parameters
    ----------
    total, unit, done
        As of `progress_bar`.
    last
        Whether to say the end, too.
    say
        What takes a line.
    clock
        What tells the time in seconds.
    """

    def __init__(
        self,
        total: int,
        unit: str,
        done: int = 0,
        last: bool = True,
        say: Callable[[str], None] = say,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.n = self._start = done
        self._total, self._unit, self._write, self._clock = total, unit, say, clock
        self._last = last
        self._began = self._said = clock()
        self._tenths = self._tenths_done()
        self._pause = FIRST

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._last and self.n > self._start:
            ended = "done" if self.n >= self._total else "stopped"
            self._write(f"{self._done()}, {ended} in {_shown(self._clock() - self._began)}")

    def update(self, n: int = 1) -> None:
        """Note that so much more is done; a line if it is time for one."""
        self.n += n
        now = self._clock()
        silent = now - self._said
        if silent < LEAST or self.n >= self._total or self.n == self._start:
            return
        if silent >= self._pause:
            self._pause = min(2.0 * self._pause, MOST)
        elif self._tenths_done() == self._tenths:
            return
        so_far = now - self._began
        left = so_far * (self._total - self.n) / (self.n - self._start)
        self._write(f"{self._done()}, {_shown(so_far)} so far, about {_shown(left)} left")
        self._said, self._tenths = now, self._tenths_done()

    def _tenths_done(self) -> int:
        return 10 * self.n // max(1, self._total)

    def _done(self) -> str:
        percent = 100 * self.n // max(1, self._total)
        return f"{percent} % ({self.n:,} of {self._total:,} {self._unit}s)"


def _shown(seconds: float) -> str:
    """A duration as ``mm:ss`` or ``h:mm:ss``."""
    return str(tqdm.format_interval(seconds))


def in_notebook() -> bool:
    """Whether this is a kernel of Jupyter."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in shell.config


def _notebook_bar() -> Any:
    """The bar of a notebook; one of text where ipywidgets is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)
        from tqdm.auto import tqdm as bar
    return bar
