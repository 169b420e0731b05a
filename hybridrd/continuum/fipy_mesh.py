"""Checks and cells of a user's FiPy variables and meshes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats
from hybridrd.continuum.rectilinear import RectilinearCells
from hybridrd.errors import ModelError
from hybridrd.model.grid import AXES
from hybridrd.model.shell import Domain
from hybridrd.model.system import System


def mesh_of(variable: Any, where: str) -> Any:
    """The mesh of a CellVariable. Raises ModelError for anything else, or integers."""
    mesh: Any = getattr(variable, "mesh", None)
    wanted = ("vertexCoords", "cellCenters", "cellVolumes")
    if not all(hasattr(mesh, name) for name in wanted) or not hasattr(variable, "setValue"):
        raise ModelError(f"{where} = {variable!r}: give a CellVariable of FiPy")
    if np.shape(variable.value) != (mesh.numberOfCells,):
        raise ModelError(
            f"{where} has the shape {np.shape(variable.value)}; give a CellVariable with one "
            f"number in each of the {mesh.numberOfCells} cells"
        )
    check_floating(variable, where)
    return mesh


def check_floating(variable: Any, where: str) -> None:
    """Refuse a variable of integers, whose values would lose their fractions at each step."""
    if not hasattr(variable, "setValue"):
        raise ModelError(f"{where} = {variable!r}: give a Variable of FiPy, Variable(value=0.0)")
    kind = np.asarray(variable.value).dtype
    if kind.kind != "f":
        raise ModelError(
            f"{where} holds numbers of the type {kind}, which lose their fractions at each step; "
            f"make it with a decimal point, as in value=30.0"
        )


def rectilinear_cells(mesh: Any) -> tuple[RectilinearCells, NDArray[np.intp]]:
    """The cells of a mesh, and FiPy's number of each."""
    corners = np.asarray(mesh.vertexCoords, dtype=np.float64)
    centers = np.asarray(mesh.cellCenters.value, dtype=np.float64)
    volumes = np.asarray(mesh.cellVolumes, dtype=np.float64)
    cells = RectilinearCells.between([_distinct(x) for x in corners], "the mesh")
    if cells.size != len(volumes):
        raise ModelError(
            f"the mesh is not rectilinear: it has {len(volumes)} cells, but its faces are at "
            f"{' x '.join(str(n + 1) for n in cells.shape)} positions along "
            f"{', '.join(AXES[: cells.dimension])}, between which there are {cells.size} boxes"
        )
    index = []
    for faces, x in zip(cells.edges, centers, strict=True):
        inside = faces[0] + (x - faces[0]) % (faces[-1] - faces[0])  # FiPy wraps periodic ones
        index.append(np.searchsorted(faces, inside) - 1)
    flat = np.ravel_multi_index(tuple(index), cells.shape)
    order = np.full(cells.size, -1, np.intp)
    order[flat] = np.arange(cells.size)
    if (order < 0).any():
        raise ModelError("the mesh is not rectilinear: two of its cells are in the same box")
    wrong = np.flatnonzero(~np.isclose(volumes[order], cells.volumes, rtol=1e-6, atol=0.0))
    if len(wrong):
        raise ModelError(
            f"the mesh is not rectilinear: the cell at {centers[:, order[wrong[0]]]} has the "
            f"volume {volumes[order[wrong[0]]]:g}, the box around it {cells.volumes[wrong[0]]:g}"
        )
    return cells, order


def _distinct(x: Floats) -> Floats:
    """The distinct values of coordinates that may differ by round-off."""
    values = np.unique(x)
    least = 1e-9 * (values[-1] - values[0])
    return np.asarray(values[np.concatenate([[True], np.diff(values) > least])])


def check_planes(variable: Any, name: str, system: System) -> None:
    """Refuse a variable with a constraint on a plane of the particle region.

    Raises
    ------
    ModelError
        In two-way coupling, where the flux by such a constraint is in no account.
    """
    if not isinstance(system.particles, Domain) or system.coupling != "two-way":
        return
    x = np.asarray(variable.mesh.faceCenters.value, dtype=np.float64)
    near = [1e-9 * (high - low) for low, high in system.domain.intervals]
    held, slopes = getattr(variable, "faceConstraints", ()), variable.faceGrad.constraints
    inside = np.ones(x.shape[1], bool)
    for a, (low, high) in enumerate(system.particles.intervals):
        inside &= (x[a] > low - near[a]) & (x[a] < high + near[a])
    for a, bounds in enumerate(system.particles.intervals):
        for place, wall in zip(bounds, system.domain.intervals[a], strict=True):
            if abs(place - wall) <= near[a] and not system.is_periodic(AXES[a]):
                continue  # a wall of the domain
            plane = inside & (np.abs(x[a] - place) <= near[a])
            acting = [*held, *(c for c in slopes if np.asarray(c.value).any())]
            for constraint in acting:
                if (np.asarray(constraint.where) & plane).any():
                    raise ModelError(
                        f"variables[{name!r}] has a constraint on the plane {AXES[a]} = {place:g} "
                        f"of the particle region: what it lets pass is in no account; in two-way "
                        f"coupling leave the plane to the particles, or use coupling='mean-field'"
                    )
