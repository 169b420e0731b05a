"""The continuum of a System: concentrations of all species on the active cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats, Integers, State, stored_amounts, stored_numbers
from hybridrd.continuum._line import Line, MassActionRates, Openings
from hybridrd.continuum.baths import Baths
from hybridrd.continuum.cache import Assembly, SolverCache
from hybridrd.continuum.conditions import PeriodicWall, WallCondition, condition
from hybridrd.continuum.diffusion import Diffusion
from hybridrd.continuum.fipy_solver import assemble
from hybridrd.continuum.mass_action import MassAction
from hybridrd.continuum.spherical import SphericalDiffusion
from hybridrd.errors import ModelError
from hybridrd.model.drift import Drift, make_drift, mean_D
from hybridrd.model.functions import Value, evaluate, needs_time
from hybridrd.model.grid import AXES, Grid
from hybridrd.model.system import System
from hybridrd.model.walls import Law, Wall

Mask = NDArray[np.bool_]


class Field:
    """Concentrations ``c[species, active cell]`` (particles per length^d) and their two motions.

    Parameters
    ----------
    system
        The system; its particle region is not used here.
    dt
        Time step.
    cut
        Cells left out in addition to obstacles (the particle region, in two-way coupling), flat;
        None for none.
    solver
        ``"auto"`` or one of the kinds of `hybridrd.continuum.solvers.make_solver`.
    baths
        Baths of a simulation whose particles share them; its own by default.
    assembly
        Function that makes FiPy's systems.
    drifts
        How each species drifts, shared with the particles; its own by default.
    """

    def __init__(
        self,
        system: System,
        dt: float,
        cut: Mask | None = None,
        solver: str = "auto",
        baths: Baths | None = None,
        assembly: Assembly = assemble,
        drifts: Sequence[Drift | None] = (),
    ) -> None:
        self.system = system
        self.baths = Baths(system) if baths is None else baths
        self.grid = system.grid
        self.dt = dt
        cache = SolverCache(assembly)
        if system.obstacles is not None:
            cut = ~system.free if cut is None else cut | ~system.free
        kind = SphericalDiffusion if self.grid.radial else Diffusion
        self._drifts = list(drifts) or [make_drift(system, s) for s in system.species]
        self._time = 0.0  # of the drifts
        self._line: Line | None = None  # what compiled steps have
        self.diffusion = [
            kind(
                self.grid, mean_D(system, s), dt, conditions(system, s.name), cut, solver, cache,
                drift,
            )
            for s, drift in zip(system.species, self._drifts, strict=True)
        ]  # fmt: skip
        self.active = self.diffusion[0].active
        self.c = np.zeros((len(system.species), len(self.active)))
        # Volume of each cell; one number if all are equal.
        self.volume: float | Floats = (
            self.grid.volumes[self.active] if self.grid.radial else self.grid.volume
        )
        # Index of each cell of the domain among the active ones, -1 for others.
        self.position = np.full(self.grid.cells, -1, np.int64)
        self.position[self.active] = np.arange(len(self.active))
        self._rates = Rates(
            system, lambda: {n: x[self.active] for n, x in self.grid.coordinates().items()}
        )
        self._mass_action = mass_action(system) if system.channels else None
        # Change of each concentration by diffusion per time, known in a step with stiff reactions.
        self._drift: Floats | None = None
        # Whether contents fluctuate, so that pairs of one species react by n (n - 1).
        self.fluctuates = False
        self._walls = [WallValues(system, s, self.grid, self.baths) for s in system.names]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the species, in order."""
        return self.system.names

    def start(self, species: int, c: Floats) -> None:
        """Set a species to a concentration on all cells, ``(cells,)``."""
        self.c[species] = c[self.active]

    def restart(self) -> bool:
        """Go back to before `start`; whether it can. Baths are the simulation's."""
        self._drift = None
        for diffusion in self.diffusion:
            diffusion.fallbacks = 0
        return True

    def show(self) -> None:
        """There is no user's continuum to inform."""

    def user_cells(self) -> Floats:
        """A field of the package has no cells of its own. Raises ModelError."""
        raise ModelError("the continuum is the package's; its cells are in `concentration`")

    def scale_pairs(self, factors: Mapping[int, Floats]) -> None:
        """Multiply the rates of some channels by factors on all cells, ``(cells,)``."""
        self._rates.scale({r: f[self.active] for r, f in factors.items()})

    def described(self) -> dict[str, Any]:
        """Solvers, and the steps in which implicit Euler kept a species from becoming negative."""
        solvers = {n: d.name for n, d in zip(self.system.names, self.diffusion, strict=True)}
        fallbacks = sum(d.fallbacks for d in self.diffusion)
        return {"solvers": solvers, "implicit_euler_steps": fallbacks}

    def concentration(self) -> Floats:
        """All species on all cells, 0 where there is no continuum; ``(species, cells)``."""
        return self.spread(self.c)

    def spread(self, c: Floats) -> Floats:
        """Concentrations on the active cells as those on all cells, ``(species, cells)``."""
        if len(self.active) == self.grid.cells:
            return c.copy()
        result = np.zeros((len(c), self.grid.cells))
        result[:, self.active] = c
        return result

    def full(self, species: int) -> Floats:
        """The field of a species on all cells, 0 where it has none; ``(cells,)``."""
        if len(self.active) == self.grid.cells:
            return np.array(self.c[species])
        result = np.zeros(self.grid.cells)
        result[self.active] = self.c[species]
        return result

    def shares(self, credit: NDArray[np.int64], at_plane: bool) -> Floats:  # noqa: ARG002
        """Numbers in cells of the domain ``(species, cells)`` as those in the active cells."""
        return np.asarray(credit[:, self.active], np.float64)

    def amounts(self) -> Floats:
        """Integral of each species over the active cells, ``(species,)``."""
        return np.asarray((self.c * self.volume).sum(axis=1))

    def rates(self, step: int) -> Floats:
        """Macroscopic rates in the middle of a step, ``(reactions,)`` or one per cell."""
        return self._rates.at((step + 0.5) * self.dt)

    def grain(self, cell: int) -> tuple[float, float, float]:
        """Fluctuation of the content of a cell, see `MassAction.step`."""
        if not self.fluctuates:
            return 0.0, 0.0, 1.0
        return 1.0 / float(np.broadcast_to(self.volume, self.c.shape[1:])[cell]), 0.0, 1.0

    def react_partly(self, step: int, owed: Floats) -> None:
        """A quarter of a step of reactions, else as `react`, apart from diffusion if stiff."""
        assert self._mass_action is not None
        k = self.rates(step)
        if not (self.fluctuates and self.grid.radial):
            self.c = self._mass_action.step(self.c, k, 0.25 * self.dt, None, self.grain(0), owed)
            return
        for i in range(self.c.shape[1]):  # cells of different volumes
            here = slice(i, i + 1)
            rates = k if k.ndim == 1 else k[:, here]
            self.c[:, here] = self._mass_action.step(
                self.c[:, here], rates, 0.25 * self.dt, None, self.grain(i), owed[:, here]
            )

    def react(self, step: int, owed: Floats | None = None) -> None:
        """Half a step of reactions, with the rates at the middle of the step.

        Debts ``owed`` by the cells (a concentration, ``(species, active)``) react with them, and
        the field is reduced by their products.
        """
        if self._mass_action is not None:
            k = self.rates(step)
            known, self._drift = self._drift, None
            self.c = self._mass_action.step(
                self.c, k, 0.5 * self.dt, None, self.grain(0), owed,
                partial(self._predicted, step) if known is None else lambda: known,
                after=known is not None,
            )  # fmt: skip
        elif owed is not None:
            self.c -= owed

    def diffuse(
        self, step: int, source: Floats | None = None, noisy: bool = False, slack: float = 0.0
    ) -> None:
        """A step of diffusion, of second order; with noise implicit Euler, maybe negative.

        Parameters
        ----------
        step
            Number of the step; wall values are those at its middle.
        source
            Amount added to each cell during the step, ``(species, active)``, as a concentration.
        slack
            See `hybridrd.continuum.diffusion.Diffusion.step`.
        """
        t = (step + 0.5) * self.dt
        self._carry(t)
        start = None if self._drift is None else self.c.copy()
        for s, diffusion in enumerate(self.diffusion):
            walls = self._walls[s]
            given = None if source is None else source[s]
            inflow = walls.influx(t, partial(self._most, s))
            if inflow is not None:
                gain = inflow[self.active] * (self.dt / self.volume)
                given = gain if given is None else given + gain
            baths = list(self.baths.of(s))
            before = self.c[s].copy() if baths else self.c[s]
            first = [bath.amount for _, bath in baths]
            # Baths are evaluated at the middle of the step, extrapolated from their contents.
            for part in (0.5, 1.0) if baths else (1.0,):
                held = walls.held(t)
                if noisy:
                    self.c[s] = diffusion.backward_euler(before, given, held)
                else:
                    self.c[s] = diffusion.step(before, given, held, slack)
                for (side, bath), amount in zip(baths, first, strict=True):
                    gained = float(diffusion.last_flux[side_of_box(self.system, side)].sum())
                    bath.amount = amount + part * self.dt * gained
        if start is not None:
            self._drift = (self.c - start) / self.dt

    def _carry(self, t: float) -> list[int]:
        """Take the drifts that depend on time as they are at t; the species whose do."""
        changed = []
        for s, drift in enumerate(self._drifts):
            if drift is not None and drift.later is not None and t != self._time:
                self._drifts[s] = now = drift.later(t)
                assert now is not None
                self.diffusion[s].carry(now)
                changed.append(s)
        self._time = t
        return changed

    def line(
        self,
        owed: Floats,
        credit: NDArray[np.int64],
        overdrafts: NDArray[np.int64],
        openings: Openings,
        slack: float,
    ) -> tuple[Line, MassActionRates | None] | None:
        """The field for compiled steps; None if it is not a line that they can treat.

        They cannot treat functions of time, drains, baths, and
        the middle of a step whose reactions are stiff.
        """
        if self.grid.dimension > 1 or self.grid.radial or self.baths or self._drift is not None:
            return None
        stages = [d.factors() for d in self.diffusion]
        if self._rates.in_time or not all(w.steady for w in self._walls):
            return None
        species, n = self.c.shape
        if any(stage is None for stage in stages):
            return None
        diagonal, off, upper, inflow, gain = np.zeros((5, species, n))
        scale = np.zeros(species)
        feeds, gains, closed, tilted = np.zeros((4, species), np.bool_)
        propagator, rates = np.zeros((0, 0)), None
        if self._mass_action is not None:
            action = self._mass_action
            reacting = action.compiled(self._rates.at(0.0), 0.5 * self.dt)
            if reacting is None:
                return None
            propagator, rate = reacting
            if rate is not None:
                rates = MassActionRates(rate, action.sites, action.change, self.grain(0))
        still = np.array([d.D == 0 for d in self.diffusion])
        line = Line(
            self.c, owed, credit, self.active.astype(np.int64), float(self.volume), diagonal, off,
            upper, tilted, scale, inflow, feeds, gain, gains, still, closed, slack, propagator,
            overdrafts, openings, np.zeros((8, species, n)),
        )  # fmt: skip
        for s in range(species):
            self._fill(line, s)
        self._line = line
        return line, rates

    def _fill(self, line: Line, s: int) -> None:
        """Let compiled steps have the matrix of a species, and what walls add to it."""
        stage = self.diffusion[s].factors()
        assert stage is not None
        for rows, found in (
            (line.diagonal, stage.diagonal), (line.off, stage.off), (line.upper, stage.upper)
        ):  # fmt: skip
            rows[s, : len(found)] = found
        line.scale[s], line.closed[s], line.tilted[s] = stage.scale, stage.closed, stage.tilted
        fed = self.diffusion[s].inflow(self._walls[s].held(0.0))
        given = self._walls[s].influx(0.0, partial(self._most, s))
        if fed is not None:
            line.inflow[s], line.feeds[s] = fed, True
        if given is not None:
            line.gain[s], line.gains[s] = given[self.active] * (self.dt / self.volume), True

    def carry(self, step: int) -> bool:
        """Take drifts as they are in a step, also for compiled ones; whether these still can."""
        changed = self._carry((step + 0.5) * self.dt)
        if self._line is None or not changed:
            return True
        if any(self.diffusion[s].factors() is None for s in changed):
            return False
        for s in changed:
            self._fill(self._line, s)
        return True

    def _predicted(self, step: int) -> Floats:
        """Change per time by diffusion from the current concentrations in this step."""
        t = (step + 0.5) * self.dt
        self._carry(t)
        self._drift = np.empty_like(self.c)
        for s, diffusion in enumerate(self.diffusion):
            inflow = self._walls[s].influx(t, partial(self._most, s))
            given = None if inflow is None else inflow[self.active] * (self.dt / self.volume)
            new = diffusion.step(self.c[s], given, self._walls[s].held(t), slack=np.inf)
            self._drift[s] = (new - self.c[s]) / self.dt
        return self._drift

    def _most(self, species: int, side: str) -> Floats:
        """Largest removal by a drain per area and time from the cells along a wall, 0 if cut off.

        The flux to an absorbing wall, ``2 D c/h``, or the content of the cell if that is less.
        """
        full = np.maximum(self.full(species), 0.0)
        h = self.grid.spacing[AXES.index(side[0])]
        # Several walls may drain the same cell.
        all_of_it = h / self.dt / len(self.system.walls)
        drift = self._drifts[species]
        D = self.diffusion[species].D if drift is None else drift.D_at(side)
        rate = np.minimum(2.0 * D / h, all_of_it)
        return np.asarray(rate * full[_wall_cells(self.grid, side)])

    def state(self) -> State:
        """Concentrations and the number of implicit Euler steps, as arrays by name."""
        fallbacks = np.array([d.fallbacks for d in self.diffusion])
        return {"field/c": self.c.copy(), "field/fallbacks": fallbacks}

    def load_state(self, state: State) -> None:
        """The inverse of `state`. Raises ResultError if something is missing or invalid."""
        self.c = stored_amounts(state, "field/c", self.c.shape)
        counts = stored_numbers(state, "field/fallbacks", (len(self.diffusion),), least=0)
        for diffusion, count in zip(self.diffusion, counts, strict=True):
            diffusion.fallbacks = int(count)

    def wall_flux(self, species: int, wall: str, part: Mask) -> float:
        """Amount per time that left through part of a wall in the last step.

        ``part`` says which face cells count (flat).
        """
        walls = self._walls[species]
        flux = self.diffusion[species].last_flux.get(wall)
        outward = 0.0 if flux is None else float(flux[part].sum())
        return outward - walls.total_influx(wall, part)

    def face_flux(self, species: int, axis: int, inside: Integers, outside: Integers) -> float:
        """Amount per time through faces between cells in the last step, from inside to outside."""
        return self.diffusion[species].face_flux(axis, inside, outside)

    def plane_flux(self, species: int, axis: int, face_index: int, part: Mask) -> float:
        """Amount per time through part of a plane of cell faces in the last step, towards +axis."""
        flux = self.diffusion[species].plane_flux(axis, face_index)
        return float(flux[part].sum())


