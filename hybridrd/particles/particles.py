"""Particles of one species: positions, velocities if they have inertia, ids, spare capacity."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.arrays import Floats, Ids, Integers, State, stored, stored_numbers
from hybridrd.errors import CapacityError, ModelError, ResultError
from hybridrd.kernels import arrays, groups, langevin
from hybridrd.kernels.groups import COLUMNS, SPARE
from hybridrd.particles.memory import free_memory, gigabytes

_LEAST = 64
# A system may promise more memory than it has and kill the program when it is used: free memory is
# checked first from this many bytes on.
ASKED = 50e6


class Maxwell(NamedTuple):
    """Velocities at equilibrium: standard deviation along an axis, and random key."""

    speed: float
    key: np.uint64


class Particles:
    """Positions as rows ``x[axis, particle]``, ids that are never reused, and marks of removal.

    Only the first ``n`` columns are particles; the rest, at least `SPARE`, is spare.

    Parameters
    ----------
    dimension, name
        Number of coordinates; name of the species.
    row
        Their row in the table of a population, see `hybridrd.kernels.groups`; a new one by default.
        Compiled code changes it, and the arrays.
    maxwell
        Velocities of new particles, if they have any; None for those without inertia.
    """

    def __init__(
        self,
        dimension: int,
        name: str = "one species",
        row: Integers | None = None,
        maxwell: Maxwell | None = None,
    ) -> None:
        self.name, self._d, self._maxwell = name, dimension, maxwell
        self._row = np.zeros(COLUMNS, np.int64) if row is None else row
        self._row[groups.ROWS] = dimension if maxwell is None else 2 * dimension
        self._hold(np.zeros((self._row[groups.ROWS], _LEAST)), np.zeros(_LEAST, np.uint64))

    def _hold(self, x: Floats, ids: Ids) -> None:
        """Use new arrays of rows and ids, with marks of the same length."""
        capacity = len(ids)
        words, marks = np.zeros(capacity // 8, np.uint64), np.zeros(capacity, np.bool_)
        self._words, self.gone, self.marks = words, words.view(np.uint8), marks
        self._places = {_address(x): (x, ids)}
        kept = x, ids, self.gone, self.marks
        self._row[groups.ROOM] = capacity
        self._row[groups.X : groups.OTHER_X] = [_address(a) for a in kept]
        self._row[groups.OTHER_X :] = 0

    @property
    def n(self) -> int:
        """How many there are."""
        return int(self._row[groups.N])

    @n.setter
    def n(self, number: int) -> None:
        """Set it."""
        self._row[groups.N] = number

    @property
    def stamp(self) -> int:
        """A number that changes when particles are added, dropped or stored in another order."""
        return int(self._row[groups.STAMP])

    @stamp.setter
    def stamp(self, number: int) -> None:
        """Set it."""
        self._row[groups.STAMP] = number

    @property
    def x(self) -> Floats:
        """Positions as rows, ``(d, capacity)``, the array itself."""
        return self.rows[: self._d]

    @property
    def rows(self) -> Floats:
        """Positions, and the velocities drawn so far, the array itself."""
        return self._places[int(self._row[groups.X])][0]

    @property
    def ids(self) -> Ids:
        """Ids, ``(capacity,)``, the array itself."""
        return self._places[int(self._row[groups.X])][1]

    @property
    def positions(self) -> Floats:
        """Positions, shape ``(n, d)`` (length); a copy."""
        return self.x[:, : self.n].T.copy()

    @property
    def velocities(self) -> Floats:
        """Velocities of Langevin particles, shape ``(n, d)`` (length/time); a copy.

        Raises
        ------
        ModelError
            If the species has no ``friction``, and therefore no velocities.
        """
        if self._maxwell is None:
            raise ModelError(
                f"velocities: particles of {self.name} diffuse without inertia and have none; give "
                f"Species(friction=) for those that have"
            )
        self.set_off()
        return self.rows[self._d :, : self.n].T.copy()

    def set_off(self) -> None:
        """Draw Maxwell velocities for new particles, which have none yet."""
        if self._maxwell is not None and self.n:
            ids, known = self.ids[: self.n], int(self._row[groups.KNOWN])
            langevin.set_off(self.rows[self._d :, : self.n], ids, known, *self._maxwell)
            self.know(int(ids.max()) + 1)

    def know(self, below: int) -> None:
        """Note that all particles with ids below a number have velocities."""
        self._row[groups.KNOWN] = max(below, int(self._row[groups.KNOWN]))

    @property
    def id(self) -> Ids:
        """Ids, shape ``(n,)``; a copy."""
        return self.ids[: self.n].copy()

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        return f"Particles({self.n} in {self._d} dimensions)"

    def reserve(self, extra: int) -> None:
        """Make room for ``extra`` more particles. Raises CapacityError without memory."""
        needed = self.n + extra + SPARE
        if needed <= self.ids.size:
            return
        capacity = -(-max(needed, self.ids.size + self.ids.size // 4) // 8) * 8
        size = capacity * (8.0 * len(self.rows) + 10.0)
        free = free_memory() if size > ASKED else None
        if free is not None and size > free.bytes:
            raise CapacityError(
                f"{self._too_many(extra, size)}, but {gigabytes(max(free.bytes, 0.0))} are free "
                f"{free.where}"
            )
        try:
            self._grow(capacity)
        except MemoryError as error:
            raise CapacityError(
                f"{self._too_many(extra, size)}, which the system does not give"
            ) from error

    def _too_many(self, extra: int, size: float) -> str:
        return (
            f"{self.name} has {self.n:,} particles, and {extra:,} more come; all together need "
            f"{gigabytes(size)} anew"
        )

    def _grow(self, capacity: int) -> None:
        x, ids = np.zeros((len(self.rows), capacity)), np.zeros(capacity, np.uint64)
        x[:, : self.n] = self.rows[:, : self.n]
        ids[: self.n] = self.ids[: self.n]
        gone = self.gone[: self.n]
        self._hold(x, ids)
        self.gone[: self.n] = gone

    def append(self, x: Floats, ids: Ids) -> None:
        """Add particles: positions as rows ``(d, m)``."""
        m = len(ids)
        self.reserve(m)
        self.x[:, self.n : self.n + m] = x
        self.ids[self.n : self.n + m] = ids
        self.n += m
        self.stamp += 1

    def gaps(self) -> Integers:
        """Positions of the particles marked as gone, ascending."""
        gone = self.gone[: self.n]
        found = np.empty(np.count_nonzero(gone), np.int64)
        if len(found):
            arrays.find_gone(self._words, gone, self.n, found)
        return found

    def drop(self, gaps: Integers) -> Integers:
        """Drop the particles marked as gone, given by `gaps`; the last ones fill the gaps.

        Results do not depend on the storage order. Returns the new indices
        of the particles with an index above the new number, -1 for those that are gone.
        """
        self.stamp += 1
        places = np.empty(len(gaps), np.int64)
        self.n = arrays.close_gaps(self.rows, self.ids, self.gone, self.n, gaps, places)
        return places

    def compact(self) -> None:
        """Drop the particles marked as gone."""
        self.drop(self.gaps())

    def hold_spare(self) -> None:
        """Allocate arrays to sort into."""
        if self._row[groups.OTHER_X] == 0:
            x, ids = np.zeros_like(self.rows), np.zeros_like(self.ids)
            self._places[_address(x)] = x, ids
            self._row[groups.OTHER_X :] = _address(x), _address(ids)

    def state(self) -> State:
        """Positions, ids, and velocities if there are any, in storage order, as arrays by name."""
        state = {f"positions/{self.name}": self.x[:, : self.n].copy(), f"ids/{self.name}": self.id}
        if self._maxwell is not None:
            state[f"velocities/{self.name}"] = self.velocities.T.copy()
        return state

    def load_state(self, state: State) -> None:
        """Replace the particles by those of a state."""
        ids = stored(state, f"ids/{self.name}").astype(np.uint64)
        x = stored(state, f"positions/{self.name}", (self._d, len(ids)))
        self.n = self._row[groups.KNOWN] = 0
        self.append(x, ids)
        if self._maxwell is not None:
            self.rows[self._d :, : self.n] = stored(state, f"velocities/{self.name}", x.shape)
            self.know(int(ids.max(initial=0)) + 1)

    def check_state(self, state: State, next_id: int, low: Floats, high: Floats) -> None:
        """Raise ResultError for impossible particles in a state.

        Parameters
        ----------
        next_id
            A number above all ids.
        low, high
            Bounds of the particle region, ``(d,)`` (length).

        Raises
        ------
        ResultError
            If one is outside the region, or ids are not unique.
        """
        name = self.name
        ids = stored(state, f"ids/{name}")
        if ids.ndim != 1 or ids.dtype.kind not in "iu" or (ids < 0).any():
            raise ResultError(f"the state has ids of {name} that are none; it is damaged")
        if len(ids) and (int(ids.max()) >= next_id or len(np.unique(ids)) < len(ids)):
            raise ResultError(
                f"the state has an id of {name} twice, or one that is not below the next, "
                f"{next_id}; it is damaged"
            )
        x = stored_numbers(state, f"positions/{name}", (self._d, len(ids)))
        if self._maxwell is not None:
            stored_numbers(state, f"velocities/{name}", x.shape)
        slack = 1e-9 * (high - low)[:, None]
        outside = ((x < low[:, None] - slack) | (x > high[:, None] + slack)).any(axis=0)
        if outside.any():
            place = ", ".join(f"{v:g}" for v in x[:, outside][:, 0])
            raise ResultError(
                f"the state has a particle of {name} at ({place}), outside the particle region; it "
                f"is damaged"
            )


def _address(a: np.ndarray) -> int:
    return int(a.ctypes.data)
