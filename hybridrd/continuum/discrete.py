"""Discrete copies in the cells of a continuum: the reaction-diffusion master equation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats, Integers, State, stored_numbers
from hybridrd.continuum.assembled import Assembled, excluded, wall_cells
from hybridrd.continuum.baths import Baths
from hybridrd.continuum.cache import Assembly
from hybridrd.continuum.cell_pairs import PairsInReach
from hybridrd.continuum.field import Rates, WallValues, conditions, side_of_box
from hybridrd.continuum.fipy_solver import assemble
from hybridrd.errors import StepError
from hybridrd.interface.cells import parts_of_step, relaxation
from hybridrd.kernels import births, cell_reactions, copies
from hybridrd.kernels.laws import address_of
from hybridrd.kernels.rng import CELL_WALLS, hop_address, hop_part
from hybridrd.model.drift import make_drift, mean_D
from hybridrd.model.functions import needs_time
from hybridrd.model.grid import AXES, Grid
from hybridrd.model.species import refuse_change
from hybridrd.model.system import System

Mask = NDArray[np.bool_]
_LARGEST_MEAN = 1000.0  # of births that have a table
NO_TABLE = copies.Table(0, np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint64))
MOST_COPIES = 1 << 53  # in a cell: doubles count so far
_COLUMNS = 1 << 17  # columns of a table of binomial numbers, of 8 bytes
# Tables for faces with probabilities of their own: per factor of 2, from which one on, and for less
# than how many copies.
_STEPS, _LEAST, _MANY = 16, 1e-3, 512


class Faces(NamedTuple):
    """Faces between two cells, with the rates of a copy of either to pass (1/time)."""

    first: Integers
    second: Integers
    on: Floats
    back: Floats
    address: NDArray[np.uint64]


class WallFaces(NamedTuple):
    """Faces of one species along one wall.

    Parameters
    ----------
    side
        The wall, as of a box.
    cell, address
        The cell of each, and the address of its random numbers.
    faces
        Number of each among the face cells of the wall.
    rate, back
        Rate at which a copy of its cell leaves, and at which one of as many outside enters
        (1/time); the same unless the species drifts.
    volume
        Of its cell.
    """

    side: str
    cell: Integers
    address: NDArray[np.uint64]
    faces: NDArray[np.intp]
    rate: Floats
    back: Floats
    volume: Floats


class RatesByCell(Protocol):
    """Reactions beside those of the system, of first order or creation, with rates by cell."""

    channel: Integers
    taken: list[list[int]]
    made: list[list[int]]

    def at(self, t: float) -> Floats:
        """Rates ``(n, active)``."""


class DiscreteField:
    """Copies ``n[species, active cell]``, their hops and their reactions.

    Jump rates are those of FiPy's matrix: an off-diagonal entry is the conductance of a face;
    divided by the volume of a cell, it is the rate at which each of its copies passes the face.

    Parameters
    ----------
    system, dt, cut, baths, assembly
        See `hybridrd.continuum.field.Field`.
    key
        Key of the random numbers.
    in_halves
        Whether particles are exchanged in the middle of a diffusion step.

    Attributes
    ----------
    hops
        The diffusion of each species, None for an immobile one.

    Raises
    ------
    StepError
        If copies would hop so often in a step that it has more parts than there are addresses.
    """

    def __init__(
        self,
        system: System,
        dt: float,
        key: np.uint64,
        cut: Mask | None = None,
        baths: Baths | None = None,
        assembly: Assembly = assemble,
        in_halves: bool = False,
    ) -> None:
        refuse_change(system.species, "a continuum that fluctuates")
        self.system, self.dt, self.key = system, dt, key
        self.grid = grid = system.grid
        self.baths = Baths(system) if baths is None else baths
        if system.obstacles is not None:
            cut = ~system.free if cut is None else cut | ~system.free
        self.active = np.flatnonzero(~excluded(grid, cut))
        self.position = np.full(grid.cells, -1, np.int64)
        self.position[self.active] = np.arange(len(self.active))
        self.volumes = grid.volumes[self.active]
        self.n = np.zeros((len(system.species), len(self.active)), np.int64)
        assembled: dict[Any, Assembled] = {}
        self.hops: list[Hops | None] = []
        for s, species in enumerate(system.species):
            walls = conditions(system, species.name)
            if species.D == 0:
                self.hops.append(None)
                continue
            same = replace(species, name="_"), tuple(walls.items())
            if same not in assembled:
                drift = make_drift(system, species)
                D = mean_D(system, species)
                assembled[same] = assembly(grid, D, dt, walls, cut, drift)
            self.hops.append(Hops(self, s, assembled[same], in_halves))
        self._rates = Rates(
            system, lambda: {n: x[self.active] for n, x in grid.coordinates().items()}
        )
        self._near = PairsInReach(system, self.active, self.position)
        self._beyond: RatesByCell | None = None
        self._reactions = Reactions(system, self._near.channels)
        self.events = np.zeros(len(system.channels), np.int64)

    @property
    def c(self) -> Floats:
        """Concentrations ``(species, active)``."""
        return np.asarray(self.n / self.volumes)

    def start(self, species: int, c: Floats) -> None:
        """Set a species to concentrations on all cells, which must be integer copy numbers."""
        whole = np.rint(c[self.active] * self.volumes)
        self.n[species] = np.minimum(whole, 2.0 * MOST_COPIES)
        self._check(0.0)

    def scale_pairs(self, factors: Mapping[int, Floats]) -> None:
        """Multiply the rates of some channels by factors on all cells, ``(cells,)``."""
        self._rates.scale({r: f[self.active] for r, f in factors.items()})

    def react_beyond(self, walls: RatesByCell) -> None:
        """Let copies react with partners beyond walls, too."""
        self._beyond = walls if len(walls.channel) else None
        self._reactions = Reactions(self.system, self._near.channels, self._beyond)

    def concentration(self) -> Floats:
        """All species on all cells, 0 where there is no continuum; ``(species, cells)``."""
        result = np.zeros((len(self.n), self.grid.cells))
        result[:, self.active] = self.c
        return result

    def full(self, species: int) -> Floats:
        """The concentration of a species on all cells, 0 where it has none; ``(cells,)``."""
        result = np.zeros(self.grid.cells)
        result[self.active] = self.n[species] / self.volumes
        return result

    def copies(self, species: int) -> Integers:
        """Copies of a species on all cells, ``(cells,)``."""
        result = np.zeros(self.grid.cells, np.int64)
        result[self.active] = self.n[species]
        return result

    def amounts(self) -> Integers:
        """Copies of each species, ``(species,)``."""
        return np.asarray(self.n.sum(axis=1))

    def receive(self, credit: Integers) -> None:
        """Add what cells of the domain received ``(species, cells)``, and clear it."""
        species, cells = np.nonzero(credit)
        if len(cells):
            given, at = credit[species, cells], self.position[cells]
            self.n[species[at >= 0], at[at >= 0]] += given[at >= 0]
            credit[species, cells] = 0

    def react(self, step: int, half: int) -> None:
        """Half a step of reactions, with the rates at the middle of the step. Raises StepError."""
        if not len(self.events):
            return
        self._react(step, half)
        if half == 1:
            self._check((step + 1) * self.dt)

    def _react(self, step: int, half: int) -> None:
        t, counts, beyond = (step + 0.5) * self.dt, self.events, self._beyond
        rates = self._rates.at(t)
        rates = rates.reshape(len(rates), -1)
        if beyond is not None:
            inside = np.broadcast_to(rates, (len(rates), len(self.active)))
            rates = np.concatenate([inside, beyond.at(t)])
            counts = np.zeros(len(rates), np.int64)
        now = cell_reactions.Moment(self.key, step, half, 0.5 * self.dt)
        cells = cell_reactions.Cells(self.n, rates, self.volumes, self.active)
        # In the second half step in the other order, which makes both of second order in dt.
        if half == 0:
            self._reactions.react(cells, now, counts)
        if self._near.channels:
            status = self._near.react(cells, now, counts)
            self._reactions.check(status, now, self.c)
        if half == 1:
            self._reactions.react(cells, now, counts)
        if beyond is not None:
            number = len(self.events)
            self.events += counts[:number]
            np.add.at(self.events, beyond.channel, counts[number:])

    def diffuse(self, step: int) -> None:
        """A step of diffusion, and of what passes the walls, or what is left of it.

        Raises StepError.
        """
        self._check(step * self.dt)
        for s, hops in enumerate(self.hops):
            if hops is not None:
                hops.finish(self.n[s], step)

    def diffuse_first(self, step: int) -> None:
        """The first half of a step in halves, nothing of another. Raises StepError."""
        self._check(step * self.dt)
        for s, hops in enumerate(self.hops):
            if hops is not None:
                hops.begin(self.n[s], step)

    def passed(self) -> Iterator[tuple[int, str, int, int]]:
        """Numbers that left and entered in the last step, by species and open wall of a box."""
        for s, hops in enumerate(self.hops):
            if hops is not None:
                for side, (left, entered) in zip(hops.sides, hops.passed.tolist(), strict=True):
                    yield s, side, left, entered

    def _check(self, t: float) -> None:
        """Raise StepError if a cell has more copies than can be counted."""
        # What overflowed is negative, and as a number without a sign above the limit, too.
        found = self.n.view(np.uint64)
        if found.max(initial=0) > MOST_COPIES:
            name = self.system.names[int(np.argmax(found.max(axis=1)))]
            raise StepError(
                f"more than 2^53 = {MOST_COPIES:.1g} copies of {name} in a cell at t = {t:.6g}: "
                f"they are not counted any more; end earlier, let a reaction keep their number "
                f"low, or run a PDE"
            )

    def described(self) -> dict[str, Any]:
        """Number of substeps of a step, by species."""
        parts = [1 if hops is None else hops.parts for hops in self.hops]
        return {"hop_parts": dict(zip(self.system.names, parts, strict=True))}

    def state(self) -> State:
        """The copies, as an array by name."""
        return {"cells/n": self.n.copy()}

    def load_state(self, state: State) -> None:
        """The inverse of `state`. Raises ResultError."""
        self.n[:] = stored_numbers(state, "cells/n", self.n.shape, least=0)


class Tables:
    """Tables of binomial numbers for each probability, concatenated."""

    def __init__(self) -> None:
        self._known: dict[float, int] = {}
        self._all: list[copies.Table] = []

    def number(self, chances: Floats, most: int = 1 << 15) -> int:
        """The number of the table of faces that have the same probability, -1 for others.

        It is for less than ``most`` copies.
        """
        p = float(chances[0]) if len(chances) else 0.0
        if not 1e-9 < p <= 0.5 or np.ptp(chances) > 1e-12 * p:
            return -1
        p = float(f"{p:.12g}")
        if p not in self._known:
            size = int(min(copies.NORMAL / (p * (1.0 - p)) + 1, most))
            bits, start = np.empty(size, np.int64), np.empty(size, np.int64)
            copies.table_layout(p, bits, start)
            size = int(np.searchsorted(start + (1 << bits), _COLUMNS, side="right"))
            bits, start = bits[:size].copy(), start[:size].copy()
            columns = np.empty(start[-1] + (1 << bits[-1]), np.uint64)
            copies.fill_table(p, bits, start, columns)
            self._known[p] = len(self._all)
            self._all.append(copies.Table(size, bits, start, columns))
        return self._known[p]

    def next_larger(self, chances: Floats) -> tuple[Integers, Floats]:
        """Numbers of tables for probabilities not below those of some faces, and what to spare.

        There are `_STEPS` of them between a half and a quarter, and so on down to `_LEAST`.
        """
        numbers, spare = np.full(len(chances), -1), np.zeros(len(chances))
        known = np.flatnonzero((chances >= _LEAST) & (chances <= 0.5))
        level = np.floor(_STEPS * np.log2(0.5 / chances[known]))
        for one in np.unique(level):
            faces, p = known[level == one], 0.5 * 2.0 ** (-one / _STEPS)
            numbers[faces] = self.number(np.array([p]), _MANY)
            spare[faces] = np.maximum(1.0 - chances[faces] / p, 0.0)
        return numbers, spare

    def first(self) -> copies.Table:
        """The first of them."""
        return self._all[0]

    def joined(self) -> dict[str, Any]:
        """All tables, for `hybridrd.kernels.copies.Hopping`."""
        sizes = np.array([t.size for t in self._all], np.int64)
        before = np.cumsum([0, *(len(t.columns) for t in self._all)])
        starts = [t.start + at for t, at in zip(self._all, before, strict=False)]
        none = np.zeros(0, np.int64)
        return {
            "sizes": sizes,
            "rows": np.cumsum([0, *sizes])[:-1].astype(np.int64),
            "bits": np.concatenate([none, *(t.bits for t in self._all)]),
            "start": np.concatenate([none, *starts]),
            "columns": np.concatenate([none.astype(np.uint64), *(t.columns for t in self._all)]),
        }


def poisson_table(means: list[float]) -> copies.Table:
    """Poisson numbers with given means, one row for each."""
    from scipy.stats import poisson

    most = [mean + 10.0 * np.sqrt(mean) + 12.0 for mean in means]
    bits = np.array([int(np.ceil(np.log2(m))) for m in most], np.int64)
    ends = np.cumsum(1 << bits)
    columns = np.empty(int(ends[-1]), np.uint64)
    for mean, end, b in zip(means, ends, bits, strict=True):
        m = 1 << int(b)
        copies.alias(poisson.pmf(np.arange(m), mean) * m, columns[end - m : end])
    return copies.Table(len(means), bits, ends - (1 << bits), columns)


class Hops:
    """Diffusion of one species: its faces by colour, its walls, its baths.

    Parameters
    ----------
    field
        The field it belongs to.
    species
        Its number.
    assembled
        FiPy's system of it.
    in_halves
        Whether a step has a first half of its own.

    Attributes
    ----------
    faces
        All faces between two cells.
    open
        The walls that copies can pass, except those with a bath.
    """

    def __init__(
        self, field: DiscreteField, species: int, assembled: Assembled, in_halves: bool
    ) -> None:
        system = field.system
        self._field, self._key, self._name = field, field.key, system.names[species]
        self._values = WallValues(system, self._name, field.grid, field.baths)
        self._baths = {side_of_box(system, w): bath for w, bath in field.baths.of(species)}
        self.sides = list(
            dict.fromkeys([*assembled.inflow, *assembled.absorption, *self._values.fed])
        )
        self.passed = np.zeros((len(self.sides), 2), np.int64)
        walls = [self._wall(assembled, side) for side in self.sides]
        self.open = [wall for wall in walls if wall.side not in self._baths]
        groups = self._bath_faces([wall for wall in walls if wall.side in self._baths])
        in_turn = len(groups) > 0
        colours = _faces_by_colour(field, assembled)
        self.faces = Faces._make(np.concatenate(part) for part in zip(*colours, strict=True))
        groups += colours
        faces = Faces._make(np.concatenate(part) for part in zip(*groups, strict=True))
        rates = [faces.on + faces.back, *(wall.rate for wall in self.open), np.zeros(1)]
        self.parts = parts_of_step(max(float(r.max(initial=0.0)) for r in rates), field.dt)
        order, half = _schedule(len(self.open) > 0, len(groups), in_turn, self.parts, in_halves)
        if len(order) > 1 << 12:
            raise StepError(
                f"species {self._name}: copies pass from cell to cell so often in a "
                f"step of {field.dt:g} that it would have {self.parts:,} parts; use dt <= "
                f"{(1 << 12) / len(order) * field.dt:.3g}, or larger cells"
            )
        base = hop_address(species, len(order), field.grid.cells)
        # Half a part and all of it.
        self._times = (0.5 * field.dt / self.parts, field.dt / self.parts)
        self._leaving = [np.array([-np.expm1(-w.rate * t) for t in self._times]) for w in self.open]
        cells = [wall.cell for wall in self.open]
        sides = np.array([self.sides.index(wall.side) for wall in self.open], np.int64)
        starts = np.cumsum([0, *(len(group.first) for group in groups)])
        self._hopping = copies.Hopping(
            order=np.array(order, np.int64),
            part=np.array([hop_part(base, unit) for unit in range(len(order))], np.uint64),
            colours=starts.astype(np.int64),
            first=faces.first,
            second=faces.second,
            address=faces.address,
            **_probabilities(faces, starts, self._times[1]),
            open_cell=np.concatenate([np.zeros(0, np.int64), *cells]),
            open_address=np.concatenate([np.zeros(0, np.uint64), *(w.address for w in self.open)]),
            open_side=np.repeat(sides, [len(c) for c in cells]),
            leaving=np.concatenate([np.zeros((2, 0)), *self._leaving], axis=1),
        )
        self._first, self._rest = (0, half), (half, len(order))
        self._entering: Floats | None = None

    def _wall(self, assembled: Assembled, side: str) -> WallFaces:
        field = self._field
        term = assembled.inflow.get(side) or assembled.absorption.get(side)
        if term is not None:
            faces, cell, conductance, inward = term
        else:
            cell = field.position[wall_cells(field.grid, side)]
            faces = np.flatnonzero(cell >= 0)
            cell, conductance = cell[faces], np.zeros(len(faces))
            inward = conductance
        code = CELL_WALLS + 2 * AXES.index(side[0]) + int(side[1] == "+")
        address = (field.active[cell] + (code << 32)).astype(np.uint64)
        volume = field.volumes[cell]
        cell, out, back = cell.astype(np.int64), conductance / volume, inward / volume
        return WallFaces(side, cell, address, faces, out, back, volume)

    def _bath_faces(self, walls: list[WallFaces]) -> list[Faces]:
        """The faces of all baths, each bath a cell of the volume V/K behind the others."""
        groups = []
        for wall in walls:
            bath = self._baths[wall.side]
            number = len(self._field.volumes) + list(self._baths).index(wall.side)
            back = wall.back * wall.volume * bath.partition / bath.volume
            second = np.full(len(wall.cell), number)
            groups.append(Faces(wall.cell, second, wall.rate, back, wall.address))
        return [Faces._make(map(np.concatenate, zip(*groups, strict=True)))] if groups else []

    def begin(self, n: Integers, step: int) -> None:
        """The first half of a step in halves."""
        self.passed[:] = 0
        if self._first[1]:
            self._hop(n, self._first, step)

    def finish(self, n: Integers, step: int) -> None:
        """What is left of a step after `begin`, all of it if it has no halves."""
        if not self._first[1]:
            self.passed[:] = 0
        self._hop(n, self._rest, step)

    def _hop(self, n: Integers, units: tuple[int, int], step: int) -> None:
        """Exchange copies between cells, with walls and with baths."""
        entering = self._means((step + 0.5) * self._field.dt)
        here = n
        if self._baths:
            here = np.concatenate([n, [int(bath.amount) for bath in self._baths.values()]])
        copies.hop(here, self._hopping, units, entering, self._key, step, self.passed)
        if self._baths:
            for (side, bath), now in zip(self._baths.items(), here[len(n) :], strict=True):
                gained = int(now) - int(bath.amount)
                bath.amount += gained
                self.passed[self.sides.index(side)] += max(gained, 0), max(-gained, 0)
            n[:] = here[: len(n)]

    def entering(self, t: float) -> Floats:
        """Mean number per time that enters at each open face."""
        held, fed = self._values.held(t), self._values.per_area(t)
        rates = [np.zeros(0)]
        for wall in self.open:
            rate = np.zeros(len(wall.cell))
            if wall.side in held:
                rate += held[wall.side][wall.faces] * wall.volume * wall.back
            if wall.side in fed:
                rate += fed[wall.side][wall.faces]
            rates.append(rate)
        return np.concatenate(rates)

    def _means(self, t: float) -> Floats:
        """Mean numbers that enter at each open face, over half and all of a part of the step.

        Raises StepError.
        """
        if self._entering is not None and self._values.constant:
            return self._entering
        held, fed = self._values.held(t), self._values.per_area(t)
        means = [np.zeros((2, 0))]
        for wall, leaving in zip(self.open, self._leaving, strict=True):
            entering = np.zeros_like(leaving)
            if wall.side in held:
                ratio = wall.back / np.where(wall.rate > 0, wall.rate, 1.0)
                entering += held[wall.side][wall.faces] * wall.volume * leaving * ratio
            if wall.side in fed:
                # Some of those that came in have left again.
                times = np.array(self._times)[:, None]
                rate = np.where(wall.rate > 0, wall.rate, 1.0)
                present = np.where(wall.rate > 0, leaving / rate, times)
                entering += fed[wall.side][wall.faces] * present
            means.append(entering)
        self._entering = np.concatenate(means, axis=1)
        most = float(np.abs(self._entering).max(initial=0.0))
        if not most <= MOST_COPIES:
            raise StepError(
                f"species {self._name}: {most:.3g} copies would enter through a face of a wall in "
                f"a part of a step, above 2^53 = {MOST_COPIES:.1g}; give the wall less, or run a "
                f"PDE"
            )
        return self._entering


def _probabilities(faces: Faces, starts: Integers, t: float) -> dict[str, Any]:
    """Probabilities to pass each face over half of t and all of it, with their tables."""
    kept = relaxation(faces.on + faces.back, t)
    moved = 1.0 - np.array([np.sqrt(kept), kept])
    share = faces.on / np.where(faces.on > 0, faces.on + faces.back, 1.0)
    on, back = share * moved, (1.0 - share) * moved
    tables = Tables()
    numbers = [
        [[tables.number(p[half, a:b]) for p in (on, back)] for half in (0, 1)]
        for a, b in pairwise(starts)
    ]
    numbered = np.array(numbers, np.int64).reshape(-1, 2, 2)
    near, spare = np.full((2, 2, len(faces.on)), -1), np.zeros((2, 2, len(faces.on)))
    for k, (a, b) in enumerate(pairwise(starts)):
        for half, way in np.ndindex(2, 2) if (numbered[k] < 0).any() else ():
            near[half, way, a:b] = number = numbered[k, half, way]
            if number < 0:
                found = tables.next_larger((on, back)[way][half, a:b])
                near[half, way, a:b], spare[half, way, a:b] = found
    if not (near >= 0).any():
        near, spare = near[:, :, :0], spare[:, :, :0]
    by_face = {"near": near.astype(np.int64), "spare": spare}
    return {"on": on, "back": back, "tables": numbered, **by_face, **tables.joined()}


def _schedule(
    open_walls: bool, colours: int, in_turn: bool, parts: int, in_halves: bool
) -> tuple[list[tuple[int, ...]], int]:
    """Colours (-1: the walls), over half (0) or all (1) of a part, and whether in reverse order.

    Forwards, then backwards; twice the same over half a part is once over all of it, but for the
    first colour where its faces are done ``in_turn``, and in the middle of a step ``in_halves``.
    Also returns how many belong to the first half.
    """
    there = [-1] * open_walls + list(range(colours))
    one = [(k, 0, 0) for k in there] + [(k, 0, 1) for k in there[::-1]]
    merged: list[tuple[int, ...]] = []
    first = 0
    for number, (k, half, reverse) in enumerate(one * parts):
        if in_halves and number == len(there) * parts:
            first = len(merged)
        elif merged and merged[-1][:2] == (k, 0) and not (in_turn and k == 0):
            merged[-1] = k, 1, 0
            continue
        merged.append((k, half, reverse))
    return merged, first


def _faces_by_colour(field: DiscreteField, assembled: Assembled) -> list[Faces]:
    (first, second), colour, (lower, axis) = colours(assembled, field.grid)
    on, back = (
        -np.asarray(assembled.matrix[to, of]).ravel() / field.volumes[of]
        if first.size  # without entries SciPy makes a matrix
        else np.zeros(0)
        for of, to in ((first, second), (second, first))
    )
    address = (field.active[lower] + (axis << 32)).astype(np.uint64)
    everything = first, second, on, back, address
    some = [np.flatnonzero(colour == k) for k in np.unique(colour)]
    if not some:
        some = [np.zeros(0, np.int64)]
    return [Faces._make(part[f] for part in everything) for f in some]


def colours(
    assembled: Assembled, grid: Grid
) -> tuple[tuple[Integers, Integers], Integers, tuple[Integers, Integers]]:
    """The faces of a system between cells: their cells, colours and addresses.

    Returns
    -------
    pairs
        Positions of both cells among the active ones.
    colour
        Two an axis, three where an odd number of cells is periodic.
    where
        Position of the cell of which it is the upper face, and its axis.
    """
    from scipy.sparse import triu

    found = triu(assembled.matrix, 1).tocoo()
    some = found.data < 0
    i, j = found.row[some].astype(np.int64), found.col[some].astype(np.int64)
    shape = grid.shape
    at = [np.array(np.unravel_index(assembled.active[k], shape, order="F")) for k in (i, j)]
    differs = at[0] != at[1]
    axis = differs.argmax(axis=0)
    index = np.arange(len(i))
    a, b = at[0][axis, index], at[1][axis, index]
    wraps = np.abs(a - b) > 1
    # The lower cell; the last one where the face joins both ends of the axis.
    swap = (a > b) != wraps
    i, j = np.where(swap, j, i), np.where(swap, i, j)
    lower = np.where(wraps, np.maximum(a, b), np.minimum(a, b))
    odd = np.array(shape)[axis] % 2 == 1
    colour = 3 * axis + np.where(wraps & odd, 2, lower % 2)
    return (i, j), colour, (i, axis.astype(np.int64))


class Reactions:
    """The reactions of a system in a cell, by the fastest exact method.

    Reactions ``without`` are left out, and those of ``more`` follow the system's.
    """

    def __init__(
        self, system: System, without: Sequence[int] = (), more: RatesByCell | None = None
    ) -> None:
        index = {name: i for i, name in enumerate(system.names)}
        channels = system.channels
        taken = [[index[n] for n in sorted(c.reactants)] for c in channels]
        made = [[index[n] for n in c.products] for c in channels]
        if more is not None:
            taken, made = taken + more.taken, made + more.made
        self._laws = {r: c.law for r, c in enumerate(channels) if c.law is not None}
        self._index = index
        self.by_themselves = not self._laws and all(
            r in without or (len(taken[r]) <= 1 and len(made[r]) <= 1) for r in range(len(taken))
        )
        most = max([1, *map(len, taken)])
        sites = np.full((len(taken), most), -1, np.int64)
        change = np.zeros((len(taken), len(system.species)), np.int64)
        factors = np.ones(len(taken))
        for r, (before, after) in enumerate(zip(taken, made, strict=True)):
            sites[r, : len(before)] = before
            np.add.at(change[r], before, -1)
            np.add.at(change[r], after, 1)
            # Pairs of one species react k n (n - 1)/2 times per volume and consume two copies each.
            if len(before) == 2 and before[0] == before[1]:
                factors[r] = 0.5
        powers = 1.0 - np.array([len(before) for before in taken], np.float64)
        for r in self._laws:
            powers[r] = factors[r] = 1.0
        factors[list(without)] = 0.0
        self.network = cell_reactions.Network(
            sites, change, powers, factors, self._addresses(len(taken))
        )
        by_species = [
            [r for r, c in enumerate(taken) if c == [s] and r not in without]
            for s in range(len(system.species))
        ]
        self._families = cell_reactions.Families(
            np.cumsum([0, *map(len, by_species)]),
            np.array([r for some in by_species for r in some], np.int64),
            np.array([r for r, c in enumerate(taken) if not c], np.int64),
            np.array([after[0] if after else -1 for after in made], np.int64),
            NO_TABLE,
            NO_TABLE,
        )
        self._lives: list[births.Lives] = []
        self._tabled: tuple[bytes, float] = b"", 0.0
        rates = [c.macroscopic(system.dimension) for c in channels]
        self._constant = not any(callable(k) and needs_time(k) for k in rates)

    def _prepare(self, cells: cell_reactions.Cells, tau: float) -> None:
        """Make tables of numbers, if all cells have the same rates and volumes.

        Never for rates that vary in time: results must not depend on how a run began.
        """
        if not self._constant or cells.rates.shape[1] > 1:
            return
        seen = cells.rates.tobytes(), tau
        if self._tabled == seen or np.ptp(cells.volumes) > 0:
            return
        self._tabled = seen
        families, rates = self._families, cells.rates[:, 0]
        becomes, born = families.product[families.channel], families.product[families.births]
        if becomes.max(initial=-1) < 0 and born.min(initial=0) >= 0:  # no copy changes its species
            size = cells.volumes[0] * tau
            found = [self._life(s, rates, size, tau) for s in range(len(cells.n))]
            self._lives = [lives for lives in found if lives is not None]
            return
        by_species = [rates[families.channel[a:b]].sum() for a, b in pairwise(families.channels)]
        x = max(by_species) * tau
        if x > cell_reactions.FASTEST:
            return
        old, young = cell_reactions.first_chances(x)
        tables = Tables()
        if tables.number(np.array([old])) == 0:
            self._families = families = families._replace(jumps=tables.first())
        means: list[float] = []
        for r in families.births:
            s = families.product[r]
            share = young if s >= 0 and by_species[s] > 0 else 0.0
            means += [rates[r] * cells.volumes[0] * tau * part for part in (1.0 - share, share)]
        if means and max(means) < _LARGEST_MEAN:
            self._families = families._replace(made=poisson_table(means))

    def _life(self, s: int, rates: Floats, size: float, tau: float) -> births.Lives | None:
        """Births and deaths of a species; ``size`` is that of a cell times the half step."""
        families = self._families
        deaths = families.channel[slice(*families.channels[s : s + 2])]
        made = families.births[families.product[families.births] == s]
        if not len(deaths) and not len(made):
            return None
        x, tables = float(rates[deaths].sum()) * tau, Tables()
        chance = -float(np.expm1(-x))
        die = tables.first() if tables.number(np.array([chance])) == 0 else NO_TABLE
        mean = float(rates[made].sum()) * size
        # Probability that a birth within the half step survives to its end.
        living = mean * (chance / x if x > 0.0 else 1.0)
        come = poisson_table([living]) if 0.0 < living < _LARGEST_MEAN else NO_TABLE
        return births.Lives(s, deaths, made, chance, living, mean - living, die, come)

    def _addresses(self, count: int) -> Integers:
        """Address of compiled laws in this process, 0 for mass action. Raises ModelError."""
        found = np.zeros(count, np.int64)
        for r, law in self._laws.items():
            places = [(name, self._index[name]) for name in law.names]
            found[r] = address_of(law.function, places, law.where)
        return found

    def react(
        self, cells: cell_reactions.Cells, now: cell_reactions.Moment, events: Integers
    ) -> None:
        """Half a step of reactions in each cell: by numbers, or one by one where they are few.

        Raises StepError.
        """
        if self.by_themselves:
            self._prepare(cells, now.tau)
            for lives in self._lives:
                births.live(cells, lives, now, events)
            if self._lives:
                return
        if self.by_themselves and self._expected(cells) * now.tau > len(cells.names):
            status = cell_reactions.react_families(cells, self._families, now, events)
        else:
            status = cell_reactions.react_cells(cells, self.network, now, events)
        if status != cell_reactions.DONE:
            self.check(status, now, cells.n / cells.volumes)

    def _expected(self, cells: cell_reactions.Cells) -> float:
        """Largest total rate of first-order reactions of a copy."""
        rates, families = cells.rates.max(axis=1), self._families
        total = float(rates[families.births].sum() * cells.volumes.sum())
        for n, (a, b) in zip(cells.n, pairwise(families.channels), strict=True):
            total += float(rates[families.channel[a:b]].sum() * n.sum())
        return total

    def check(self, status: int, now: cell_reactions.Moment, c: Floats) -> None:
        """Raise StepError, or ModelError for a law, if a kernel did not finish from c."""
        if status == cell_reactions.NO_RATE:
            for law in self._laws.values():  # names an invalid value
                law.at({name: c[s] for name, s in self._index.items()})
        if status != cell_reactions.DONE:
            raise StepError(
                f"reactions in a cell are too many for half a step of {now.tau:g}: more than 8 "
                f"million events, or a rate above {cell_reactions.FASTEST / now.tau:.3g} per time; "
                f"use a smaller dt"
            )
