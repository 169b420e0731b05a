"""Net numbers of particles that pass planes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np

from hybridrd.arguments import shown
from hybridrd.arrays import MANY, Floats, Ids, Integers, State, labels, load_counts, stored
from hybridrd.errors import ModelError, StepError
from hybridrd.model.drift import largest_D
from hybridrd.model.plane import Plane
from hybridrd.model.quantity import in_length
from hybridrd.particles.population import Population
from hybridrd.particles.region import Region
from hybridrd.results.names import flaw

if TYPE_CHECKING:
    from hybridrd.model.system import System


@final
class PlaneCounts:
    """Net numbers that passed planes upwards along their axes, by motion and exchange.

    A particle passes if it is on different sides before and after a step. One that
    leaves through a face ends, and one that enters begins, beyond that face. Reactions move
    nothing: a particle that vanishes or appears beside a plane does not pass it. On a periodic
    axis the shorter way is assumed.

    Parameters
    ----------
    planes
        Planes by name.
    region, D, dt
        The particle region, diffusion coefficients (length²/time) and time step.

    Attributes
    ----------
    names, counts
        Names of the planes; the numbers since the start, ``(species, planes)``.

    Raises
    ------
    ModelError, StepError
        If a plane does not cross the region; if a step is too long for a periodic axis.
    """

    def __init__(
        self, planes: Mapping[str, Plane], region: Region, D: Sequence[float], dt: float
    ) -> None:
        self.planes, self.names = dict(planes), list(planes)
        axes = region.grid.axes
        for name, plane in self.planes.items():
            _check(name, plane, region)
        self._axes = np.array([axes.index(p.axis) for p in self.planes.values()], np.int64)
        self._places = np.array([p.place for p in self.planes.values()])
        self._periods = region.periods[self._axes]
        self._round = np.flatnonzero(self._periods)
        for p in self._round:
            most = 6.0 * np.sqrt(2.0 * max(D) * dt)
            if most > 0.5 * self._periods[p]:
                raise StepError(
                    f"planes[{self.names[p]!r}]: in dt = {dt:g} particles go up to {most:.3g}, "
                    f"more than half way round the periodic axis ({self._periods[p]:g}); use a "
                    f"smaller dt"
                )
        self.counts = np.zeros((len(D), len(self.names)), np.int64)

    @classmethod
    def of(
        cls, system: System, region: Region | None, dt: float, planes: Mapping[str, Plane]
    ) -> PlaneCounts:
        """The planes of a system. Raises ModelError also if particles can't be counted."""
        follows = system.particles is not None and system.particles.follows
        if region is None or system.particles is None or follows:
            why = "the region moves" if follows else "there are no particles"
            raise ModelError(f"planes: particles that pass are counted, but {why}")
        return cls(planes, region, [largest_D(system, s) for s in system.species], dt)

    def restart(self) -> None:
        """Count from the start again."""
        self.counts[:] = 0

    def begin(self, population: Population, step: int) -> None:  # noqa: ARG002
        """See the particles before they are exchanged and move."""
        self.counts -= self._above(population)

    def end(self, population: Population) -> None:
        """See them after that."""
        self.counts += self._above(population)

    def _above(self, population: Population) -> Integers:
        pairs = list(zip(self._axes, self._places, strict=True))
        return np.array(
            [[np.count_nonzero(g.x[a, : g.n] > at) for a, at in pairs] for g in population]
        )

    def moved(self, species: int, before: Floats, after: Floats) -> None:
        """Count those that went round a periodic axis."""
        for p in self._round:
            a = self._axes[p]
            rounds = np.rint((before[a] - after[a]) / self._periods[p])
            self.counts[species, p] += int(rounds.sum())

    def left(self, species: int, faces: Integers, x: Floats, ids: Ids, beyond: Floats) -> None:  # noqa: ARG002
        """Count those that left above a plane."""
        self.counts[species] += (beyond[self._axes] > self._places[:, None]).sum(axis=1)

    def entered(self, species: int, face: int, x: Floats, ids: Ids, beyond: Floats) -> None:  # noqa: ARG002
        """Count those that came from above a plane."""
        self.counts[species] -= (beyond[self._axes] > self._places[:, None]).sum(axis=1)

    def state(self) -> State:
        """Planes and counts, as arrays by name."""
        axes = labels([p.axis for p in self.planes.values()])
        return {
            "planes/name": labels(self.names),
            "planes/axis": axes,
            "planes/place": self._places.copy(),
            "planes": self.counts.copy(),
        }

    def load_counts(self, state: State, name: str, counts: Integers) -> None:
        """Fill counts with those of a state with these planes. Raises ResultError."""
        load_counts(state, name, counts, "planes/name", self.names, -MANY)


def planes_of(given: Any, units: Mapping[str, str]) -> dict[str, Plane]:
    """The planes in an argument ``planes=``, in a system's units; none for None.

    Raises
    ------
    ModelError
        For anything else.
    """
    if given is None:
        return {}
    planes = {}
    if not isinstance(given, Mapping):
        raise ModelError(
            f"planes = {shown(given)}: give planes by name, {{'middle': hrd.Plane(x=0.5)}}"
        )
    for name, plane in given.items():
        why = flaw(name)
        if why is not None:
            raise ModelError(f"planes: no result can have the name {shown(name)}: {why}")
        if not isinstance(plane, Plane):
            raise ModelError(f"planes[{name!r}] = {shown(plane)}: give a Plane, hrd.Plane(x=0.5)")
        place = in_length(getattr(plane, plane.axis), units, f"planes[{name!r}].{plane.axis}")
        planes[name] = Plane(**{plane.axis: place})
    return planes


def stored_planes(state: State) -> dict[str, Plane]:
    """The planes of a state, or none. Raises ResultError."""
    if "planes" not in state:
        return {}
    names, axes, places = (stored(state, f"planes/{n}") for n in ("name", "axis", "place"))
    rows = zip(names, axes, places, strict=True)
    return {str(n): Plane(**{str(a): float(v)}) for n, a, v in rows}


def _check(name: str, plane: Plane, region: Region) -> None:
    axes = region.grid.axes
    if plane.axis not in axes:
        raise ModelError(
            f"planes[{name!r}] = {plane}: particles have the coordinates {', '.join(axes)}"
        )
    a = axes.index(plane.axis)
    low, high = region.low[a], region.high[a]
    at_seam = bool(region.wrapped[a]) and plane.place == low
    if not (low < plane.place < high or at_seam):
        raise ModelError(
            f"planes[{name!r}] = {plane}: is not inside the particle region, {plane.axis} from "
            f"{low:g} to {high:g}; what passes its faces is in flux and crossings"
        )
