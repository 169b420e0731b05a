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

#: Types of the argument ``progress`` of a run.
Progress = bool | Callable[[Any], Any] | None

# Least and largest number of seconds between lines. The first comes early, for its estimate of
# the time left; the interval doubles until the next tenth of the work is done.
LEAST, FIRST, MOST = 10.0, 30.0, 600.0
# Between calls of a user's function: a second, and this multiple of the last call's duration.
_CALLS, _SHARE = 1.0, 10.0


def progress_bar(total: int, progress: bool | None, unit: str = "step", done: int = 0) -> Any:
    """Progress display of some work: a context manager with ``update(n=1)``.

    Parameters
    ----------
    total
        Total number of units of work.
    progress
        None: a bar on the error stream if that is a terminal, after 2 s; elsewhere lines in the
        log if that accepts them (level INFO), else nothing. True: a bar on a terminal or in a
        notebook, `Lines` elsewhere. False: nothing.
    done
        Number of units already done.
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
    """Progress shown by a user's function, called once a second, and at both ends.

    A function that takes longer than a tenth of a second uses at most a tenth of the time.

    Parameters
    ----------
    function
        A function of the running simulation.
    what
        The running simulation.
    clock
        A function that returns the time in seconds.
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
    """Write one line to the log if that accepts it, else to the error stream."""
    if LOGGER.isEnabledFor(logging.INFO):
        LOGGER.info("%s", text)
    elif sys.stderr is not None:
        try:
            print(f"hybridrd: {text}", file=sys.stderr, flush=True)
        except (OSError, ValueError) as error:  # a closed stream must not end hours of work
            LOGGER.warning("progress cannot be written: %s", error)


class Lines:
    """Progress in lines, for batch queues and files: done, time so far, time left.

    The estimate assumes the mean speed so far.

    Parameters
    ----------
    total, unit, done
        See `progress_bar`.
    last
        Whether to report the end, too.
    say
        A function that receives a line.
    clock
        A function that returns the time in seconds.
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
        """Note that more units are done, and write a line if it is time for one."""
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
    """Whether this is a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in shell.config


def _notebook_bar() -> Any:
    """The bar of a notebook; a text bar if ipywidgets is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)
        from tqdm.auto import tqdm as bar
    return bar
