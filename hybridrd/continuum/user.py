"""Base class of a user's continuum next to the particle region."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike, NDArray

from hybridrd.arrays import Floats
from hybridrd.model.system import System


class Continuum(ABC):
    """A user's continuum outside the particle region, in place of the package's PDE.

    Pass an instance to `Simulation`: ``Simulation(system, dt, continuum=mine)``. In each step it
    returns concentrations on its rectilinear cells; the package reads c_R from them and handles
    exchange, debts and checkpoints. A subclass defines:

    1. `edges`: the cell faces along each axis. The cells cover the domain outside the particle
       region, or the whole domain, and the planes of the region are faces of these cells. The grid
       of the System remains that of the particles and of results.
    2. `start`: the concentrations at time 0.
    3. `step`: the concentrations a step later. It handles everything between cells, in them
       (except the System's reactions) and at the walls of the domain beyond the region. In two-way
       coupling it must have no flux through the planes of the region: the exchange comes as
       ``source``.
    4. If it has more state than the concentrations: `state` and `load_state`, for checkpoints.
    5. If something else displays the concentrations: `show`.

    Concentrations have the shape ``(species, nx, ny, nz)``, species in the order of the System,
    and are particles per length^d.

    Attributes
    ----------
    reactions
        Whether the package computes the System's reactions in its cells, half a step before `step`
        and half a step after; set it to False if `step` includes them.

    Examples
    --------
    A large stirred tank, one cell, that is emptied at a rate:

    >>> import numpy as np, hybridrd as hrd
    >>> class Tank(hrd.Continuum):
    ...     edges = ([1.0, 4.0],)
    ...     def start(self, system, dt):
    ...         return np.array([[20.0]])
    ...     def step(self, c, t, dt, source):
    ...         return (c + source) * np.exp(-0.5 * dt)
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(
    ...     species=[A], domain=hrd.Box(x=(0, 4)), particles=hrd.Box(x=(0, 1)), cells=8,
    ...     interface=hrd.CalibratedLayer(width=0.1, offset=0.0),
    ... )
    >>> sim = hrd.Simulation(system, dt=1e-3, seed=1, continuum=Tank())
    >>> result = sim.run(until=1.0, every=0.5)
    >>> bool(60 * np.exp(-0.5) < float(result["total"][-1, 0]) < 60)
    True
    """

    reactions: bool = True

    @property
    @abstractmethod
    def edges(self) -> Sequence[ArrayLike]:
        """Positions of the cell faces along each axis (length), increasing."""

    @abstractmethod
    def start(self, system: System, dt: float) -> Floats:
        """The concentrations at time 0, ``(species, nx, ny, nz)``, not negative.

        In two-way coupling the values in cells inside the particle region are ignored.

        Parameters
        ----------
        system, dt
            The system to simulate and its time step. Raise ModelError if one of them is unsuitable.
        """

    @abstractmethod
    def step(self, c: Floats, t: float, dt: float, source: Floats | None) -> Floats:
        """The concentrations at ``t + dt``.

        Parameters
        ----------
        c
            Those at ``t``. In two-way coupling they may be negative by about one particle, in cells
            that still owe what was taken from them.
        t, dt
            Time and step (time).
        source
            Amount added to each cell during the step, as a concentration; it may be negative.
            None in mean-field coupling, where particles have no effect. It enters between
            ``t`` and ``t + dt``: a solver that treats it implicitly has no jump at the plane.

        Raises
        ------
        StepError
            If the step is not possible.
        """

    def state(self) -> Mapping[str, NDArray[Any]] | None:
        """Its state besides the concentrations, as arrays by name, for a checkpoint.

        The package saves the concentrations. By default there is nothing else. Return
        None if there is more that cannot be saved: then no checkpoint is written.
        """
        return {}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:  # noqa: ARG002
        """Restore a `state`."""
        return

    def show(self, c: Floats) -> None:  # noqa: ARG002
        """Called with the current concentrations at the start and after each step."""
        return

    def diagnostics(self) -> Mapping[str, Any]:
        """Plain numbers and text for the diagnostics of a result."""
        return {}
