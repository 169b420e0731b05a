"""Checks of a run, all reported at once, before anything is allocated or written."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from hybridrd.arguments import number, shown
from hybridrd.errors import AccuracyWarning, HybridrdError, ModelError, StepError
from hybridrd.model.quantity import in_time
from hybridrd.model.system import System

if TYPE_CHECKING:
    from hybridrd.reactions.tables import ReactionTables

Place = Callable[[str], str]


def time_problems(values: Mapping[str, Any], at: Place) -> dict[str, str]:
    """Mistakes in ``dt``, ``until`` and ``every``, each alone and in combination.

    Parameters
    ----------
    values
        The given values.
    at
        The key or option of each, for messages.

    Returns
    -------
    dict
        One line each, by name.
    """
    from hybridrd.run.schedule import in_steps  # loads numba, which reading a result does not need

    problems: dict[str, str] = {}
    dt: float | None = None
    try:
        dt = number(values["dt"], at("dt"), strict=True) if "dt" in values else None
    except ModelError as error:
        problems["dt"] = str(error)
    for name, least in (("until", 0), ("every", 1)):
        if name not in values:
            continue
        try:
            if dt is None:
                number(values[name], at(name), strict=least > 0)
            else:
                in_steps(values[name], dt, at(name), least)
        except HybridrdError as error:
            problems[name] = str(error)
    return problems


def plane_problems(system: System, values: Mapping[str, Any], at: Place) -> Iterator[str]:
    """Mistakes in planes, one line each."""
    from hybridrd.cli.methods import is_pde
    from hybridrd.coupling.plane_counts import PlaneCounts, planes_of
    from hybridrd.particles.region import make_region

    if not values.get("planes") or is_pde(system, values.get("method")):
        return
    dt = values.get("dt", 0.0)
    try:
        planes = planes_of(values["planes"], system.units)
        PlaneCounts.of(system, make_region(system), dt, planes)
    except (ModelError, StepError) as error:
        yield f"{at('planes')}{str(error).removeprefix('planes')}"


def in_units(time: Any, system: System | None, where: str) -> Any:
    """A time of a file or an option as a number, in the units of the system. Raises ModelError.

    Text is a number, or a quantity, ``10 s``.
    """
    found = in_time(time, {"time": "s"} if system is None else system.units, where)
    if not isinstance(found, str):
        return found
    try:
        return float(found)
    except ValueError:
        raise ModelError(
            f"{where} = {shown(time)}: give a number, or a quantity like '10 s'"
        ) from None


def step_problems(system: System, dt: float, at: Place, whole: bool = True) -> list[str]:
    """Reasons why a time step is unsuitable for a system, one line each.

    Parameters
    ----------
    system
        A system with a particle region.
    dt
        The time step (time).
    at
        The key or option of ``dt`` and of ``interface``, for messages.
    whole
        Whether the system is complete, so that checks that need all of it can run, too.

    Raises
    ------
    ModelError
        If the system cannot be run with any step.
    CapacityError
        If it does not fit into memory.
    """
    from hybridrd.simulation.sizes import plan_that_fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # the run itself gives these warnings
        problems = list(dict.fromkeys(_step_problems(system, dt, at)))
        if whole and not problems:
            try:
                plan_that_fits(system, dt)
            except StepError as error:
                problems.append(f"{at('dt')} = {dt:g}: {error}")
    return problems


def _step_problems(system: System, dt: float, at: Place) -> Iterator[str]:
    for check in _checks(system):
        try:
            check(dt)
        except StepError as error:
            # If no step works, the cause is something else: a layer wider than the region.
            always = _fails(check, 1e-6 * dt)
            place = at("interface") if always else f"{at('dt')} = {dt:g}"
            yield f"{place}: {error}"


def _fails(check: Callable[[float], object], dt: float) -> bool:
    try:
        check(dt)
    except StepError:
        return True
    return False


def _checks(system: System) -> Iterator[Callable[[float], object]]:
    """Functions of the step that raise at most one StepError each: by species and face, by pair."""
    from hybridrd.continuum.baths import check_baths
    from hybridrd.particles.region import make_region, species_walls
    from hybridrd.reactions.tables import make_tables

    yield partial(check_baths, system)
    region = make_region(system)
    assert region is not None
    for s in range(len(system.species)):
        if system.domain.radial:  # the check of a sphere depends on the other sphere
            yield partial(species_walls, system, region, s)
            continue
        for face in region.faces:
            yield partial(species_walls, system, replace(region, faces=(face,)), s)
    tables = make_tables(system)
    for i, encounter in enumerate(tables.encounters):
        # A dissociation is identified by its forward direction, which precedes it.
        own = tables.encounters[i - encounter.back : i + 1]
        yield partial(_probabilities, replace(tables, encounters=own))


def _probabilities(tables: ReactionTables, dt: float) -> None:
    from hybridrd.reactions.tables import encounter_probabilities

    encounter_probabilities(tables, tables.macroscopic(0.5 * dt), dt)
