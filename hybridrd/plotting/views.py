"""Views of results in other units, and with the axis of a slice last."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

from hybridrd.arguments import shown
from hybridrd.errors import ModelError, ResultError
from hybridrd.model.quantity import Dimension, read, words
from hybridrd.results.view import View

if TYPE_CHECKING:
    import xarray as xr

Units = str | Mapping[str, str] | None
_WHAT: dict[Dimension, str] = {(1, 0): "length", (0, 1): "time"}
_LENGTHS = ("region_lower", "region_upper")


def view_of(result: Any, name: str = "result", units: Units = None) -> View:
    """A view of a result, in other units if there are any.

    Parameters
    ----------
    units
        A unit of length, time or concentration (``"nM"``), or several by name,
        ``{"length": "nm", "time": "min", "concentration": "nM"}``.

    Raises
    ------
    ResultError
        If it is not a result, has no units, or pint does not know the requested units, or they are
        of another dimension.
    """
    view = View(result, name)
    if units is None:
        return view
    given: dict[Any, Any] = dict(units) if isinstance(units, Mapping) else {None: units}
    now = {n: _measured(view, n, view.data.attrs.get("units", {}).get(n)) for n in _WHAT.values()}
    density = (-view.dimension, 0)
    labels, factors = {}, dict.fromkeys(("length", "time", "concentration"), 1.0)
    for what, unit in given.items():
        wanted = _measured(view, "units" if what is None else f"units[{what!r}]", unit)
        kind = {**_WHAT, density: "concentration"}.get(wanted[1])
        if kind is None or what not in (None, kind):
            raise ResultError(
                f"units: {unit!r} is a unit of {words(wanted[1])}; give one of length, time, or "
                f"concentration ({words(density)}), or a dict by these names"
            )
        labels[kind] = str(unit)
        here = now["length"][0] ** -view.dimension if kind == "concentration" else now[kind][0]
        factors[kind] = here / wanted[0]
    if "concentration" not in labels:
        factors["concentration"] = factors["length"] ** -view.dimension
    return View(_scaled(view, factors, labels), name)


def _measured(view: View, where: str, unit: Any) -> tuple[float, Dimension]:
    """A unit in SI units, and its dimension."""
    if unit is None:
        raise ResultError(
            f"units: {view.name} has no unit of {where}; give it some, System(units={{'length': "
            f"'um', 'time': 's'}})"
        )
    try:
        found = read(f"1 {unit}", "") if isinstance(unit, str) else None
    except ModelError as error:
        raise ResultError(f"{where} = {unit!r}: {error}") from error
    if found is None:
        raise ResultError(f"{where} = {shown(unit)}: give the name of a unit, 'nm' or 'nM'")
    return float(found), found.dimension


def _scaled(view: View, factors: Mapping[str, float], labels: Mapping[str, str]) -> xr.Dataset:
    """A result with its lengths, times and concentrations times factors."""
    data, axes = view.data, ("x", "y", "z", "r")
    result = data.assign_coords({a: data[a] * factors["length"] for a in axes if a in data.coords})
    result = result.assign_coords(time=data["time"] * factors["time"])
    powers = {"concentration_var": 2, "position": 1}
    for name in data.data_vars:
        if str(name).startswith("concentration"):
            factor = factors["concentration"] ** powers.get(str(name), 1)
            result[name] = (data[name].dims, data[name].values * factor)
        elif name == "position":
            result[name] = (data[name].dims, data[name].values * factors["length"])
    result.attrs |= {"units": {**data.attrs.get("units", {}), **labels}}
    for name in _LENGTHS:
        if name in data.attrs:
            result.attrs[name] = [v * factors["length"] for v in data.attrs[name]]
    return result


def sliced(view: View, x: Any, y: Any, z: Any) -> tuple[View, Any]:
    """A view whose last axis is that of a slice, and the position along it.

    Raises
    ------
    ResultError
        If there is more than one slice, or one across x or y without three dimensions.
    """
    asked = {axis: v for axis, v in (("x", x), ("y", y), ("z", z)) if v is not None}
    if len(asked) > 1:
        raise ResultError(f"{' and '.join(asked)}: a slice is across one of x, y and z; give one")
    if not asked or z is not None:
        return view, z
    ((axis, place),) = asked.items()
    if len(view.axes) != 3:
        raise ResultError(f"{axis} = {shown(place)}: {view.name} is not drawn as a slice")
    order = [*(a for a in view.axes if a != axis), axis]
    data = view.data.transpose("time", "species", *order, ..., missing_dims="ignore")
    for name in _LENGTHS:
        by_axis = dict(zip(view.axes, view.data.attrs.get(name, ()), strict=False))
        data = data.assign_attrs({name: [by_axis[a] for a in order]} if by_axis else {})
    if "position" in data:
        columns = [view.axes.index(a) for a in order]  # by index: names would realign them
        data["position"] = (("obs", "axis"), data["position"].values[:, columns])
    turned = copy(view)
    turned.__dict__.pop("region_cells", None)  # in the old order
    turned.data = data
    return turned, place