def conditions(system: System, name: str) -> Mapping[str, WallCondition]:
    """Conditions of the PDE of one species, by wall."""
    return {
        side: PeriodicWall() if wall.joined else condition(law)
        for side, wall, law in laws(system, name)
    }


def laws(system: System, name: str) -> Iterator[tuple[str, Wall, Law]]:
    """The named walls, by the sides of a box, and the laws of a species, per area."""
    grid = system.grid
    for side, wall in system.walls.items():
        axis, upper = system.domain.place(side)
        plane = (grid.upper if upper else grid.lower)[axis]
        law = wall.law(name)
        law = law._replace(kappa=law.kappa / grid.kappa_area(axis, plane))
        yield side_of_box(system, side), wall, law


def side_of_box(system: System, side: str) -> str:
    """The name that a wall has on a box: ``x-`` for the inner sphere of a shell."""
    axis, upper = system.domain.place(side)
    return AXES[axis] + "-+"[upper]


def mass_action(system: System) -> MassAction:
    """The reactions of a system in a cell."""
    shape = (len(system.channels), len(system.species))
    reactants, products = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for r, reaction in enumerate(system.channels):
        for name in reaction.reactants:
            reactants[r, system.index(name)] += 1
        for name in reaction.products:
            products[r, system.index(name)] += 1
    laws = [
        None if law is None else (law, [system.index(name) for name in law.names])
        for law in (reaction.law for reaction in system.channels)
    ]
    return MassAction(reactants, products, laws)


