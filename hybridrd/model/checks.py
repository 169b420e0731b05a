"""What makes a System a possible one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.errors import ModelError
from hybridrd.interface import InterfaceScheme
from hybridrd.model.functions import check_function
from hybridrd.model.geometry import Box
from hybridrd.model.initial import Copies, Patch, Points
from hybridrd.model.shell import Domain, Shell
from hybridrd.model.species import number
from hybridrd.model.walls import Influx, PartiallyAbsorbing, Periodic, Reservoir

if TYPE_CHECKING:
    from hybridrd.model.system import System


def problems(system: System) -> list[str]:
    """Everything that is wrong with a normalised System, one line each."""
    checks = (_species, _region, _reactions, _wall_contents, _contents, _options)
    return [problem for check in checks for problem in check(system)]


def _species(system: System) -> Iterator[str]:
    for name in dict.fromkeys(system.names):
        if system.names.count(name) > 1:
            yield f"species: {name} is given {system.names.count(name)} times"


def _options(system: System) -> Iterator[str]:
    from hybridrd.model.system import COUPLINGS

    if system.coupling not in COUPLINGS:
        yield f"coupling = {system.coupling!r}: it is one of {', '.join(COUPLINGS)}"
    if system.interface is not None and not isinstance(system.interface, InterfaceScheme):
        yield (
            f"interface = {system.interface!r}: give Layer(), CalibratedLayer(), ExactPlane() "
            f"or a scheme of your own"
        )
    if not isinstance(system.fluctuations, bool):
        yield f"fluctuations = {system.fluctuations!r}: it is True or False"
    elif system.fluctuations and isinstance(system.domain, Shell):
        yield "fluctuations = True: the continuum of a Shell has no noise; leave it out"
    for key, label in system.units.items():
        if key not in ("length", "time") or not isinstance(label, str):
            yield f"units[{key!r}] = {label!r}: the keys are length and time, the values text"


def _region(system: System) -> Iterator[str]:
    region, domain = system.particles, system.domain
    if region is None:
        return
    if isinstance(domain, Box) and isinstance(region, Box):
        if region.dimension != domain.dimension:
            yield f"particles has {region.dimension} axes, the domain {domain.dimension}"
            return
        inside = domain.contains(region)
    elif isinstance(domain, Shell) and isinstance(region, Shell):
        inside = domain.contains(region)
    else:
        kind = type(domain).__name__
        yield f"particles = {region!r}: give a {kind} like the domain, or None for a pure PDE"
        return
    if not inside:
        yield f"particles = {region} is not inside the domain {domain}"
        return
    assert isinstance(system.cells, tuple)
    for axis, (lo, hi), (a, b), n in zip(
        domain.axes, domain.intervals, region.intervals, system.cells, strict=True
    ):
        for face in (a, b):
            if not _on_grid(face, lo, hi, n):
                yield (
                    f"particles: the face {axis} = {face:g} is not a cell face of {n} cells over "
                    f"({lo:g}, {hi:g}); {_nearest_counts(a, b, lo, hi, n)}"
                )
                break


def _on_grid(face: float, lo: float, hi: float, n: int) -> bool:
    position = (face - lo) / (hi - lo) * n
    return abs(position - round(position)) < 1e-7


def _nearest_counts(a: float, b: float, lo: float, hi: float, n: int) -> str:
    """Advice: the nearest numbers of cells that have both faces of the region on cell faces."""

    def fits(m: int) -> bool:
        return _on_grid(a, lo, hi, m) and _on_grid(b, lo, hi, m)

    below = next((m for m in range(n - 1, 0, -1) if fits(m)), None)
    above = next((m for m in range(n + 1, 10 * n + 1000) if fits(m)), None)
    counts = [str(m) for m in (below, above) if m is not None]
    if not counts:
        return "no number of cells up to ten times as many has it; move the face"
    return f"the nearest counts that fit are {' and '.join(counts)} cells along this axis"


def _reactions(system: System) -> Iterator[str]:
    coordinates = system.domain.axes
    labels = [r.label for r in system.reactions]
    for label in dict.fromkeys(labels):
        if labels.count(label) > 1:
            yield (
                f"reactions: {label!r} stands {labels.count(label)} times; add the rates up, "
                f"or give each a name"
            )
    for reaction in system.reactions:
        where = f"reaction {reaction.label!r}"
        for name in dict.fromkeys(reaction.reactants + reaction.products):
            if name not in system.names:
                yield f"{where}: unknown species {name!r}; there are {', '.join(system.names)}"
        if reaction.reactants == reaction.products:
            yield f"{where}: it changes nothing"
        pairs = reaction.order == 2 and system.particles is not None
        if pairs and isinstance(system.domain, Shell):
            yield (
                f"{where}: particles in a Shell carry only their distance r, so that pairs "
                f"cannot meet; use a Box, or particles=None for the PDE"
            )
        elif pairs and reaction.radius is None:
            yield f"{where}: particles react in pairs within a Doi radius; give radius="
        if reaction.radius is not None:
            for axis, (lo, hi) in zip(coordinates, system.domain.intervals, strict=True):
                if 2 * reaction.radius > hi - lo:
                    yield (
                        f"{where}: radius {reaction.radius:g} is more than half of the domain's "
                        f"extent {hi - lo:g} along {axis}"
                    )
        if callable(reaction.k):
            yield from _function_problem(reaction.k, coordinates, f"{where}: k")


def _function_problem(value: Any, coordinates: tuple[str, ...], where: str) -> Iterator[str]:
    try:
        check_function(value, coordinates, where)
    except ModelError as error:
        yield str(error)


def _wall_contents(system: System) -> Iterator[str]:
    walls = system.walls
    for axis in system.domain.axes:
        pair = [walls.get(axis + side) for side in "-+"]
        if sum(isinstance(w, Periodic) for w in pair) == 1:
            yield f"walls: {axis} is periodic on one side only; write {{{axis!r}: Periodic()}}"
    for name, wall in walls.items():
        values: Mapping[str, Any] = {}
        if isinstance(wall, Reservoir):
            values = wall.concentrations
        elif isinstance(wall, Influx):
            values = wall.fluxes
        elif isinstance(wall, PartiallyAbsorbing) and isinstance(wall.kappa, Mapping):
            values = wall.kappa
        if isinstance(wall, Periodic) and isinstance(system.domain, Shell):
            yield f"walls[{name!r}]: the walls of a Shell cannot be periodic"
        along = tuple(a for a in system.domain.axes if a != name[0])
        if isinstance(system.domain, Shell):
            along = ()
        for species, value in values.items():
            where = f"walls[{name!r}]"
            if species not in system.names:
                yield f"{where}: unknown species {species!r}; there are {', '.join(system.names)}"
            elif callable(value):
                yield from _function_problem(value, along, f"{where}: value of {species}")
            elif (
                not isinstance(wall, PartiallyAbsorbing)
                and value > 0
                and system.species[system.names.index(species)].D == 0
            ):
                yield f"{where}: {species} has D = 0 and cannot enter; leave it out of the wall"


def _contents(system: System) -> Iterator[str]:
    for name, value in system.initial.items():
        if name not in system.names:
            yield f"initial: unknown species {name!r}; there are {', '.join(system.names)}"
            continue
        for part in value if isinstance(value, (list, tuple)) else [value]:
            yield from _part(part, system, f"initial[{name!r}]")


def _part(part: Any, system: System, where: str) -> Iterator[str]:
    domain = system.domain
    if isinstance(part, (Patch, Copies)):
        yield from _placed(part, domain, where)
    elif isinstance(part, Points):
        if part.positions.shape[1] != len(domain.axes):
            yield (
                f"{where}: Points has {part.positions.shape[1]} coordinates, "
                f"the domain {len(domain.axes)} ({', '.join(domain.axes)})"
            )
        elif len(part.positions):
            inside = (part.positions >= domain.lower) & (part.positions <= domain.upper)
            if not inside.all():
                i = int(np.argmin(inside.all(axis=1)))
                yield f"{where}: point {i}, {part.positions[i]}, is outside the domain"
    elif callable(part):
        yield from _function_problem(part, domain.axes, where)
    elif isinstance(part, np.ndarray):
        if part.shape != system.cells:
            yield f"{where}: an array of shape {part.shape}, but the cells are {system.cells}"
        elif not (np.issubdtype(part.dtype, np.number) and np.isfinite(part).all()):
            yield f"{where}: the array has values that are not finite numbers"
        elif (part < 0).any():
            yield f"{where}: the array has negative concentrations, {part.min():g} the least"
    else:
        try:
            number(part, where)
        except ModelError as error:
            yield f"{error}; or give a Patch, Copies, Points, an array or a function"


def _placed(part: Patch | Copies, domain: Domain, where: str) -> Iterator[str]:
    kind = type(part).__name__
    for axis in ("x", "y", "z"):
        bounds = getattr(part, axis)
        if bounds is None:
            continue
        if axis not in domain.axes:
            yield f"{where}: {kind} names {axis}, which the domain does not have"
            continue
        lo, hi = domain.intervals[domain.axes.index(axis)]
        slack = 1e-9 * (hi - lo)
        if bounds[0] < lo - slack or bounds[1] > hi + slack:
            yield (
                f"{where}: {kind} {axis} = ({bounds[0]:g}, {bounds[1]:g}) reaches out of the "
                f"domain ({lo:g}, {hi:g})"
            )
    if isinstance(part, Patch):
        if part.center is not None and isinstance(domain, Shell):
            yield f"{where}: a Patch in a Shell has no center; give a function of r"
        elif part.center is not None and len(part.center) != domain.dimension:
            yield (
                f"{where}: center has {len(part.center)} coordinates, the domain {domain.dimension}"
            )
        elif part.center is not None and part.radius is not None:
            nearest = np.clip(part.center, domain.lower, domain.upper)
            if np.linalg.norm(nearest - part.center) >= part.radius:
                yield f"{where}: {part} lies outside the domain {domain}"
        if callable(part.c):
            yield from _function_problem(part.c, domain.axes, f"{where}: c")
