"""Field of a user's continuum, with the methods of `hybridrd.continuum.field.Field`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats
from hybridrd.continuum.field import Rates, mass_action
from hybridrd.continuum.user import Continuum
from hybridrd.coupling.user_cells import UserCells
from hybridrd.errors import ModelError, ResultError, StepError
from hybridrd.model.grid import AXES
from hybridrd.model.shell import Domain
from hybridrd.model.system import System

# Negative concentrations of this size beside the largest one are round-off.
_ROUND_OFF = 1e-9
# Names in a checkpoint.
_C, _EDGES, _MEMORY = "continuum/c", "continuum/edges/", "continuum/memory/"


class UserField:
    """Concentrations ``c[species, user cell]`` of a user's `Continuum` (particles per length^d).

    Parameters
    ----------
    continuum
        The continuum.
    system, dt
        As of the simulation.
    user_cells
        Its cells, with their maps to the grid.
    two_way
        Whether it takes part in the exchange; then its cells inside the particle region are
        unused.

    Raises
    ------
    ModelError
        If its initial concentrations are negative or have the wrong shape.
    """

    def __init__(
        self, continuum: Continuum, system: System, dt: float, user_cells: UserCells, two_way: bool
    ) -> None:
        self.continuum, self._system, self.dt = continuum, system, dt
        self._user_cells, self._two_way = user_cells, two_way
        self._play = user_cells.outside if two_way else np.ones(user_cells.cells.size, bool)
        self.volume: Floats = user_cells.cells.volumes
        self._shape = (len(system.species), *user_cells.cells.shape)
        self.c = self._started(continuum.start(system, dt))
        self._mass_action = None
        if system.channels and continuum.reactions:
            self._mass_action = mass_action(system)
            self._rates = Rates(
                system,
                lambda: {n: x[self._play] for n, x in user_cells.cells.coordinates().items()},
            )
        self.show()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the species, in order."""
        return self._system.names

    def line(self, *_: object) -> None:
        """A user's continuum is stepped by its own methods."""

    def start(self, species: int, c: Floats) -> None:
        """Refuse an initial concentration outside the region: a user's continuum sets it.

        Raises ModelError if ``c``, ``(cells,)``, is not 0.
        """
        amount = float((c * self._system.grid.volumes).sum())
        if amount > 0 and isinstance(self._system.particles, Domain):
            name, (low, high) = self.names[species], self._system.particles.intervals[0]
            raise ModelError(
                f"initial[{name!r}] puts {amount:.6g} outside the particle region, where your "
                f"continuum sets the initial concentration; restrict it to the region, as in "
                f"Patch(c, x=({low:g}, {high:g}))"
            )

    def concentration(self) -> Floats:
        """Means over the cells of the grid, ``(species, cells)``; 0 outside the user cells."""
        return self.spread(self.c)

    def spread(self, c: Floats) -> Floats:
        """Means of concentrations ``c``, ``(species, user cells)``, over the cells of the grid."""
        return np.asarray((self._user_cells.shares @ c.T).T)

    def user_cells(self) -> Floats:
        """A copy on the user cells, ``(species, nx, ny, nz)``."""
        return self.c.reshape(self._shape).copy()

    def full(self, species: int) -> Floats:
        """Means of a species over the cells of the grid, ``(cells,)``."""
        return np.asarray(self._user_cells.shares @ self.c[species])

    def shares(self, credit: NDArray[np.int64], at_plane: bool) -> Floats:
        """Distribute numbers in grid cells over the user cells, with the same sum.

        With ``at_plane`` numbers in grid cells next to a plane go to the first user cells there,
        however thin.
        """
        matrix = self._user_cells.plane_shares if at_plane else self._user_cells.shares
        return np.asarray(credit @ matrix)

    def amounts(self) -> Floats:
        """Integral of each species, ``(species,)``."""
        return np.asarray((self.c * self.volume).sum(axis=1))

    def scale_pairs(self, factors: Mapping[int, Floats]) -> None:
        """Multiply the rates of some channels by factors on the cells of the grid."""
        if self._mass_action is not None:
            means = self._user_cells.grid_means
            self._rates.scale({r: (means @ f)[self._play] for r, f in factors.items()})

    def react(self, step: int, owed: Floats | None = None) -> None:
        """Half a step of the system's reactions, unless the continuum computes them itself.

        `hybridrd.continuum.field.Field.react` explains ``owed``.
        """
        if self._mass_action is not None:
            k = self._rates.at((step + 0.5) * self.dt)
            self.c[:, self._play] = self._mass_action.step(
                np.ascontiguousarray(self.c[:, self._play]), k, 0.5 * self.dt,
                owed=None if owed is None else owed[:, self._play],
            )  # fmt: skip
        elif owed is not None:
            self.c -= owed

    def diffuse(
        self,
        step: int,
        source: Floats | None = None,
        noisy: bool = False,  # noqa: ARG002
        slack: float = 0.0,  # noqa: ARG002
    ) -> None:
        """A step of the continuum with a ``source`` (a concentration added in the step).

        Raises StepError if the result is not finite or breaks the rules of the coupling.
        """
        t = step * self.dt
        given = None if source is None else source.reshape(self._shape)
        before = self.c.reshape(self._shape)
        new = self._checked(self.continuum.step(before, t, self.dt, given), f"step at t = {t:.12g}")
        if self._two_way:
            self._check_planes(new, t)
            self._check_debts(new, self.c if source is None else self.c + source, t)
            new[:, ~self._play] = 0.0
        else:
            self._check_positive(new, t)
        self.c = new

    def described(self) -> dict[str, Any]:
        """Its class, cells and diagnostics, for the diagnostics of a result."""
        about = {"kind": type(self.continuum).__name__, "cells": list(self._user_cells.cells.shape)}
        return {"continuum": about | dict(self.continuum.diagnostics())}

    def carry(self, step: int) -> bool:  # noqa: ARG002
        """Its drifts are the user's."""
        return True

    def restart(self) -> bool:
        """It can't go back, because its state is the user's."""
        return False

    def show(self) -> None:
        """Pass the concentrations to the continuum."""
        self.continuum.show(self.user_cells())

    def state(self) -> dict[str, NDArray[Any]]:
        """Its state as arrays by name. Raises ResultError if the continuum gives none."""
        memory = self.continuum.state()
        if memory is None:
            raise ResultError(
                f"{self.continuum!r} can't be saved in a checkpoint (its state() is None); "
                f"run without checkpoint="
            )
        state: dict[str, NDArray[Any]] = {_C: self.c.copy()}
        state |= {f"{_EDGES}{a}": e.copy() for a, e in enumerate(self._user_cells.cells.edges)}
        return state | {_MEMORY + name: np.array(value) for name, value in memory.items()}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """The inverse of `state`. Raises ResultError if the cells differ."""
        for a, edges in enumerate(self._user_cells.cells.edges):
            old = state.get(f"{_EDGES}{a}")
            if old is None or not np.array_equal(old, edges):
                there = "none" if old is None else f"{len(old)} from {old[0]:.6g} to {old[-1]:.6g}"
                raise ResultError(
                    f"the continuum has other cell faces along {AXES[a]} than in the checkpoint: "
                    f"{len(edges)} from {edges[0]:.6g} to {edges[-1]:.6g}, there {there}"
                )
        if _C not in state or state[_C].shape != self.c.shape:
            raise ResultError(f"the state has no {_C!r} of the shape {self.c.shape}")
        c = state[_C]
        largest = np.abs(c).max(initial=0.0)
        if not np.isfinite(c).all() or (c < -_ROUND_OFF * largest).any():
            raise ResultError(
                f"the state has {c.min():g} in {_C!r}, which cannot be; it is damaged"
            )
        self.c = c.astype(float)
        memory = {n.removeprefix(_MEMORY): v for n, v in state.items() if n.startswith(_MEMORY)}
        self.continuum.load_state(memory)
        self.show()

    def _started(self, c: Any) -> Floats:
        new = self._checked(c, "start")
        if (new < 0).any():
            raise ModelError(
                f"{self.continuum!r}: its start has {new.min():g}; concentrations can't be below 0"
            )
        new[:, ~self._play] = 0.0
        return new

    def _checked(self, c: Any, where: str) -> Floats:
        try:
            found = np.array(c, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"{self.continuum!r}: its {where} gave {repr(c)[:60]}; give an array of numbers"
            ) from error
        if found.shape != self._shape:
            raise ModelError(
                f"{self.continuum!r}: its {where} gave the shape {found.shape}; with "
                f"{self._shape[0]} species on its cells it is {self._shape}"
            )
        if not np.isfinite(found).all():
            raise StepError(f"{self.continuum!r}: its {where} gave a value that is not finite")
        return found.reshape(self._shape[0], -1)

    def _check_planes(self, new: Floats, t: float) -> None:
        """Raise StepError if anything entered cells inside the particle region."""
        gained = (np.abs(new) * self.volume)[:, ~self._play].sum(axis=1)
        there = (np.abs(new) * self.volume).sum(axis=1)
        for name, amount, total in zip(self._system.names, gained, there, strict=True):
            if amount > _ROUND_OFF * total:
                raise StepError(
                    f"{self.continuum!r}: its step at t = {t:.12g} moved {amount:.6g} of {name} "
                    f"into cells of the particle region; in two-way coupling the equation must "
                    f"let nothing pass the planes: set its coefficients to 0 on these faces"
                )

    def _check_debts(self, new: Floats, given: Floats, t: float) -> None:
        """Raise StepError if a cell owes over one particle more than any did before the step."""
        particle = float(np.max(1.0 / self.volume[self._play]))
        for s, name in enumerate(self._system.names):
            low, high = float(new[s].min()), float(new[s].max())
            before = min(0.0, float(self.c[s].min()), float(given[s].min()))
            if low < before - particle - _ROUND_OFF * max(high, 0.0):
                raise StepError(
                    f"{self.continuum!r}: its step at t = {t:.12g} gave a concentration of "
                    f"{low:.4g} of {name}; with what was exchanged there was none below "
                    f"{before:.4g}, and one particle in the smallest cell is {particle:.4g}; use "
                    f"smaller steps, or an upwind scheme"
                )

    def _check_positive(self, new: Floats, t: float) -> None:
        low, high = new.min(axis=1), new.max(axis=1)
        for s, name in enumerate(self._system.names):
            if low[s] < -_ROUND_OFF * max(high[s], 0.0):
                raise StepError(
                    f"{self.continuum!r}: its step at t = {t:.12g} gave a concentration of "
                    f"{low[s]:.4g} of {name} (the largest is {high[s]:.4g}); use smaller cells or "
                    f"steps, or an upwind scheme"
                )
        np.maximum(new, 0.0, out=new)
