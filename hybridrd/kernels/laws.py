"""Rates as functions of concentrations, compiled so that kernels can call them by address.

A kernel takes an array of addresses as it takes any other numbers, so it is compiled once for all
functions. An address is good in the process that made it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core.errors import NumbaError
from numba.extending import intrinsic, overload

from hybridrd.errors import ModelError
from hybridrd.kernels._jit import jit

# Compiled functions by what they are made of; they live as long as the process.
_KNOWN: dict[tuple[Callable[..., Any], tuple[tuple[str, int], ...]], Any] = {}


@intrinsic
def _call(context, address, data):  # noqa: ARG001
    """Call the compiled function at an address with a pointer to numbers."""

    def generate(context, builder, signature, arguments):  # noqa: ARG001
        number = ir.DoubleType()
        function = ir.FunctionType(number, [number.as_pointer()]).as_pointer()
        pointer = builder.inttoptr(arguments[1], number.as_pointer())
        return builder.call(builder.inttoptr(arguments[0], function), [pointer])

    return types.float64(types.int64, types.uintp), generate


@jit
def rate_at(address, c):
    """Value of the law at an address, for contiguous concentrations c ``(species,)``."""
    return _call(address, c.ctypes.data)


def _number(value: Any) -> float:
    return float(value)


@overload(_number)
def _number_of(value):  # what `numpy.where` makes of numbers is an array without dimensions
    if isinstance(value, types.Array):
        return lambda value: float(value[()])
    return lambda value: float(value)


def address_of(function: Callable[..., Any], places: Sequence[tuple[str, int]], where: str) -> int:
    """Compile a function of concentrations; the address for `rate_at`.

    Parameters
    ----------
    function
        Of concentrations by name.
    places
        The name of each argument, and its index among the species. Concentrations below 0, which a
        solver's stages may have, are taken as 0.
    where
        What it is called in messages.

    Raises
    ------
    ModelError
        If numba cannot compile it.
    """
    plain = getattr(function, "function", function)
    key = plain, tuple(places)
    if key not in _KNOWN:
        given = ", ".join(f"{name}=max(c[{index}], 0.0)" for name, index in places)
        try:
            compiled = numba.njit(error_model="numpy")(plain)
            inner = eval(f"lambda c: number(f({given}))", {"f": compiled, "number": _number})
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pointer = types.CPointer(types.float64)
                _KNOWN[key] = numba.cfunc(types.float64(pointer))(inner)
        except (NumbaError, TypeError) as error:
            raise ModelError(
                f"{where}: numba cannot compile the function ({_reason(error)}); use arithmetic, "
                f"numbers and numpy's functions of numbers in a plain def or lambda, or give the "
                f"formula as text"
            ) from error
    return int(_KNOWN[key].address)


def _reason(error: Exception) -> str:
    """The first line of numba's message that says something."""
    lines = re.sub("\x1b\\[[0-9;]*m", "", str(error)).splitlines()
    told = [line.strip() for line in lines if line.strip() and not line.startswith("Failed in")]
    return told[0][:200] if told else type(error).__name__
