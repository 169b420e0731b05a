"""Recorder of a run: its records as one labelled block, or as a Dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model.grid import Grid
from hybridrd.results.block import Block, Labelled
from hybridrd.results.names import chosen
from hybridrd.results.observed import Labels, as_array, labels_of

if TYPE_CHECKING:
    import xarray as xr

MASK = "0 obstacle, 1 continuum, 2 particles"
DESCRIPTIONS = {
    "concentration": "particles in the cell / its volume in the particle region, FiPy elsewhere",
    "copy_number": "number in the particle region",
    "total": "particles + integral of the continuum - amount owed + content of baths",
    "flux": "net number per time out of the particle region since the last record; first: NaN",
    "crossings": "net number that left through the face since the last record",
    "events": "how often the reaction fired in the particle region since the last record",
    "bath": "concentration in the bath beyond the wall",
    "mask": MASK,
    "particle_share": "fraction of the cells in the particle region",
    "plane_flux": "net number per time through the plane along its axis since the last record",
    "event_count": "number of events since the last record",
    "event_time": "when it happened",
    "event_what": "number of its label: a reaction, or an arrival or exit at a face",
    "event_species": "number of the species of the first particle, -1 for none",
    "event_reactants": "ids of the particles before the event, -1: none, -2: one without an id",
    "event_products": "ids of the particles after the event, -1: none, -2: one without an id",
    "event_place": "where it happened",
    "row_size": "number of particles of the species in the record",
    "position": "positions of all particles, by record, then species, then id",
    "particle_id": "id of the particle; ids are never reused",
}
DIMENSIONS = {
    "copy_number": ("time", "species"),
    "total": ("time", "species"),
    "flux": ("time", "species", "face"),
    "crossings": ("time", "species", "face"),
    "events": ("time", "reaction"),
    "bath": ("time", "species", "wall"),
    "particle_share": ("time",),
    "plane_flux": ("time", "species", "plane"),
    "event_count": ("time",),
    "event_time": ("event",),
    "event_what": ("event",),
    "event_species": ("event",),
    "event_reactants": ("event", "reactant"),
    "event_products": ("event", "product"),
    "event_place": ("event", "axis"),
    "row_size": ("time", "species"),
    "position": ("obs", "axis"),
    "particle_id": ("obs",),
}
# Particles and events as contiguous ragged arrays (CF conventions, section 9.3.3): records of any
# length one after another along the first dimension; these variables hold the length of each.
SIZES = {"obs": "row_size", "event": "event_count"}
EVENTS = tuple(name for name in DIMENSIONS if name.startswith("event_"))
RAGGED = tuple(name for name, dims in DIMENSIONS.items() if dims[0] in SIZES)


class Recorder:
    """Collector of records at given times, which makes the Dataset.

    Parameters
    ----------
    grid, species, faces, reactions
        Coordinates of the result.
    units
        Labels of length and time.
    variables
        Names of the variables to record; by default all that the run offers.
    walls
        Names of the walls with a bath.
    codes
        Kind of each cell, flat: 0 obstacle, 1 continuum, 2 particles; None if it is recorded in
        time.
    planes
        Names of the planes; their flux is always recorded.
    happenings
        Labels of the possible events of a particle; if there are any, each event is recorded.
    """

    def __init__(
        self,
        grid: Grid,
        species: Sequence[str],
        faces: Sequence[str],
        reactions: Sequence[str],
        units: dict[str, str],
        variables: Sequence[str] | None,
        offered: Sequence[str],
        walls: Sequence[str] = (),
        codes: np.ndarray | None = None,
        planes: Sequence[str] = (),
        happenings: Sequence[str] = (),
    ) -> None:
        self.variables = tuple(offered)
        if variables is not None:
            self.variables = chosen(variables, "record", "recorded", offered)
        self.variables += ("plane_flux",) if planes else ()
        self.variables += EVENTS if happenings else ()
        self._happenings = list(happenings)
        self._grid = grid
        self._coordinates = {
            "species": list(species),
            "face": list(faces),
            "reaction": list(reactions),
            "wall": list(walls),
            "plane": list(planes),
            "axis": list(grid.axes),
        }
        self._units = units
        self._codes = None if codes is None else grid.unflatten(codes)
        # Labels of each observed variable, and the coordinates that they add.
        self._labels: dict[str, Labels] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._extra: dict[str, tuple[Any, dict[str, Any]]] = {}
        self._rows: dict[str, list[Any]] = {}
        self._times: list[float] = []
        self.bytes = 0  # size of the records held

    def add(self, time: float, values: dict[str, Any]) -> None:
        """Add one record; ``concentration`` is flat, ``(species, cells)``.

        Raises
        ------
        ModelError
            If an observer's value differs in form from its first; then nothing is added.
        """
        rows: dict[str, Any] = {}
        for name, value in values.items():
            if name not in DESCRIPTIONS:
                rows[name] = as_array(name, value)
                self._label(name, value, rows[name].shape, values, time)
            else:
                rows[name] = np.array(value)
            if name in ("concentration", "mask"):
                rows[name] = self._grid.unflatten(rows[name])
        self._times.append(round(time, 12))
        for name, row in rows.items():
            self._rows.setdefault(name, []).append(row)
            self.bytes += row.nbytes

    def _label(
        self, name: str, value: Any, shape: tuple[int, ...], values: dict[str, Any], time: float
    ) -> None:
        """Check that the labels and the shape of an observer's value stay the same."""
        found = labels_of(name, value, {*values, *DESCRIPTIONS})
        before = self._labels.setdefault(name, found)
        first = self._shapes.setdefault(name, shape)
        if found.dims != before.dims:
            raise ModelError(
                f"observe[{name!r}]: its dimensions were {before.dims} in the first record, now "
                f"they are {found.dims} (t = {time:.12g}); keep them the same"
            )
        if shape != first:
            raise ModelError(
                f"observe[{name!r}]: its shape was {first} in the first record, now it is {shape} "
                f"(t = {time:.12g}); keep it the same, for example with NaN where there "
                f"is no value"
            )
        if found is not before:
            return
        for dim, size in zip(found.dims, shape, strict=True):
            expected = self._size(dim, name)
            if expected not in (None, size):
                raise ModelError(
                    f"observe[{name!r}]: its dimension {dim!r} has {size} entries, that of the "
                    f"result {expected}; call the dimension something else"
                )
        for dim, (coordinate, attributes) in found.coordinates.items():
            known = self._known(dim)
            if known is not None and not np.array_equal(known, coordinate):
                raise ModelError(
                    f"observe[{name!r}]: the coordinate {dim!r} is not that of the result; call "
                    f"the dimension something else"
                )
            if known is None:
                self._extra[dim] = coordinate, attributes

    def _size(self, dim: str, name: str) -> int | None:
        """Length of a dimension of the result without observers, or None."""
        known = self._known(dim)
        if known is not None:
            return len(known)
        for other, labels in self._labels.items():
            if other != name and dim in labels.dims:
                return self._shapes[other][labels.dims.index(dim)]
        return None

    def _known(self, dim: str) -> Any:
        """The values of a coordinate of the result, None if there is none of that name."""
        if dim in self._grid.axes:
            return self._grid.centers(self._grid.axes.index(dim))
        if dim in self._coordinates:
            return np.array(self._coordinates[dim], dtype=object)
        return self._extra[dim][0] if dim in self._extra else None

    def __len__(self) -> int:
        return len(self._times)

    def clear(self) -> None:
        """Drop all records, after they are written to disk."""
        self._rows, self._times, self.bytes = {}, [], 0

    def take(self) -> dict[str, NDArray[Any]]:
        """The values of all records, ``(records, ...)`` by variable; drops the records."""
        found = {name: _stacked(name, rows) for name, rows in self._rows.items()}
        self.clear()
        return found

    def dataset(self, attributes: dict[str, Any]) -> xr.Dataset:
        """All records as a Dataset."""
        return self.block(attributes).dataset()

    def block(self, attributes: dict[str, Any] | None) -> Block:
        """All records; for None without attributes and labels except time."""
        axes = self._grid.axes
        length = self._units.get("length", "length")
        duration = self._units.get("time", "time")
        d = self._grid.space
        units = {
            "concentration": f"1/{length}^{d}" if d > 1 else f"1/{length}",
            "bath": f"1/{length}^{d}" if d > 1 else f"1/{length}",
            "flux": f"1/{duration}",
            "plane_flux": f"1/{duration}",
            "position": length,
            "event_place": length,
            "event_time": duration,
        }
        variables: dict[str, Labelled] = {}
        for name, rows in self._rows.items():
            data = _stacked(name, rows)
            if name == "concentration":
                dims: tuple[str, ...] = ("time", "species", *axes)
            elif name == "mask":
                dims = ("time", *axes)
            elif name in DIMENSIONS:
                dims = DIMENSIONS[name]
            else:
                dims = ("time", *self._labels[name].dims)
            attrs: dict[str, Any] = {"units": units.get(name, "1")}
            if name in self._labels:
                attrs |= self._labels[name].attributes
            if name in DESCRIPTIONS:
                attrs["long_name"] = DESCRIPTIONS[name]
            for dimension, size in SIZES.items():
                if name == size:
                    attrs["sample_dimension"] = dimension
            if name == "event_what":
                attrs["labels"] = self._happenings
            variables[name] = Labelled(dims, data, attrs)
        used = {d for v in variables.values() for d in v.dims}
        coordinates = {"time": Labelled(("time",), np.array(self._times), {"units": duration})}
        if attributes is None:
            return Block(variables, coordinates)
        for a, axis in enumerate(axes):
            coordinates[axis] = Labelled((axis,), self._grid.centers(a), {"units": length})
        if self._codes is not None:
            about = {"units": "1", "long_name": MASK}
            coordinates["mask"] = Labelled(axes, self._codes, about)
        for name, (values, about) in self._extra.items():
            coordinates[name] = Labelled((name,), values, about)
        for name, labels in self._coordinates.items():
            if name in used:
                coordinates[name] = Labelled((name,), np.array(labels, dtype=object), {})
        return Block(variables, coordinates, attributes)


def _stacked(name: str, rows: list[Any]) -> NDArray[Any]:
    return np.concatenate(rows) if name in RAGGED else np.array(rows)


def mean_rate(crossings: Floats, elapsed: float) -> Floats:
    """Crossings per time since the last record; NaN for the first record."""
    return np.asarray(crossings / elapsed if elapsed > 0 else np.full(crossings.shape, np.nan))
