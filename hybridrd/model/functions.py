"""Functions of position and time as rates, reservoirs and initial states.

A function names its arguments: any of ``x, y, z, r, t``, and is vectorised over them,
``lambda y, t: 2 + np.sin(y - t)``. Without ``t`` it is sampled once, with ``t`` in every step.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from hybridrd.arguments import LARGEST, real_array, shown
from hybridrd.arrays import Floats
from hybridrd.errors import ModelError

ARGUMENTS = ("x", "y", "z", "r", "t")
Value: TypeAlias = float | Callable[..., Any]


def arguments(function: Callable[..., Any], where: str) -> tuple[str, ...]:
    """Names of a function's arguments, each one of ``x, y, z, r, t``.

    Raises
    ------
    ModelError
        If the function takes an argument of another name, or ``*args``.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise ModelError(f"{where}: the arguments of {shown(function)} cannot be read") from error
    needed = [p for p in parameters if p.default is p.empty]
    unnamed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
    variadic = any(p.kind in unnamed or p.kind is p.VAR_KEYWORD for p in needed)
    unknown = [p.name for p in needed if p.name not in ARGUMENTS]
    if variadic or unknown:
        given = ", ".join(p.name for p in needed)
        raise ModelError(
            f"{where}: the arguments of a function are any of x, y, z, r, t, by name; got ({given})"
        )
    return tuple(p.name for p in parameters if p.name in ARGUMENTS)


def needs_time(value: Value) -> bool:
    """Whether a value is a function of time."""
    return callable(value) and "t" in inspect.signature(value).parameters


def scaled(value: Value, factor: float) -> Value:
    """A number or function times a factor, with the same arguments."""
    if not callable(value):
        return factor * value
    if factor == 1.0:
        return value
    function = value

    @functools.wraps(function)
    def product(**given: Any) -> Any:
        return factor * np.asarray(function(**given))

    return product


def check_function(value: Callable[..., Any], coordinates: tuple[str, ...], where: str) -> None:
    """Refuse a function of a coordinate that the domain does not have. Raises ModelError."""
    absent = [a for a in arguments(value, where) if a != "t" and a not in coordinates]
    if absent:
        raise ModelError(
            f"{where}: the function takes {', '.join(absent)}, "
            f"but the coordinates here are {', '.join(coordinates) or 'none'} (and t)"
        )


def evaluate(
    value: Value,
    coordinates: Mapping[str, Floats],
    t: float,
    where: str,
    size: int | None = None,
    minimum: float = 0.0,
) -> Floats:
    """Values of a number or function at points, shape ``(size,)``.

    Parameters
    ----------
    value
        A number, or a function of some of ``x, y, z, r, t``.
    coordinates
        Arrays of shape ``(size,)`` by name (length).
    t
        Time.
    where
        Name of the value in messages.
    size
        Number of points; by default that of the coordinates.
    minimum
        The least admissible value.

    Raises
    ------
    ModelError
        If the function fails, or returns the wrong shape, booleans, complex numbers, text
        or objects, or a value that is not finite or is below ``minimum``.
    """
    if size is None:
        size = len(next(iter(coordinates.values()))) if coordinates else 1
    if not callable(value):
        return np.full(size, float(value))
    names = arguments(value, where)
    try:
        raw = value(**{n: t if n == "t" else coordinates[n] for n in names})
    except Exception as error:
        raise ModelError(
            f"{where}: the function failed on arrays ({type(error).__name__}: {error}); "
            f"functions are called with arrays, use numpy functions"
        ) from error
    given = real_array(raw, f"{where}: the function's values")
    try:
        result = np.broadcast_to(given, (size,)).copy()
    except ValueError as error:
        raise ModelError(
            f"{where}: the function returned shape {given.shape} for {size} points"
        ) from error
    bad = ~((np.abs(result) <= LARGEST) & (result >= minimum))
    if bad.any():
        i = int(np.argmax(bad))
        place = ", ".join(f"{n}={coordinates[n][i]:.6g}" for n in coordinates)
        raise ModelError(
            f"{where}: the function gives {result[i]:.6g} at {place or 'the wall'}, t={t:.6g}; "
            f"it must be finite{f' and at least {minimum:g}' if np.isfinite(minimum) else ''}"
        )
    return result
