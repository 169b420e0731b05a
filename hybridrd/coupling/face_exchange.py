"""Gates: the faces through which particles of one species enter or leave.

A gate joins a face of the particle region with its outside: a reservoir wall, an influx or
leaky wall, or the continuum. It holds the numbers of the interface scheme and the source of its
coupling concentration c_R.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from hybridrd.arrays import Floats, Integers, State, stored_numbers
from hybridrd.continuum.baths import BathContent, Baths
from hybridrd.continuum.field import face_coordinates
from hybridrd.coupling.stencil import Stencil, mean_field_stencil, two_way_stencil
from hybridrd.coupling.user_cells import UserCells, UserStencil
from hybridrd.interface import FaceNumbers
from hybridrd.kernels.exchange import FED, LEAK, PLANE
from hybridrd.kernels.rng import arrivals_address
from hybridrd.model.functions import Value, evaluate, needs_time
from hybridrd.model.grid import AXES
from hybridrd.model.system import System
from hybridrd.particles.region import Leak, Region, RegionFace, SpeciesWalls


@dataclass
class Gate:
    """Gate of one species at one face.

    Parameters
    ----------
    species, face
        Index of the species; the face.
    numbers
        Numbers of the scheme; None for an influx or leaky wall.
    stencil
        Weights that read c_R from the continuum; None at a wall.
    value
        c_R (or J for an influx wall) if it is given; None at the continuum.
    start, end
        c_R (or J) per face cell at the start and at the end of the step.
    change
        Largest relative change of the c_R of a wall within dx²/D, the time in
        which a boundary layer follows it.
    drain
        Removal by an influx below 0 per area and time, averaged over the step.
    leak
        Arrivals through a leaky wall or a half-open plane; None for other gates.
    bath
        The bath beyond it.
    follows
        Whether that is a bath of the mean field, which the particles do not affect.
    """

    species: int
    face: RegionFace
    numbers: FaceNumbers | None
    stencil: Stencil | UserStencil | None
    value: Value | None
    where: str
    coordinates: dict[str, Floats]
    start: Floats = field(default_factory=lambda: np.zeros(0))
    end: Floats = field(default_factory=lambda: np.zeros(0))
    deficit: Floats | None = None  # negative face values carried to later steps, two-way
    # Arrivals are drawn from the copies beyond each face cell; integers, unless they are many.
    binomial: bool = False
    change: float = 0.0
    drain: Floats | None = None
    leak: Leak | None = None
    bath: BathContent | None = None
    follows: bool = False
    copies: Floats | None = None

    @property
    def is_influx(self) -> bool:
        """Whether particles enter at a given rate."""
        return self.numbers is None and self.leak is None

    @property
    def way(self) -> int:
        """Code of the kind of arrivals, for `hybridrd.kernels.exchange.plane_place`."""
        return FED if self.is_influx else PLANE if self.leak is None else LEAK

    def per_area(self, dt: float) -> float:
        """Candidates per area and step at unit c_R (length), or at unit J (time)."""
        if self.leak is not None:
            return self.leak.tried
        return dt if self.numbers is None else self.numbers.arrivals_per_area

    @property
    def reads_field(self) -> bool:
        """Whether c_R comes from the continuum."""
        return self.stencil is not None or self.follows

    def read(self, c: Floats) -> Floats:
        """The concentration outside each face cell, from the continuum."""
        if self.stencil is not None:
            return self.stencil.read(c)
        assert self.bath is not None
        return np.full(self.face.size, self.bath.beyond(0.0))

    @property
    def is_reservoir(self) -> bool:
        """Whether the gate is a wall with a reservoir of given concentration."""
        return self.numbers is not None and self.value is not None

    @cached_property
    def address(self) -> np.uint64:
        """Random address of the number of arrivals in the first face cell."""
        return arrivals_address(self.species, self.face.index, self.face.size)

    @property
    def mean(self) -> Floats:
        """c_R per face cell, the mean over the step."""
        return 0.5 * (self.start + self.end)

    def to_active(self, position: Integers) -> None:
        """Make a stencil on the grid refer to active cells, whose indices are in ``position``."""
        if isinstance(self.stencil, Stencil):
            self.stencil = Stencil(position[self.stencil.cells], self.stencil.weights)

    def set_given(self, t: float, dt: float) -> None:
        """Evaluate a given value for the step from t to t + dt; a constant one once."""
        assert self.value is not None
        if len(self.start) and not needs_time(self.value):
            return
        n, least = self.face.size, -np.inf if self.is_influx else 0.0
        start = evaluate(self.value, self.coordinates, t, self.where, n, least)
        end = (
            evaluate(self.value, self.coordinates, t + dt, self.where, n, least)
            if callable(self.value)
            else start
        )
        self.start, self.end = np.maximum(start, 0.0), np.maximum(end, 0.0)
        self.drain = 0.5 * (self.start - start + self.end - end) if self.is_influx else None
        if self.numbers is not None and self.numbers.kind == "layer" and self.numbers.alpha > 0:
            top = max(float(self.start.max()), float(self.end.max()), 1e-300)
            change = float(np.abs(self.end - self.start).max()) / top / self.numbers.alpha
            self.change = max(self.change, change)

    def given_beside(self, axis: str, distance: float) -> Floats:
        """The given c_R at time 0, so far along an axis from the middle of each face cell."""
        assert self.value is not None
        x = self.coordinates | {axis: self.coordinates[axis] + distance}
        return evaluate(self.value, x, 0.0, self.where, self.face.size)

    def set_one_way(self, before: Floats, after: Floats) -> None:
        """c_R from face values of the mean field before and after its diffusion."""
        # Extrapolation may undershoot beside a sharp patch; a concentration cannot.
        self.start = np.maximum(before, 0.0)
        self.end = np.maximum(after, 0.0)

    def set_two_way(self, c: Floats) -> None:
        """c_R from the continuum; a negative value is carried to the next steps."""
        assert self.stencil is not None
        wanted = self.stencil.read(c)
        if self.deficit is not None:
            wanted = wanted + self.deficit
        self.start = np.maximum(wanted, 0.0)
        self.deficit = wanted - self.start
        self.end = self.start

    def set_copies(self, n: Floats | Integers, volumes: Floats) -> None:
        """c_R from the copies in the cells of the continuum, and the copies themselves."""
        assert isinstance(self.stencil, Stencil)
        cells = self.stencil.cells[:, 0]
        self.copies = np.maximum(n[cells], 0).astype(np.float64)
        self.start = self.end = self.copies / float(volumes[cells[0]])

    def restart(self) -> None:
        """Reset carried and noted values."""
        self.change = 0.0
        if self.deficit is not None:
            self.deficit[:] = 0.0

    def state(self) -> State:
        """Its state between steps, as arrays by name."""
        state: State = {}
        if self.deficit is not None:
            state[f"gate/{self.where}/owed"] = self.deficit.copy()
        if self.change > 0:
            state[f"gate/{self.where}/change"] = np.array(self.change)
        return state

    def load_state(self, state: State) -> None:
        """The inverse of `state`; a gate that is not in the state is reset."""
        name = f"gate/{self.where}/owed"
        if self.stencil is not None and name in state:
            self.deficit = stored_numbers(state, name, (self.face.size,))
        name = f"gate/{self.where}/change"
        if name in state:
            self.change = float(stored_numbers(state, name, (), least=0.0))


def make_gates(
    system: System,
    region: Region,
    walls: list[SpeciesWalls],
    two_way: bool,
    user_cells: UserCells | None = None,
    baths: Baths | None = None,
) -> list[Gate]:
    """All gates of a system with their ``baths``, in a fixed order: by species, then by face."""
    baths = Baths(system) if baths is None else baths
    follows = system.is_hybrid and not two_way and user_cells is None
    gates: list[Gate] = []
    for s, name in enumerate(system.names):
        for f, face in enumerate(region.faces):
            if face.size == 0:
                continue
            where = f"{name} at {face.name}"
            coordinates = _along(region, face)
            law = face.law(name)
            if f in walls[s].leaks and face.outside < 0:
                gate = Gate(s, face, None, None, law.outside, where, coordinates)
                gate.leak, gate.bath = walls[s].leaks[f], baths.get(s, face.name)
                gate.follows = follows and gate.bath is not None
                gates.append(gate)
            if f in walls[s].influxes:
                gates.append(Gate(s, face, None, None, law.influx, where, coordinates))
            elif f in walls[s].exchanges:
                numbers = walls[s].exchanges[f]
                stencil: Stencil | UserStencil | None = None
                if face.outside < 0:
                    pass
                elif not region.is_box:
                    stencil = Stencil(face.columns[:, face.outside :], np.ones(1))
                elif user_cells is not None:
                    stencil = user_cells.stencil(face, numbers, two_way)
                elif two_way:
                    stencil = two_way_stencil(region, face, numbers)
                else:
                    stencil = mean_field_stencil(region, face, numbers.offset)
                gate = Gate(s, face, numbers, stencil, law.outside, where, coordinates)
                gate.leak = walls[s].leaks.get(f)
                gates.append(gate)
    return gates


def _along(region: Region, face: RegionFace) -> dict[str, Floats]:
    if not region.is_box:
        x, own = region.grid.coordinates(), face.columns[:, 0]
        return {name: v[own] for name, v in x.items() if name != AXES[face.axis]}
    side = AXES[face.axis] + "-+"[face.side]
    return face_coordinates(region.inner, side)[0]
