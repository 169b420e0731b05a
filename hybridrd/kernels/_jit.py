"""All compiler options, in one place.

``nogil`` lets threads share one compiled kernel, each on its own part of the arrays; ``cache``
keeps compiled kernels on disk. No ``fastmath``: results must not depend on how loops are cut.

Most of the time to compile goes into entries from Python and C, and into one copy of a function
for each constant that it is called with. Kernels that other kernels call therefore have a second,
inner form, without an entry, without a file of its own on disk, and for types of arguments only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba import types

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}


def _compiled(function: Callable[..., Any], **options: bool) -> Any:
    njit: Any = numba.njit  # its stub does not list all options
    outer = njit(**_OPTIONS, **options, cache=True)(function)
    inner = njit(**_OPTIONS, **options, no_cpython_wrapper=True)(function)

    def get_call_template(args: Any, kws: Any) -> Any:
        plain = {name: types.unliteral(value) for name, value in kws.items()}
        return inner.get_call_template(tuple(types.unliteral(a) for a in args), plain)

    # What the compiler asks when a kernel is called by another one.
    outer.get_call_template, outer.get_overload = get_call_template, inner.get_overload
    return outer


def jit(function: Callable[..., Any]) -> Any:
    """A kernel compiled for the types of its arguments when it is first called."""
    return _compiled(function)


def inlined(function: Callable[..., Any]) -> Any:
    """A scalar function for loops: only what is inlined lets the loop vectorise."""
    return _compiled(function, forceinline=True)