class Rates:
    """Macroscopic rates on cells at ``coordinates``; functions of t are evaluated once a step."""

    def __init__(self, system: System, coordinates: Callable[[], dict[str, Floats]]) -> None:
        self._labels = [r.label for r in system.channels]
        self._values = [r.macroscopic(system.dimension) for r in system.channels]
        self._varies = any(callable(v) for v in self._values)
        self._in_time = any(needs_time(v) for v in self._values)
        self._coordinates = coordinates() if self._varies else {}
        self._known = np.zeros(0)
        self._time = np.nan
        self._factors: dict[int, Floats] = {}

    @property
    def in_time(self) -> bool:
        """Whether one is a function of time."""
        return self._in_time

    def scale(self, factors: dict[int, Floats]) -> None:
        """Multiply the rates of some channels by factors on the active cells."""
        self._factors = {r: f for r, f in factors.items() if (f != 1.0).any()}
        self._time = np.nan

    def at(self, t: float) -> Floats:
        """``(reactions,)``, or ``(reactions, active)`` if a rate is a function."""
        if np.isnan(self._time) or (self._in_time and t != self._time):
            self._time = t
            if self._varies:
                rows = [
                    evaluate(v, self._coordinates, t, f"rate of {label!r}")
                    for v, label in zip(self._values, self._labels, strict=True)
                ]
                self._known = np.array(rows)
            else:
                self._known = np.array(self._values, dtype=float)
            if self._factors:
                size = len(next(iter(self._factors.values())))
                spread = self._known if self._varies else self._known[:, None]
                self._known = np.broadcast_to(spread, (len(spread), size)).copy()
                for r, factor in self._factors.items():
                    self._known[r] *= factor
        return self._known


