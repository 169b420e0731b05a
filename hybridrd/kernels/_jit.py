"""All compiler options, in one place, and the message that something is being compiled.

``nogil`` lets threads share one compiled kernel, each on its own part of the arrays; ``cache``
keeps compiled kernels on disk. No ``fastmath``: results must not depend on how loops are cut.

No kernel is compiled anew for each constant that it is called with, and none has an entry from C.
`part` and `inlined` are for small functions that kernels call: within kernels they have no entry
from Python and no file on disk either. All that together halves the time to compile.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from numba import types
from numba.core import event

QUIET = "HYBRIDRD_QUIET"  # environment variable that silences the message
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
_njit: Any = numba.njit  # its stub does not list all options


def jit(function: Callable[..., Any]) -> Any:
    """A kernel, compiled for the types of its arguments when it is first called."""
    kernel = _njit(**_OPTIONS, cache=True)(function)
    return _by_type(kernel, kernel)


def part(function: Callable[..., Any], **options: bool) -> Any:
    """A small function that kernels call; from Python it is a kernel as any other."""
    inner = _njit(**_OPTIONS, **options, no_cpython_wrapper=True)(function)
    return _by_type(_njit(**_OPTIONS, **options, cache=True)(function), inner)


def inlined(function: Callable[..., Any]) -> Any:
    """A scalar function for loops: only what is inlined lets the loop vectorise."""
    return part(function, forceinline=True)


def _by_type(kernel: Any, inner: Any) -> Any:
    """Let kernels that call ``kernel`` have ``inner``, one for each type of arguments."""
    template = type(inner).get_call_template

    def get_call_template(args: Any, kws: Any) -> Any:
        plain = {name: types.unliteral(value) for name, value in kws.items()}
        return template(inner, tuple(types.unliteral(a) for a in args), plain)

    # What the compiler asks where a kernel is called.
    kernel.get_call_template, kernel.get_overload = get_call_template, inner.get_overload
    return kernel


class _Announcement(event.Listener):
    """One line on the error stream when the first kernel of a process is compiled.

    Numba calls it where a kernel is not on disk yet.
    """

    def __init__(self) -> None:
        self._said = QUIET in os.environ

    def on_start(self, found: event.Event) -> None:
        """Say what is compiled, and where it is kept."""
        kernel = found.data["dispatcher"]
        module, _, name = str(kernel.py_func.__module__).partition(".")
        if self._said or module != Path(__file__).parents[1].name:
            return
        self._said = True
        with suppress(OSError, ValueError, AttributeError):  # nobody may be there to read it
            sys.stderr.write(
                f"hybridrd: compiling kernels for the first time ({name}.{kernel.__name__}, ...); "
                f"they are kept in {kernel.stats.cache_path} for later runs\n"
            )
            sys.stderr.flush()

    def on_end(self, found: event.Event) -> None:
        """Nothing: later kernels are not mentioned."""


event.register("numba:compile", _Announcement())
