"""Continuum made of a user's FiPy objects: mesh, variables, equations.

FiPy itself is not imported here: the objects are passed in, and their own ``solve`` is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrd.arguments import named_arguments
from hybridrd.arrays import Floats
from hybridrd.continuum.diffusion import ROUND_OFF, G
from hybridrd.continuum.fipy_mesh import check_floating, check_planes, mesh_of, rectilinear_cells
from hybridrd.continuum.fipy_solver import direct_solver
from hybridrd.continuum.user import Continuum
from hybridrd.errors import ModelError, StepError
from hybridrd.model.species import species_name
from hybridrd.model.system import System


@named_arguments
class FiPyContinuum(Continuum):
    """A user's FiPy variables and equations next to a particle region.

    A step is two implicit steps of FiPy of length ``g dt``, ``g = 1 - 1/sqrt(2)``, as in
    `hybridrd.continuum.diffusion.Diffusion`: second order for any equation with one time
    derivative. If it would make a non-negative cell negative, a single implicit Euler step of
    FiPy replaces it. FiPy's walls are closed unless a constraint opens them, as the planes of the
    particle region require.

    Parameters
    ----------
    variables
        FiPy's ``CellVariable`` of each species, all on one rectilinear mesh. Their current values
        are the concentrations at time 0; between steps they hold those of the simulation.
    equations
        One equation per species, or one that FiPy solves for all of them (a single one, or coupled
        with ``&``). Any terms, with one ``TransientTerm`` of coefficient 1 for each species.
    reactions
        Whether the package computes the System's reactions in the cells; False if they are terms
        of the equations.
    time
        FiPy's ``Variable`` on which coefficients depend; it is set to the end of each implicit
        step.
    sweeps
        Number of sweeps of each implicit step, for coefficients that depend on the variables;
        these then need ``hasOld=True``.
    solver
        A FiPy solver; by default a direct one, accurate to round-off.

    Raises
    ------
    ModelError
        If the objects are not FiPy's, or the mesh is not rectilinear.

    Examples
    --------
    Diffusion and a drift towards the plane, on cells that are wider farther away:

    >>> import fipy, hybridrd as hrd
    >>> mesh = fipy.Grid1D(dx=[0.1] * 5 + [0.25] * 4 + [0.5] * 3) + [[2.0]]
    >>> u = fipy.CellVariable(mesh=mesh, value=30.0)
    >>> drift = fipy.ExponentialConvectionTerm(coeff=(-0.2,))
    >>> equation = fipy.TransientTerm() + drift == fipy.DiffusionTerm(coeff=1.0)
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(
    ...     species=[A], domain=hrd.Box(x=(0, 5)), particles=hrd.Box(x=(0, 2)), cells=50,
    ...     interface=hrd.CalibratedLayer(offset=0.0), initial={A: hrd.Patch(30.0, x=(0, 2))},
    ... )
    >>> mine = hrd.FiPyContinuum({A: u}, equation)
    >>> result = hrd.Simulation(system, dt=2e-3, seed=1, continuum=mine).run(until=0.1, every=0.05)
    >>> start, *_, end = result["total"].values[:, 0]
    >>> bool(abs(end - start) < 1e-9)
    True
    """

    def __init__(
        self,
        variables: Mapping[Any, Any],
        equations: Any,
        reactions: bool = True,
        time: Any = None,
        sweeps: int = 1,
        solver: Any = None,
    ) -> None:
        self.reactions = bool(reactions)
        if not isinstance(variables, Mapping):
            raise ModelError(
                f"variables = {variables!r}: give FiPy's variables by species, {{A: u}}"
            )
        if time is not None:
            check_floating(time, "time")
        if solver is not None and not hasattr(solver, "tolerance"):
            raise ModelError(
                f"solver = {solver!r}: give a solver of FiPy, such as fipy.LinearLUSolver()"
            )
        self.variables = {species_name(s): u for s, u in dict(variables).items()}
        if not self.variables:
            raise ModelError("variables: give FiPy's variable of each species, {A: u}")
        meshes = {n: mesh_of(u, f"variables[{n!r}]") for n, u in self.variables.items()}
        first, mesh = next(iter(meshes.items()))
        for name, other in meshes.items():
            if other is not mesh:
                raise ModelError(f"variables: {first} and {name} are on two meshes; use one")
        self.mesh = mesh
        self._cells, self._order = rectilinear_cells(mesh)
        self._equations = self._by_variable(equations)
        if isinstance(sweeps, bool) or not isinstance(sweeps, int) or sweeps < 1:
            raise ModelError(f"sweeps = {sweeps!r}: a whole number of at least 1 is needed")
        without = [n for n, u in self.variables.items() if u.old is u]
        if sweeps > 1 and without:
            raise ModelError(
                f"sweeps = {sweeps}: the variable of {without[0]} must remember its old values; "
                f"make it with hasOld=True"
            )
        self._time, self._sweeps, self._solver = time, sweeps, solver
        self._first = np.stack([self._values(u) for u in self.variables.values()])
        self._names = list(self.variables)  # in the order of the System, when that is known
        self.fallbacks = 0

    def __repr__(self) -> str:
        cells = " x ".join(map(str, self._cells.shape))
        return f"FiPyContinuum({', '.join(self.variables)} on {cells} cells)"

    @property
    def edges(self) -> tuple[Floats, ...]:
        """Cell faces of the mesh along each axis (length)."""
        return self._cells.edges

    def start(self, system: System, dt: float) -> Floats:
        """The values that the variables had when this was made."""
        known = list(self.variables)
        if set(known) != set(system.names):
            raise ModelError(
                f"continuum: it has variables of {', '.join(known)}, the system the species "
                f"{', '.join(system.names)}; give one for each"
            )
        for name, variable in self.variables.items():
            check_planes(variable, name, system)
        self._names, self.fallbacks = list(system.names), 0
        first = np.stack([self._first[known.index(n)] for n in self._names])
        self._check_transient(first, dt)
        return first

    def step(self, c: Floats, t: float, dt: float, source: Floats | None) -> Floats:
        """Two of FiPy's implicit steps, or one if these would make a cell negative."""
        given = np.zeros_like(c) if source is None else source
        first = self._implicit(c + G * given, t + G * dt, G * dt)
        second = (1.0 / G - 1.0) * (first - c) + c
        new = self._implicit(second + G * given, t + dt, G * dt)
        # A source removes whole particles: a deficit of less than one is a debt.
        slack = 0.0 if source is None else float(np.min(1.0 / self._cells.volumes))
        total = c + given
        for n, before in zip(new, total, strict=True):
            low = float(n.min())
            if low < -slack - ROUND_OFF * float(n.max()) and low < float(before.min()) - slack:
                self.fallbacks += 1
                return self._implicit(total, t + dt, dt)
        return new

    def state(self) -> dict[str, NDArray[Any]]:
        """Number of implicit Euler steps; the rest of the state is the concentrations."""
        return {"fallbacks": np.array(self.fallbacks)}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the counts of `state` again."""
        self.fallbacks = int(state["fallbacks"])

    def show(self, c: Floats) -> None:
        """Set the variables to the concentrations of the simulation."""
        for name, values in zip(self._names, c, strict=True):
            flat = np.empty(self._cells.size)
            flat[self._order] = values.ravel()
            self.variables[name].setValue(flat)

    def diagnostics(self) -> dict[str, Any]:
        """Steps in which implicit Euler kept a species from becoming negative."""
        return {"implicit_euler_steps": self.fallbacks}

    def _implicit(self, start: Floats, t: float, tau: float) -> Floats:
        """FiPy's implicit step from ``start``, which ends at t."""
        self.show(start)
        if self._time is not None:
            self._time.setValue(t)
        for u in self.variables.values():
            if u.old is not u:
                u.updateOld()
        solver = direct_solver() if self._solver is None else self._solver
        for equation, chosen in self._equations:
            try:
                for _ in range(self._sweeps - 1):
                    equation.sweep(dt=tau, solver=solver, **chosen)
                equation.solve(dt=tau, solver=solver, **chosen)
            except Exception as error:  # FiPy raises many kinds
                raise StepError(
                    f"FiPy cannot solve the equation of the continuum at t = {t:.12g}: "
                    f"{type(error).__name__}: {error}"
                ) from error
        new = np.stack([self._values(self.variables[n]) for n in self._names])
        if not np.isfinite(new).all():
            raise StepError(f"FiPy's solution of the continuum at t = {t:.12g} is not finite")
        return new

    def _check_transient(self, c: Floats, dt: float) -> None:
        """Refuse equations without a time derivative: a tiny step must change almost nothing."""
        scale = max(float(np.abs(c).max()), 1.0)
        uneven = c + scale * (np.arange(c[0].size).reshape(c[0].shape) % 2)
        try:
            change = np.abs(self._implicit(uneven, 0.0, 1e-12 * dt) - uneven)
        except StepError as error:
            raise ModelError(f"equations: {error}; has each species its TransientTerm?") from error
        for name, largest in zip(self._names, change.reshape(len(c), -1).max(axis=1), strict=True):
            if largest > 0.1 * scale:
                raise ModelError(
                    f"equations: a step of {1e-12 * dt:.3g} changes {name} by {largest:.3g}; the "
                    f"equation needs a TransientTerm of {name}, and a finite rate of change"
                )
        self.show(c)

    def _values(self, variable: Any) -> Floats:
        values = np.asarray(variable.value, dtype=np.float64)[self._order]
        return values.reshape(self._cells.shape)

    def _by_variable(self, equations: Any) -> list[tuple[Any, dict[str, Any]]]:
        """Each equation with the arguments of its ``solve``."""
        if isinstance(equations, Mapping):
            given = {species_name(s): e for s, e in equations.items()}
            if set(given) != set(self.variables):
                raise ModelError(
                    f"equations: there are those of {', '.join(given)}, but variables of "
                    f"{', '.join(self.variables)}; give one for each"
                )
            found = [(e, {"var": self.variables[n]}) for n, e in given.items()]
        elif len(self.variables) == 1:
            found = [(equations, {"var": next(iter(self.variables.values()))})]
        else:  # it knows its variables
            found = [(equations, {})]
        for equation, _ in found:
            if not (hasattr(equation, "solve") and hasattr(equation, "sweep")):
                raise ModelError(f"equations: {equation!r} is not an equation of FiPy")
        return found
