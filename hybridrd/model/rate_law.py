"""Rates that are functions of concentrations."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from hybridrd.arguments import LARGEST, real_array, shown
from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model.expression import Expression


@final
@dataclass(frozen=True)
class RateLaw:
    """Events per volume and time as a function of the concentrations of species.

    Parameters
    ----------
    function
        Takes concentrations by name (1/length^d), and is vectorised over them.
    where
        Name of the rate in messages.

    Examples
    --------
    >>> law = RateLaw(lambda R: 2 / (1 + R), "rate of '0 -> P'")
    >>> law.names, law.at({"R": np.array([0.0, 1.0]), "P": np.zeros(2)})
    (('R',), array([2., 1.]))
    """

    function: Callable[..., Any]
    where: str

    @property
    def names(self) -> tuple[str, ...]:
        """The species that it depends on: the function's arguments without a default.

        Raises
        ------
        ModelError
            If the arguments cannot be read or have no names.
        """
        try:
            parameters = inspect.signature(self.function).parameters.values()
        except (TypeError, ValueError) as error:
            where, given = self.where, shown(self.function)
            raise ModelError(f"{where}: the arguments of {given} cannot be read") from error
        needed = [p for p in parameters if p.default is p.empty]
        named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        if any(p.kind not in named for p in needed):
            raise ModelError(
                f"{self.where}: a function takes concentrations by the names of their species, "
                f"lambda R: 2 / (1 + R) for example; got ({', '.join(map(str, needed))})"
            )
        return tuple(p.name for p in needed)

    def at(self, concentrations: Mapping[str, Floats]) -> Floats:
        """Events per volume and time at given concentrations, arrays of one shape.

        Raises
        ------
        ModelError
            If the function fails, or returns anything but finite numbers of at least 0.
        """
        given = {name: concentrations[name] for name in self.names}
        shape = np.broadcast_shapes(*(np.shape(c) for c in concentrations.values()))
        try:
            with np.errstate(all="ignore"):
                raw = self.function(**given)
        except Exception as error:
            raise ModelError(
                f"{self.where}: the function failed on arrays ({type(error).__name__}: {error}); "
                f"functions are called with arrays, use numpy functions"
            ) from error
        values = real_array(raw, f"{self.where}: the function's values")
        try:
            result = np.broadcast_to(values, shape).copy()
        except ValueError as error:
            raise ModelError(
                f"{self.where}: the function returned shape {values.shape} for {shape}"
            ) from error
        bad = ~((result >= 0.0) & (result <= LARGEST))
        if bad.any():
            i = np.unravel_index(int(np.argmax(bad)), shape)
            place = ", ".join(f"{n} = {np.broadcast_to(c, shape)[i]:.6g}" for n, c in given.items())
            raise ModelError(
                f"{self.where}: the function gives {result[i]:.6g} at {place or 'any place'}; it "
                f"must be finite and at least 0"
            )
        return result

    @property
    def text(self) -> str | None:
        """The formula, if it was given as text."""
        return self.function.text if isinstance(self.function, Expression) else None
