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
       region, or the whole domain, and the planes of the region are faces of theirs. The grid of
       the System remains that of the particles and of results.
    2. `start`: the concentrations at time 0.
    3. `step`: the concentrations a step later. All that is between cells, in them (but for the
       System's reactions) and at the walls of the domain beyond the region is its affair; nothing
       may pass the planes of the region by itself in two-way coupling: what is exchanged comes as
       ``source``.
    4. If it remembers more than the concentrations: `state` and `load_state`, for checkpoints.
    5. If something else is to show the concentrations: `show`.

    Concentrations have the shape ``(species, nx, ny, nz)``, species in the order of the System,
    and are particles per length^d.

    Attributes
    ----------
    reactions
        Whether the package does the System's reactions in its cells, half a step before `step`
        and half a step after; set it to False if `step` does all there are.

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
            Those at ``t``. In two-way coupling they may be negative by a particle or so, where a
            cell has yet to pay for what was taken from it.
        t, dt
            Time and step (time).
        source
            What is added to each cell during the step, as a concentration; it may be negative.
            None in mean-field coupling, where the particles change nothing. It enters between
            ``t`` and ``t + dt``: a solver that treats it implicitly has no jump at the plane.

        Raises
        ------
        StepError
            If the step is not possible.
        """

    def state(self) -> Mapping[str, NDArray[Any]] | None:
        """What it remembers beside the concentrations, as arrays by name, for a checkpoint.

        The package keeps the concentrations themselves. By default there is nothing else. Return
        None if there is more and it cannot be kept: no checkpoint is written then.
        """
        return {}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:  # noqa: ARG002
        """Go back to what `state` gave."""
        return

    def show(self, c: Floats) -> None:  # noqa: ARG002
        """Called at the start and after each step with the concentrations there are then."""
        return

    def diagnostics(self) -> Mapping[str, Any]:
        """Plain numbers and text for the diagnostics of a result."""
        return {}
