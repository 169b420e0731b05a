"""Checks of the arguments of figures."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from hybridrd.errors import ResultError
from hybridrd.results.view import View


def count(name: str, value: Any) -> int:
    """A whole number of at least 1. Raises ResultError for anything else."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral) or value < 1:
        raise ResultError(f"{name} = {value!r}: give a whole number of at least 1")
    return int(value)


def bins_of(view: View, bins: Any, axes: tuple[str, ...] | None = None) -> int | None:
    """Cells per side of the requested bins, None for None.

    Raises
    ------
    ResultError
        Unless it is a whole number, at most the number of cells of the particle region along the
        longest of the axes (all by default).
    """
    if bins is None:
        return None
    wanted = count("bins", bins)
    cells = view.inside({a: view.region[a] for a in axes or view.axes})
    most = max(s.stop - s.start for s in cells.values())
    if view.has_particles and view.replicas and wanted > most:
        raise ResultError(
            f"bins = {wanted}: the particle region of {view.name} is {most} cells long"
        )
    return wanted


def check_domain(view: View, other: View) -> None:
    """Raise ResultError unless both results have the same domain."""
    same = view.axes == other.axes and all(
        np.allclose(view.bounds(a), other.bounds(a), rtol=0, atol=1e-6 * view.spacing(a))
        for a in view.axes
    )
    if not same:
        mine, its = (
            ", ".join("{} {:.6g} to {:.6g}".format(a, *v.bounds(a)) for a in v.axes)
            for v in (view, other)
        )
        raise ResultError(
            f"{other.name}: its domain is {its}, that of {view.name} {mine}; draw results of one "
            f"domain together"
        )


def check_region(view: View, other: View) -> None:
    """Raise ResultError unless copy numbers of both results are of the same region."""
    for name in ("region_lower", "region_upper"):
        mine, its = (np.atleast_1d(v.data.attrs.get(name, ())) for v in (view, other))
        size = np.max(np.abs(mine), initial=0.0)
        if mine.shape != its.shape or not np.allclose(mine, its, rtol=0, atol=1e-6 * size):
            raise ResultError(
                f"{other.name}: counts in another region ({name} {its.tolist()}) than "
                f"{view.name} ({mine.tolist()}); their numbers cannot be compared"
            )
