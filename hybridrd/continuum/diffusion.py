"""Second-order, positive and conservative diffusion steps from FiPy's implicit ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrd.arrays import Floats, Integers
from hybridrd.continuum.assembled import Assembled, excluded, wall_cells
from hybridrd.continuum.cache import SolverCache
from hybridrd.continuum.conditions import WallCondition, bernoulli, resolve_walls
from hybridrd.continuum.fitted import FittedAssembly
from hybridrd.continuum.solvers import TridiagonalSolver
from hybridrd.continuum.stage import G as G
from hybridrd.continuum.stage import not_finite, right_side
from hybridrd.errors import ModelError, StepError
from hybridrd.model.drift import Drift
from hybridrd.model.grid import AXES, Grid

# Negative concentrations of this size beside the largest one are round-off.
ROUND_OFF = 1e-12

Values = Mapping[str, ArrayLike]


class Factors(NamedTuple):
    """The matrix of a stage on a line, factored; see `hybridrd.continuum._line.Line`.

    Parameters
    ----------
    diagonal, off, upper
        See `hybridrd.continuum.solvers.TridiagonalSolver`.
    scale
        Volume over the length of a stage.
    closed
        Whether nothing can leave.
    """

    diagonal: Floats
    off: Floats
    upper: Floats
    scale: float
    closed: bool

    @property
    def tilted(self) -> bool:
        """Whether the matrix is not symmetric."""
        return len(self.upper) > 0


class Diffusion:
    """Diffusion of one species through the cells of the continuum.

    A step ``dt`` is two of FiPy's implicit steps of length ``g dt``, ``g = 1 - 1/sqrt(2)``, with
    one matrix: ``u1 = solve(u)``, ``u2 = solve(u + (1/g - 1)(u1 - u))``. This is the L-stable
    diagonally implicit Runge-Kutta scheme of order two; it conserves mass. It is not positive
    for fields with features sharper than ``sqrt(D dt)``: if a cell would become negative,
    the step is a single implicit Euler step instead, which is positive.

    Parameters
    ----------
    grid
        Cells of the whole box.
    D
        Diffusion coefficient (length^2/time), 0 meaning that only sources act; where it depends on
        the place, its mean.
    dt
        Step (time).
    walls
        Condition of each wall by name; a wall not named is closed.
    cut
        ``(cells,)``, true for the cells left out (the particle region).
    solver
        ``"auto"`` or a kind of `hybridrd.continuum.solvers.make_solver`.
    cache
        Cache of systems shared with other species.
    drift
        How the species moves where it drifts or D depends on the place; None elsewhere.

    Attributes
    ----------
    active
        Flat indices of the active cells; fields have one value for each.
    name
        Kind of solver chosen (``"none"`` if D is 0).
    fallbacks
        Number of steps that fell back to implicit Euler.

    Raises
    ------
    ModelError
        If ``D`` is negative, ``dt`` not positive, or walls, mask or solver do not fit the grid.

    Examples
    --------
    >>> from hybridrd.continuum.conditions import Dirichlet
    >>> line = Diffusion(Grid((0.0,), (1.0,), (50,)), D=1.0, dt=0.01, walls={"x+": Dirichlet()})
    >>> u = np.zeros(50)
    >>> for _ in range(400):
    ...     u = line.step(u, values={"x+": 2.0})
    >>> bool(np.allclose(u, 2.0, atol=1e-3)), line.name
    (True, 'tridiagonal')
    """

    def __init__(
        self,
        grid: Grid,
        D: float,
        dt: float,
        walls: Mapping[str, WallCondition] | None = None,
        cut: NDArray[np.bool_] | None = None,
        solver: str = "auto",
        cache: SolverCache | None = None,
        drift: Drift | None = None,
    ) -> None:
        if not (math.isfinite(D) and D >= 0):
            raise ModelError(f"the diffusion coefficient is {D}; it must be finite and >= 0")
        if not (math.isfinite(dt) and dt > 0):
            raise ModelError(f"the time step is {dt}; it must be a positive number")
        self.grid, self.D, self.dt = grid, D, dt
        self.walls = resolve_walls(walls, grid.dimension)
        self.fallbacks = 0
        self._cut, self._kind, self._drift = cut, solver, drift
        self._assembly = FittedAssembly()  # for drifts that change
        self._cache = SolverCache() if cache is None else cache
        self.active = np.flatnonzero(~excluded(grid, cut))
        self.name = "none"
        # The state whose fluxes are those of the last step, computed on request.
        self._mean: Callable[[], Floats] | None = None
        self._values: dict[str, Floats] = {}
        if D > 0:
            self._stage = self._cache.get(grid, D, G * dt, self.walls, cut, solver, drift)
            self.name = self._stage[1].name

    def carry(self, drift: Drift) -> None:
        """Take another drift."""
        self._drift, self._cache = drift, SolverCache(self._assembly)
        found = self._cache.get(
            self.grid, self.D, G * self.dt, self.walls, self._cut, self._kind, drift
        )
        self._stage, self.name = found, found[1].name

    def step(
        self,
        u: Floats,
        source: Floats | None = None,
        values: Values | None = None,
        slack: float = 0.0,
    ) -> Floats:
        """The concentrations after ``dt``, never negative if ``u + source`` is not.

        Parameters
        ----------
        u
            Concentrations before, ``(active,)``.
        source
            Amount added to each cell during the step, as a concentration (amount per cell
            volume); it may be negative.
        values
            Concentration held on each wall with a given one: a number, or one per face cell in
            the flat order of the wall.
        slack
            Tolerance below 0 and the minimum of ``u + source`` before the step becomes
            implicit Euler (concentration). A caller that treats negative contents as debts needs
            the linear step.

        Raises
        ------
        ModelError
            If a wall that needs a value has none, or its shape is wrong.
        StepError
            If the result is not finite.
        """
        total = u if source is None else u + source
        if self.D == 0:
            return self._still(total)
        system, solver = self._stage
        given = None if source is None else G * source
        inflow = self._inflow(system, values)
        new, mean = solver.two_stages(u, given, system.volume / system.tau, inflow)
        low, high = float(new.min()), float(new.max())
        if not math.isfinite(low + high):
            raise StepError(not_finite(u, source))
        if low < -slack - ROUND_OFF * high and low < float(total.min()) - slack:
            self.fallbacks += 1
            return self._euler(total, values, positive=True)
        self._mean = mean
        return self._settle(new, total, low)

    def backward_euler(
        self, u: Floats, source: Floats | None = None, values: Values | None = None
    ) -> Floats:
        """One implicit Euler step ``dt``, ``(1 - dt L) u_new = u + source``: first order.

        For fields with noise, which may be negative; nothing is set to 0. Parameters and errors
        are those of `step`.
        """
        total = u if source is None else u + source
        return self._still(total) if self.D == 0 else self._euler(total, values, positive=False)

    def factors(self) -> Factors | None:
        """The matrix of a stage as compiled steps take it, None if another solver was chosen."""
        if self.D == 0:
            return Factors(np.zeros(0), np.zeros(0), np.zeros(0), 0.0, False)
        system, solver = self._stage
        if not (isinstance(solver, TridiagonalSolver) and solver.plain):
            return None
        scale = float(system.volume / system.tau)
        return Factors(solver.diagonal, solver.off, solver.upper, scale, system.closed)

    def inflow(self, values: Values) -> Floats | None:
        """Contribution of walls with given values to the right-hand side of a stage."""
        return None if self.D == 0 else self._inflow(self._stage[0], values)

    @property
    def last_flux(self) -> dict[str, Floats]:
        """Amount per time that left through each face cell of each open wall in the last step."""
        fluxes: dict[str, Floats] = {}
        if self.D == 0:
            still = (w for w, c in self.walls.items() if not (c.joined or c.closed))
            return {wall: np.zeros(len(wall_cells(self.grid, wall))) for wall in still}
        system = self._stage[0]
        terms = (*system.inflow.items(), *system.absorption.items())
        if not terms:
            return fluxes
        mean = self._last()
        for wall, term in terms:
            outside = self._values[wall][term.faces] if wall in system.inflow else 0.0
            fluxes[wall] = np.zeros(len(wall_cells(self.grid, wall)))
            fluxes[wall][term.faces] = (
                term.coefficient * (mean[term.positions] - outside)
                + (term.coefficient - term.inward) * outside
            )
        return fluxes

    def plane_flux(self, axis: int, face_index: int) -> Floats:
        """Amount per time through a plane of cell faces in the last step, positive towards +axis.

        Parameters
        ----------
        axis
            0, 1 or 2.
        face_index
            The plane lies between the cells ``face_index - 1`` and ``face_index``; 0 and the
            number of cells are the walls.

        Returns
        -------
        numpy.ndarray
            One value per face cell, in the flat order of the tangential axes; 0 beside cells
            that are left out.
        """
        n = self.grid.shape[axis]
        if not 0 <= face_index <= n:
            raise ModelError(f"face {face_index} of axis {AXES[axis]}: there are 0 to {n}")
        if self.D == 0:
            return np.zeros(self.grid.cells // n)
        mean = self._last()
        if face_index in (0, n):
            wall = AXES[axis] + ("-" if face_index == 0 else "+")
            condition = self.walls[wall]
            if condition.closed:
                return np.zeros(self.grid.cells // n)
            if not condition.joined:
                return self.last_flux[wall] * (-1.0 if face_index == 0 else 1.0)
        field = np.full(self.grid.cells, np.nan)
        field[self.active] = mean
        below, above = (self._layer(field, axis, (face_index - i) % n) for i in (1, 0))
        D: float | Floats = self.D
        if self._drift is not None:
            D = self._layer(self._drift.D_up[axis], axis, (face_index - 1) % n)
            rise = self._layer(self._drift.up[axis], axis, (face_index - 1) % n)
            below, above = bernoulli(rise) * below, bernoulli(-rise) * above
        conductance = D * self.grid.face_area(axis) / self.grid.spacing[axis]
        flux: Floats = conductance * (below - above)
        flux[np.isnan(flux)] = 0.0  # a cell that is left out
        return flux

    def face_flux(self, axis: int, inside: Integers, outside: Integers) -> float:
        """Amount per time through faces between cells in the last step, from inside to outside.

        Parameters
        ----------
        axis
            The axis along which the cells are neighbours.
        inside, outside
            Flat indices of the cells on either side, one pair per face, all active.
        """
        if self.D == 0:
            return 0.0
        field = np.zeros(self.grid.cells)
        field[self.active] = self._last()
        c_in, c_out, D = field[inside], field[outside], np.array(self.D)
        if self._drift is not None:
            above = self._above(axis, inside, outside)
            lower = np.where(above, inside, outside)
            D = self._drift.D_up[axis, lower]
            rise = np.where(above, 1.0, -1.0) * self._drift.up[axis, lower]
            c_in, c_out = bernoulli(rise) * c_in, bernoulli(-rise) * c_out
        conductance = D * self.grid.face_area(axis) / self.grid.spacing[axis]
        return float((conductance * (c_in - c_out)).sum())

    def _above(self, axis: int, inside: Integers, outside: Integers) -> NDArray[np.bool_]:
        """Whether the outer of two neighbours is the upper one, also across a periodic wall."""
        n, stride = self.grid.shape[axis], math.prod(self.grid.shape[:axis])
        return np.asarray((outside // stride - inside // stride) % n == 1)

    def _layer(self, field: Floats, axis: int, index: int) -> Floats:
        """A layer of cells across an axis, of a field on all cells; flat."""
        layers = field.reshape(self.grid.shape[::-1])
        return np.asarray(np.take(layers, index, axis=-1 - axis).ravel())

    def _still(self, total: Floats) -> Floats:
        self._mean = lambda: np.zeros(0)
        return total.copy()

    def _euler(self, total: Floats, values: Values | None, positive: bool) -> Floats:
        system, solver = self._cache.get(
            self.grid, self.D, self.dt, self.walls, self._cut, self._kind, self._drift
        )
        scale = system.volume / system.tau
        new = solver.solve(right_side(total, None, scale, self._inflow(system, values)))
        low = float(new.min())
        if not math.isfinite(low + float(new.max())):
            raise StepError(not_finite(total, None))
        kept = new.copy()
        self._mean = lambda: kept
        return self._settle(new, total, low if positive else 0.0)

    def _settle(self, new: Floats, total: Floats, low: float) -> Floats:
        """Remove round-off: negative cells of its size, and the drift of a conserved sum."""
        if -ROUND_OFF * float(new.max()) <= low < 0:
            gained = -float(new.sum(where=new < 0))
            np.maximum(new, 0.0, out=new)
            new *= 1.0 - gained / float(new.sum())
        if self._stage[0].closed:
            _conserve(new, total)
        return new

    def _last(self) -> Floats:
        if self._mean is None:
            raise StepError("no step has been taken yet, so there is no flux to report")
        mean = self._mean()
        self._mean = lambda: mean
        return mean

    def _inflow(self, system: Assembled, values: Values | None) -> Floats | None:
        if not system.inflow:
            return None
        self._values = self._checked(system, values or {})
        inflow = np.zeros(len(self.active))
        for wall, term in system.inflow.items():
            inflow[term.positions] += term.inward * self._values[wall][term.faces]
        return inflow

    def _checked(self, system: Assembled, values: Values) -> dict[str, Floats]:
        """A concentration for every face cell of every wall that needs one; a copy."""
        full: dict[str, Floats] = {}
        for wall in system.inflow:
            if wall not in values:
                raise ModelError(f"wall {wall} needs the concentration on it; none was passed")
            value = np.array(values[wall], dtype=np.float64)
            count = len(wall_cells(self.grid, wall))
            if value.shape not in ((), (count,)):
                raise ModelError(
                    f"wall {wall} has {count} face cells; its values have shape {value.shape}"
                )
            full[wall] = np.broadcast_to(value, (count,))
        return full


def _conserve(new: Floats, total: Floats) -> None:
    """Scale ``new`` to the sum of ``total``, from which it differs by the solver's round-off.

    The sum of the differences is far more accurate than the difference of the sums. The remainder
    after a common factor, less than the cells can resolve, goes to the largest cell, where it is
    rounded least: otherwise the sum would drift by 1e-12 in 1e5 steps.
    """
    drift, size = float((total - new).sum()), float(new.sum())
    if 1e-14 * size < abs(drift) < 1e-6 * size:
        new *= 1.0 + drift / size
        drift = float((total - new).sum())
    new[new.argmax()] += drift
