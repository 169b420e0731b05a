"""Common view of every kind of result: a run, a mean field, or an ensemble."""

from __future__ import annotations

import math
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybridrd.arguments import number
from hybridrd.arrays import PARTICLES, Floats
from hybridrd.errors import ResultError
from hybridrd.results.dataset import DIMENSIONS
from hybridrd.results.study import ATTRIBUTES, has_points, is_study, point
from hybridrd.results.whole import whole

if TYPE_CHECKING:
    import xarray as xr

_SAMPLED = ("simulation", "ensemble")
_OF_CELLS = {"time", "species", "x", "y", "z", "r"}
# Suffixes that ensembles add to the name of a variable.
_STATISTIC = re.compile("_(mean|sem|var|quantile|covariance|replicas)$")
_OF_ENSEMBLES = {"replica", "quantile", "species_2", "reaction_2"}


class View:
    """Means, standard errors and geometry of a result.

    Parameters
    ----------
    result
        A Dataset of `Simulation.run`, `mean_field` or `ensemble`, also with one time or species, as
        from ``.sel(time=0.5)`` or ``.sel(species="A")``.
    name
        Its name in messages.

    Attributes
    ----------
    replicas
        Number of independent realisations: 1 for a run, 0 if nothing is random.

    Raises
    ------
    ResultError
        If it is not a result, or has no records or species.
    """

    def __init__(self, result: Any, name: str) -> None:
        import xarray as xr

        if has_points(result):
            left = ", ".join(f"{n} ({s})" for n, s in result[ATTRIBUTES].sizes.items())
            raise ResultError(
                f"{name}: is a sweep; choose one of its points along {left}: "
                f"hybridrd.point(study, ...) or study.sel(...)"
            )
        result = point(result) if is_study(result) else result
        given = f"a {type(result).__name__}"
        if isinstance(result, xr.Dataset):
            given += "".join(f" without {c}" for c in ("time", "species") if c not in result.coords)
        if not isinstance(result, xr.Dataset) or "without" in given:
            steady = getattr(result, "attrs", {}).get("kind") == "cdme-steady"
            raise ResultError(
                f"{name}: a result is needed (of Simulation.run, mean_field, ensemble or load), "
                f"not {given}{': a steady state has no records' if steady else ''}"
            )
        self.data: xr.Dataset = whole(result)
        self._check_dimensions(name)
        for dim, what in (("time", "records"), ("species", "species")):
            if not self.data.sizes[dim]:
                raise ResultError(f"{name}: has no {what}; does a selection leave any?")
        self.name = name
        self.is_ensemble = "replicas" in result.attrs
        self.replicas = (
            int(result.attrs.get("replicas", 1)) if result.attrs.get("kind") in _SAMPLED else 0
        )

    def _check_dimensions(self, name: str) -> None:
        """Raise ResultError for several results combined along an extra dimension."""
        for variable, data in self.data.data_vars.items():
            whole_name = str(variable)
            stem = _STATISTIC.sub("", whole_name)
            if "concentration" in (stem, whole_name):
                known = _OF_CELLS
            elif stem in DIMENSIONS:
                known = set(DIMENSIONS[stem])
            else:
                continue  # of an observer
            more = [str(d) for d in data.dims if d not in known | _OF_ENSEMBLES]
            if more:
                raise ResultError(
                    f"{name}: its {variable} has the extra dimension {more[0]}; choose one of "
                    f"{data.sizes[more[0]]}, .isel({more[0]}=0)"
                )

    @property
    def method(self) -> str:
        """Method of the run: ``"pde"``, ``"rdme"``, ``"spde"``, ``"particles"`` or ``"hybrid"``."""
        if self.replicas == 0:
            return "pde"
        described = self.data.attrs.get("system")
        system = described.get("system", {}) if isinstance(described, dict) else {}
        if "particles" in system or not system.get("fluctuations"):
            return "particles" if system.get("particles", "domain") == "domain" else "hybrid"
        return "spde" if system["fluctuations"] == "gaussian" else "rdme"

    @property
    def species(self) -> list[str]:
        """Names of the species."""
        return [str(s) for s in self.data["species"].values]

    @property
    def times(self) -> Floats:
        """Times of the records (time)."""
        return np.asarray(self.data["time"].values, dtype=float)

    def has(self, variable: str) -> bool:
        """Whether a variable was recorded."""
        return f"{variable}_mean" in self.data or variable in self.data

    def mean(self, variable: str) -> xr.DataArray:
        """A variable, in an ensemble its mean. Raises ResultError if it was not recorded."""
        if f"{variable}_mean" in self.data:
            return self._free(variable, self.data[f"{variable}_mean"])
        if variable in self.data:
            return self._free(variable, self.data[variable])
        there = ", ".join(str(v) for v in self.data.data_vars) or "none"
        raise ResultError(f"{self.name}: {variable} was not recorded; its variables: {there}")

    def sem(self, variable: str) -> xr.DataArray | None:
        """Standard error of a variable's mean over replicas, or None."""
        error = self.data.get(f"{variable}_sem")
        return None if error is None else self._free(variable, error)

    def _free(self, variable: str, values: xr.DataArray) -> xr.DataArray:
        """Concentrations with NaN in obstacles; other variables unchanged."""
        if variable != "concentration" or ("mask" not in self.data and not self._averaged):
            return values
        free = self.data["mask_mean" if self._averaged else "mask"] > 0
        return values if bool(free.all()) else values.where(free)

    def codes(self, record: int) -> NDArray[np.uint8]:
        """Kind of each cell at a record, in a result with ``mask``: 0, 1 or 2, see `MASK`."""
        mask = self.data["mask_mean"] if self._averaged else self.data["mask"]
        now = mask.isel(time=record) if "time" in mask.dims else mask
        return np.asarray(np.rint(np.asarray(now)), np.uint8)

    @property
    def follows(self) -> bool:
        """Whether the particle region changes in time."""
        return self._averaged or ("mask" in self.data and "time" in self.data["mask"].dims)

    @property
    def _averaged(self) -> bool:
        """Whether each replica has its own particle region."""
        return "mask_mean" in self.data

    @cached_property
    def is_box(self) -> bool:
        """Whether there are no obstacles, and all of the box `region` is particles."""
        if self.follows:
            return False
        if "mask" not in self.data:
            return True
        codes = self.codes(0)
        inside = codes[tuple(self.inside(self.region).values())]
        held = int((codes == PARTICLES).sum())
        return bool(codes.all()) and held in (0, inside.size) and (inside == inside.flat[0]).all()

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the space axes, those of ``concentration``.

        Raises ResultError if it was not recorded, or has lost an axis of the domain.
        """
        found = tuple(str(d) for d in self.mean("concentration").dims[2:])
        there = len(self.data.attrs.get("region_lower", found))
        if len(found) != there:
            raise ResultError(
                f"{self.name}: its concentration has {len(found)} axes of space "
                f"({', '.join(found) or 'none'}), its domain {there}; give all of space"
            )
        return found

    def centers(self, axis: str) -> Floats:
        """Cell centres along an axis (length)."""
        return np.asarray(self.data[axis].values, dtype=float)

    def spacing(self, axis: str) -> float:
        """Width of the cells along an axis (length)."""
        x = self.centers(axis)
        if len(x) > 1:
            return float(x[-1] - x[0]) / (len(x) - 1)
        # One cell: it is as wide as the domain.
        lower, upper = self.region[axis]
        return upper - lower

    @property
    def dimension(self) -> int:
        """Dimension of space; three for a ball shell, whose one axis is r."""
        return 3 if self.axes == ("r",) else len(self.axes)

    @property
    def volumes(self) -> Floats:
        """Volume of each cell (length^d), on all cells of ``concentration``."""
        if self.axes == ("r",):
            low, high = self.bounds("r")
            edges = np.linspace(low, high, len(self.centers("r")) + 1)
            return np.asarray(4 / 3 * np.pi * np.diff(edges**3))
        shape = [len(self.centers(a)) for a in self.axes]
        return np.full(shape, np.prod([self.spacing(a) for a in self.axes]))

    def bounds(self, axis: str) -> tuple[float, float]:
        """Bounds of the domain along an axis (length)."""
        x, half = self.centers(axis), 0.5 * self.spacing(axis)
        return float(x[0]) - half, float(x[-1]) + half

    @property
    def has_particles(self) -> bool:
        """Whether the system has a particle region."""
        return bool(self.data.attrs.get("has_particles", 0))

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        """The particle region by axis (length); the domain if there is none."""
        try:
            lower, upper = self.data.attrs["region_lower"], self.data.attrs["region_upper"]
        except KeyError as error:
            raise ResultError(
                f"{self.name}: has no attribute {error}, which holds the particle region; give a "
                f"result with all of its attributes"
            ) from error
        return {a: (float(p), float(q)) for a, p, q in zip(self.axes, lower, upper, strict=True)}

    @cached_property
    def region_cells(self) -> NDArray[np.bool_]:
        """The cells of the particle region; without one, all cells except obstacles.

        For a region that follows the copies, all cells except obstacles.
        """
        if self.is_box:
            inside = np.zeros([len(self.centers(a)) for a in self.axes], bool)
            inside[tuple(self.inside(self.region).values())] = True
            return inside
        codes = self.codes(0)
        fixed = (codes == PARTICLES).any() and not self.follows
        return np.asarray(codes == PARTICLES if fixed else codes > 0)

    def interfaces(self, axis: str) -> list[float]:
        """Positions of the interfaces along an axis (length).

        On a periodic axis one of them may be the edge of the domain.
        """
        if not self.has_particles:
            return []
        near = 1e-6 * self.spacing(axis)
        low, high = self.bounds(axis)
        inner = [x for x in self.region[axis] if low + near < x < high - near]
        return list(self.region[axis]) if inner and axis in periodic_axes(self.data) else inner

    def on_edge(self, axis: str, x: float) -> bool:
        """Whether a position along an axis is an edge of the domain."""
        return bool(np.isclose(self.bounds(axis), x, rtol=0, atol=1e-6 * self.spacing(axis)).any())

    def inside(self, region: dict[str, tuple[float, float]]) -> dict[str, slice]:
        """The cells whose centres lie in a region, as slices by axis."""
        result = {}
        for axis, (lower, upper) in region.items():
            x = self.centers(axis)
            within = np.flatnonzero((x > lower) & (x < upper))
            if len(within) == 0:
                raise ResultError(
                    f"{self.name}: no cell centre between {axis} = {lower:g} and {upper:g}"
                )
            result[axis] = slice(int(within[0]), int(within[-1]) + 1)
        return result


def periodic_axes(data: xr.Dataset) -> list[str]:
    """Names of the periodic axes of a result."""
    if "periodic" in data.attrs:
        return [str(a) for a in data.attrs["periodic"]]
    system = data.attrs.get("system")  # of results without this attribute
    walls = system["system"].get("walls", {}) if isinstance(system, dict) else {}
    return [str(a) for a, wall in walls.items() if wall == "periodic"]


def record_at(view: View, time: float | None) -> int:
    """Index of the record nearest to a time; of the last one for None.

    Raises
    ------
    ResultError
        If the nearest is more than half a record away, or the time is not a finite number.
    """
    times = view.times
    if time is None:
        return len(times) - 1
    time = finite("time", time)
    nearest = int(np.argmin(np.abs(times - time)))
    neighbours = np.abs(np.delete(times, nearest) - times[nearest])
    allowed = 0.5 * float(neighbours.min(initial=np.inf)) if len(neighbours) else 0.0
    distance = abs(float(times[nearest]) - time)
    if distance > allowed + 1e-9 * max(1.0, abs(time)):
        raise ResultError(
            f"{view.name}: there is no record near t = {time:g}; the nearest is at "
            f"t = {times[nearest]:.6g}, of {len(times)} from {times[0]:.6g} to {times[-1]:.6g}"
        )
    return nearest


def finite(name: str, value: Any, positive: bool = False) -> float:
    """A finite number, above 0 if ``positive``. Raises ResultError for anything else."""
    return number(value, name, 0.0 if positive else -math.inf, positive, ResultError)