class WallValues:
    """Concentrations and influxes at the walls, for one species."""

    def __init__(self, system: System, name: str, grid: Grid, baths: Baths) -> None:
        self._held: dict[str, Value] = {}
        self._influx: dict[str, Value] = {}
        self._share: dict[str, Any] = {}  # fraction that reaches the cells
        self._where = name
        for side, _, law in laws(system, name):
            if law.outside is not None:
                self._held[side] = law.outside
            elif law.held:
                self._held[side] = 0.0
            if law.influx is not None:
                width = grid.spacing[AXES.index(side[0])]
                species = system.species[system.index(name)]
                self._influx[side] = law.influx
                drift = make_drift(system, species)
                rise = 0.0 if drift is None else drift.outward(side)
                D = species.D if drift is None else drift.D_at(side)
                self._share[side] = condition(law).share(D, width, rise)
        for wall, bath in baths.of(system.index(name)):
            self._held[side_of_box(system, wall)] = bath.beyond
        used = [*self._held, *self._influx]
        self._coordinates = {side: face_coordinates(grid, side) for side in used}
        self._grid = grid
        self._cells = {side: _wall_cells(grid, side) for side in self._influx}
        self._constant = not any(needs_time(v) for v in [*self._held.values()])
        #: Whether nothing at the walls depends on time.
        self.constant = self._constant and not any(map(needs_time, self._influx.values()))
        self._known: dict[str, Floats] | None = None
        self._through: dict[str, Floats] = {}  # influx of the last step, per area

    @property
    def steady(self) -> bool:
        """Whether nothing varies in time, and no wall drains."""
        values = [*self._held.values(), *self._influx.values()]
        return not any(needs_time(v) for v in values) and all(
            (self._value(v, side, 0.0, -np.inf) >= 0).all() for side, v in self._influx.items()
        )

    def held(self, t: float) -> dict[str, Floats]:
        """Concentration on each wall with a given one, per face cell."""
        if self._known is None or not self._constant:
            self._known = {side: self._value(v, side, t) for side, v in self._held.items()}
        return self._known

    def _value(self, value: Value, side: str, t: float, minimum: float = 0.0) -> Floats:
        coordinates, count = self._coordinates[side]
        return evaluate(value, coordinates, t, f"wall {side}, {self._where}", count, minimum)

    def influx(self, t: float, most: Callable[[str], Floats]) -> Floats | None:
        """Amount per time that enters each cell of the domain, None without an influx wall.

        A drain takes no more than ``most`` per area, by wall.
        """
        if not self._influx:
            return None
        rate = np.zeros(self._grid.cells)
        for side, value in self._influx.items():
            J = self._share[side] * self._value(value, side, t, minimum=-np.inf)
            if (J < 0).any():
                J = np.maximum(J, np.minimum(-most(side), 0.0))
            self._through[side] = J
            rate[self._cells[side]] += _wall_area(self._grid, side) * J
        return rate

    @property
    def fed(self) -> list[str]:
        """Walls with an influx."""
        return list(self._influx)

    def per_area(self, t: float) -> dict[str, Floats]:
        """Amount per time that enters through each face cell of the walls with an influx."""
        return {
            side: _wall_area(self._grid, side)
            * self._share[side]
            * self._value(value, side, t, minimum=-np.inf)
            for side, value in self._influx.items()
        }

    def total_influx(self, side: str, part: Mask) -> float:
        """Amount per time that entered through part of a wall in the last step."""
        if side not in self._through:
            return 0.0
        return float(_wall_area(self._grid, side) * self._through[side][part].sum())


def face_coordinates(grid: Grid, side: str) -> tuple[dict[str, Floats], int]:
    """Coordinates of the centres of a wall's face cells, flat, and their number."""
    axis = AXES.index(side[0])
    others = [a for a in range(grid.dimension) if a != axis]
    if not others:
        return {}, 1
    mesh = np.meshgrid(*(grid.centers(a) for a in others), indexing="ij")
    flat = {AXES[a]: m.ravel(order="F") for a, m in zip(others, mesh, strict=True)}
    return flat, mesh[0].size


def _wall_area(grid: Grid, side: str) -> float:
    """Area of a face cell of a wall."""
    axis = AXES.index(side[0])
    return grid.plane_area(axis, (grid.lower if side[1] == "-" else grid.upper)[axis])


def _wall_cells(grid: Grid, side: str) -> NDArray[np.int64]:
    """Flat indices of the cells at a wall, first tangential axis fastest."""
    axis = AXES.index(side[0])
    index = np.arange(grid.cells).reshape(grid.shape[::-1])
    layer = np.take(index, 0 if side[1] == "-" else grid.shape[axis] - 1, axis=-1 - axis)
    return np.asarray(layer.ravel(), np.int64)
