"""Copy numbers in parts of the domain, of results and of running simulations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import named_arguments, shown
from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model.geometry import Box
from hybridrd.model.shape import Shape, some_cells
from hybridrd.model.shell import Shell
from hybridrd.results.view import View

if TYPE_CHECKING:
    import xarray as xr


@named_arguments
def copy_number(result: xr.Dataset, region: Shape) -> xr.DataArray:
    """Number of copies in a part of the domain, particles and continuum, at each record.

    Parameters
    ----------
    result
        A run, a mean field or an ensemble (which gives the mean), with ``concentration``.
    region
        Any shape; the copies are those of the cells whose centre belongs to it.

    Returns
    -------
    xarray.DataArray
        ``(time, species)``.

    Raises
    ------
    ModelError
        If it is not a shape, does not fit the cells or contains none.
    ResultError
        If the concentration was not recorded.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(species=[A], domain=hrd.Box(x=(0, 1)), initial={A: 2.0})
    >>> pde = hrd.mean_field(system, dt=1e-3, until=0.1, every=0.1)
    >>> hrd.copy_number(pde, hrd.Box(x=(0, 0.25))).values.round(12).tolist()
    [[0.5], [0.5]]
    """
    if not isinstance(region, Shape):
        raise ModelError(f"region = {shown(region)}: give a shape, a Ball or Box for example")
    view = View(result, "result")
    bounds = {axis: view.bounds(axis) for axis in view.axes}
    domain = Shell(*bounds["r"]) if view.axes == ("r",) else Box(**bounds)
    grid = domain.grid(tuple(len(view.centers(axis)) for axis in view.axes))
    inside = grid.unflatten(some_cells(region, grid))
    c = view.mean("concentration")
    weights = np.where(inside, view.volumes, 0.0)
    values = np.nan_to_num(np.asarray(c.values, float)) * weights
    counted = c.isel(dict.fromkeys(view.axes, 0), drop=True).copy(
        data=values.sum(axis=tuple(range(2, values.ndim)))
    )
    counted.attrs = {"units": "1", "long_name": f"number in {region!r}"}
    return counted.reset_coords(drop=True)


class Copies:
    """Observer of the number of copies of each species in a shape, particles and continuum."""

    def __init__(self, shape: Shape, grid: Any) -> None:
        self._inside = grid.unflatten(some_cells(shape, grid))
        self._volumes: Floats = grid.unflatten(grid.volumes)[self._inside]
        self._attributes = {"units": "1", "long_name": f"number in {shape!r}"}

    def __call__(self, run: Any) -> xr.DataArray:
        """The current number of copies, ``(species,)``."""
        import xarray as xr

        copies = (run.concentration[:, self._inside] * self._volumes).sum(axis=1)
        return xr.DataArray(copies, dims=("species",), attrs=self._attributes)
