"""Validity checks of a System."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from hybridrd.arguments import LARGEST, number, real_array, shown
from hybridrd.errors import ModelError
from hybridrd.interface import InterfaceScheme
from hybridrd.model.draft import COUPLINGS, FLUCTUATIONS, Draft
from hybridrd.model.drift import check_drift
from hybridrd.model.functions import Value, check_function, evaluate, needs_time
from hybridrd.model.grid import Grid
from hybridrd.model.initial import Copies, Patch, Points
from hybridrd.model.overlap import cells_of, copies_overlap, patch_overlap
from hybridrd.model.partition import Partition
from hybridrd.model.places import Places
from hybridrd.model.rate_law import RateLaw
from hybridrd.model.reaction import Reaction
from hybridrd.model.shape import Shape, some_cells
from hybridrd.model.shell import Domain

MOST_TRIED = 100_000  # other numbers of cells, for advice


def problems(draft: Draft, at: Places) -> list[str]:
    """Problems of a draft of a System, one line each; ``at`` names their places."""
    checks = (_species, _region, _reactions, _wall_contents, _contents, _options)
    return [problem for check in checks for problem in check(draft, at)]


def _species(draft: Draft, at: Places) -> Iterator[str]:
    for i, name in enumerate(draft.names):
        times = draft.names.count(name)
        if name in draft.names[:i] and name not in draft.names[i + 1 :]:
            yield f"{at.species(i)}: {name} is given {times} times"
    yield from _inertia(draft, at)
    yield from _carried(draft, at)
    if draft.domain is not None:
        for i, species in enumerate(draft.species):
            try:
                check_drift(species, draft.domain.axes)
            except ModelError as error:
                yield f"{at.species(i)}: {error}"


def _carried(draft: Draft, at: Places) -> Iterator[str]:
    """Walls that don't work for a species with a velocity that depends on time."""
    for i, species in enumerate(draft.species):
        for side, wall in draft.walls.items():
            if species.changes and wall.law(species.name).influx is not None:
                yield (
                    f"{at.species(i)}: the velocity of {species.name} depends on time, and the "
                    f"influx at {side} ignores it; use a Reservoir"
                )


def _inertia(draft: Draft, at: Places) -> Iterator[str]:
    """Fields that are incompatible with a species with inertia."""
    domain, region = draft.domain, draft.particles
    for i, species in enumerate(draft.species):
        if species.friction is None or domain is None:
            continue
        where = f"{at.species(i)}: {species.name} has friction, and"
        if domain.radial or draft.obstacles is not None:
            yield f"{where} needs a Box without obstacles; give one, or leave friction out"
        elif region is None or region != domain:
            yield (
                f"{where} no continuum holds velocities; give particles = domain, or leave "
                f"friction out"
            )
        if draft.interface is not None:
            yield (
                f"{where} meets each reservoir as a gas of its own temperature, while interface is "
                f"for particles that diffuse; leave it out"
            )


def _options(draft: Draft, at: Places) -> Iterator[str]:
    if not isinstance(draft.coupling, str) or draft.coupling not in COUPLINGS:
        where = f"{at.field('coupling')} = {shown(draft.coupling)}"
        yield f"{where}: it is one of {', '.join(COUPLINGS)}"
    if draft.interface is not None and not isinstance(draft.interface, InterfaceScheme):
        yield (
            f"{at.field('interface')} = {shown(draft.interface)}: give Layer(), CalibratedLayer(), "
            f"ExactPlane() or your own InterfaceScheme"
        )
    yield from _fluctuations(draft, at)
    yield from _correct_pairs(draft, at)
    for key, label in draft.units.items():
        if key not in ("length", "time") or not isinstance(label, str):
            yield (
                f"{at.field('units')}[{shown(key)}] = {shown(label)}: the keys are length and "
                f"time, the values text"
            )


def _fluctuations(draft: Draft, at: Places) -> Iterator[str]:
    given = draft.fluctuations
    where = f"{at.field('fluctuations')} = {shown(given)}"
    if given is None:
        return
    if not isinstance(given, str) or given not in FLUCTUATIONS:
        yield f"{where}: it is one of None, {', '.join(map(repr, FLUCTUATIONS))}, or True"
    elif draft.particles is not None and draft.particles == draft.domain:
        yield (
            f"{where}: it has no effect here: there is no continuum, and particles fluctuate by "
            f"themselves; leave it out"
        )
    elif draft.particles is not None and draft.coupling == "mean-field":
        yield (
            f"{where}: it has no effect here: the continuum of mean-field coupling is a PDE "
            f"that does not depend on the particles; give coupling = 'two-way', or leave it out"
        )


def _correct_pairs(draft: Draft, at: Places) -> Iterator[str]:
    given = draft.correct_pairs
    where = f"{at.field('correct_pairs')} = {shown(given)}"
    if not isinstance(given, bool):
        yield f"{where}: it is True or False"
        return
    pairs = [c for r in draft.reactions for c in r.channels() if c.order == 2 and c.law is None]
    near = [c for c in pairs if c.reach is not None]
    if not given:
        return
    if draft.fluctuations != "discrete":
        yield (
            f"{where}: it has no effect with fluctuations = {shown(draft.fluctuations)}; it is "
            f"for pairs of discrete copies; give fluctuations = 'discrete', or leave it out"
        )
    elif not near:
        yield (
            f"{where}: it has no effect here: no reaction of two copies has a radius; give "
            f"radius= to a reaction, or leave it out"
        )
    elif draft.domain is not None and draft.domain.radial:
        yield (
            f"{where}: pairs within a radius need positions, and the cells of a Shell are mixed "
            f"over all angles; leave it out"
        )


def _unknown(name: str, draft: Draft) -> str:
    return f"unknown species {name!r}; there are {', '.join(dict.fromkeys(draft.names))}"


def _region(draft: Draft, at: Places) -> Iterator[str]:
    region, domain = draft.particles, draft.domain
    where = at.field("particles")
    if domain is None:
        return
    if draft.obstacles is not None or not isinstance(region, type(domain) | None):
        yield from _shapes(draft, at)
    if not isinstance(region, type(domain)):
        return
    if domain.radial and getattr(region, "center", None) is not None:
        yield f"{where} = {region}: a region of a Shell has no center; leave it out"
        return
    if region.axes != domain.axes:
        yield f"{where} has {region.dimension} axes, the domain {domain.dimension}"
        return
    if not domain.contains(region):
        yield f"{where} = {region} is not inside the domain {domain}"
        return
    if draft.cells is None:
        return
    for axis, (lo, hi), (a, b), n in zip(
        domain.axes, domain.intervals, region.intervals, draft.cells, strict=True
    ):
        for side, face in enumerate((a, b)):
            if not _on_grid(face, lo, hi, n):
                below = lo + math.floor((face - lo) / (hi - lo) * n) * (hi - lo) / n
                yield (
                    f"{at.face(axis, side)}: the face {axis} = {face:g} is not a cell face of {n} "
                    f"cells over ({lo:g}, {hi:g}); {below:g} and "
                    f"{below + (hi - lo) / n:g} are the nearest; {_nearest_counts(a, b, lo, hi, n)}"
                )


def _shapes(draft: Draft, at: Places) -> Iterator[str]:
    """Obstacles, and a particle region that is not a box in a box or a shell in a shell."""
    region, domain, sound = draft.particles, draft.domain, True
    assert domain is not None
    kind = type(domain).__name__
    where = at.field("particles")
    wanted = type(domain) if domain.radial else Shape
    if region is not None and not isinstance(region, wanted):
        what = f"a {kind} like the domain" if domain.radial else "a shape"
        yield f"{where} = {shown(region)}: give {what}, or None for a pure PDE"
        sound = False
    where = at.field("obstacles")
    if draft.obstacles is not None and domain.radial:
        yield f"{where}: a Shell has no obstacles; give one of its walls in walls="
        sound = False
    elif draft.obstacles is not None and not isinstance(draft.obstacles, Shape):
        yield f"{where} = {shown(draft.obstacles)}: give a shape, a Ball or Box for example"
        sound = False
    elif draft.obstacles is not None and draft.obstacles.follows:
        yield f"{where} = {draft.obstacles!r}: obstacles cannot follow the copies"
        sound = False
    if not sound or draft.cells is None:
        return
    grid = domain.grid(draft.cells)
    try:
        parts = make_partition(grid, draft.obstacles, region, (False,) * grid.dimension)
    except ModelError as error:
        yield str(error)
        return
    counted = f"no centre of the {' x '.join(map(str, grid.shape))} cells"
    if not parts.free.any():
        yield f"{where} = {draft.obstacles!r}: all cells are obstacles; nothing is left"
    elif draft.obstacles is not None and parts.free.all():
        yield (
            f"{where} = {draft.obstacles!r} contains {counted}; use smaller cells, or leave it out"
        )
    elif region is not None and region.follows:
        yield from _adaptive(draft, region, where=at.field("particles"))
    elif region is not None and not parts.inside.any():
        where = at.field("particles")
        if draft.obstacles is not None and region.mask(grid).any():
            yield (
                f"{where} = {region!r}: all of its cells are obstacles, {draft.obstacles!r}; "
                f"nothing is left beside the obstacles, change one of the two"
            )
        else:
            yield (
                f"{where} = {region!r} contains {counted}; use smaller cells, or a shape that is "
                f"larger or elsewhere"
            )


def _adaptive(draft: Draft, region: Shape, where: str) -> Iterator[str]:
    """Fields that are incompatible with a particle region that follows the copies."""
    if draft.coupling == "mean-field":
        yield (
            f"{where} = {region!r}: in mean-field coupling the PDE does not depend on the "
            f"particles, so there is nothing to follow; use coupling='two-way'"
        )
    named = getattr(region, "species", None)
    if named is not None and named not in draft.names and draft.all_species:
        yield f"{where}: {_unknown(named, draft)}"


def make_partition(
    grid: Grid, obstacles: Shape | None, region: Shape | None, periodic: tuple[bool, ...]
) -> Partition:
    """Partition of the cells. Raises ModelError for a shape that does not fit the grid."""
    free = np.ones(grid.cells, bool) if obstacles is None else ~obstacles.mask(grid)
    inside = np.zeros(grid.cells, bool) if region is None else region.mask(grid) & free
    return Partition(grid, free, inside, periodic)


def _on_grid(face: float, lo: float, hi: float, n: int) -> bool:
    position = (face - lo) / (hi - lo) * n
    return abs(position - round(position)) < 1e-7


def _nearest_counts(a: float, b: float, lo: float, hi: float, n: int) -> str:
    """Nearest numbers of cells that put both faces of the region on cell faces."""

    def fits(m: int) -> bool:
        return _on_grid(a, lo, hi, m) and _on_grid(b, lo, hi, m)

    below = next((m for m in range(n - 1, max(0, n - MOST_TRIED), -1) if fits(m)), None)
    above = next((m for m in range(n + 1, n + min(9 * n + 1000, MOST_TRIED)) if fits(m)), None)
    counts = [str(m) for m in (below, above) if m is not None]
    if not counts:
        return "no number of cells up to ten times as many fits; move the face"
    return f"counts that fit: {' and '.join(counts)} cells along this axis"


def _reactions(draft: Draft, at: Places) -> Iterator[str]:
    domain = draft.domain
    labels = [(i, r.label) for i, given in enumerate(draft.reactions) for r in given.one_way()]
    for n, (i, label) in enumerate(labels):
        times = [name for _, name in labels].count(label)
        if times > 1 and label not in (name for _, name in labels[n + 1 :]):
            yield (
                f"{at.repeated(i)}: {shown(label)} is given {times} times; add the rates up, or "
                f"give each a name"
            )
    for i, reaction in enumerate(draft.reactions):
        where = at.reaction(i, reaction.label, "reaction")
        for name in dict.fromkeys(reaction.reactants + reaction.products):
            if draft.all_species and name not in draft.names:
                yield f"{where}: {_unknown(name, draft)}"
        if sorted(reaction.reactants) == sorted(reaction.products):
            yield f"{where}: it has no effect"
        orders = [r.order for r in reaction.one_way()]
        pairs = 2 in orders and draft.particles is not None and reaction.law is None
        if pairs and domain is not None and domain.radial:
            yield (
                f"{where}: particles in a Shell have only their distance r, so pairs "
                f"cannot meet; use a Box, or particles=None for the PDE"
            )
        elif pairs and domain is not None:
            yield from _pairs_of_particles(reaction, at, i)
        if domain is None:
            continue
        if reaction.radius is not None or (pairs and reaction.reach is not None):
            reach = reaction.reach
            own = reaction.radius is not None
            where = at.reaction(i, reaction.label, "radius" if own else "kernel")
            what = "radius" if own else "a reach of"
            for axis, (lo, hi) in zip(domain.axes, domain.intervals, strict=True):
                if reach is not None and 2 * reach > hi - lo:
                    yield (
                        f"{where}: {what} {reach:g} is more than half of the domain's "
                        f"extent {hi - lo:g} along {axis}"
                    )
        for key, rate in (("k", reaction.k), ("k_back", reaction.k_back)):
            if callable(rate):
                where = at.reaction(i, reaction.label, key)
                yield from _function_problem(rate, domain.axes, f"{where}: {key}")
        if reaction.law is not None:
            where = at.reaction(i, reaction.label, "rate")
            yield from _law(reaction, reaction.law, draft, where)
        for one_way in reaction.one_way():
            if one_way.order > 2 and one_way.law is None:
                where = at.reaction(i, reaction.label, "reaction")
                of_rate = f"{at.reaction(i, reaction.label, 'k')}: k"
                yield from _crowd(one_way, draft, where, of_rate)


def _law(reaction: Reaction, law: RateLaw, draft: Draft, where: str) -> Iterator[str]:
    """Mistakes in a rate that is a function of concentrations."""
    if draft.particles is not None:
        yield (
            f"{where}: concentrations belong to the cells of a continuum, and particles react "
            f"alone or in pairs; give k or lambda0 of such steps, or particles=None"
        )
    unknown = [name for name in law.names if name not in draft.names]
    if unknown and draft.all_species:
        yield (
            f"{where}: the function takes {', '.join(unknown)}; its arguments are species: "
            f"there are {', '.join(draft.names)} (give constants as numbers or defaults)"
        )
        return
    for name in dict.fromkeys(reaction.reactants):
        others = dict.fromkeys((*law.names, *draft.names), np.ones(1))
        try:
            value = float(law.at({**others, name: np.zeros(1)})[0])
        except ModelError as error:
            yield f"{where}: without {name}: {error}"
            continue
        if value > 0.0:
            yield (
                f"{where}: it is {value:.6g} where there is no {name}, which the reaction "
                f"consumes; make it 0 there, {name}/(K + {name}) for example"
            )


def _pairs_of_particles(reaction: Reaction, at: Places, i: int) -> Iterator[str]:
    """Missing or unsuitable fields of a pair reaction between particles."""
    if reaction.reach is None:
        where = at.reaction(i, reaction.label, "radius")
        yield f"{where}: particles react in pairs within a Doi radius; give radius="
    if reaction.kernel is None:
        return
    where = at.reaction(i, reaction.label, "kernel")
    if reaction.binds:
        forward = reaction.equation.split(" <-> ")
        yield (
            f"{where}: between particles a reversible binding has Doi's step, with which detailed "
            f"balance holds; give radius=, or two reactions, '{forward[0]} -> {forward[1]}' with "
            f"the kernel and '{forward[1]} -> {forward[0]}'"
        )
    elif callable(reaction.k):
        yield (
            f"{where}: between particles the k of a kernel is a number, not a function; give a "
            f"number, or radius= in place of the kernel"
        )


def _crowd(reaction: Reaction, draft: Draft, where: str, of_rate: str) -> Iterator[str]:
    """A reaction of order three or more that could happen in the particle region."""
    assert reaction.k is not None
    try:
        if not _acts_on_particles(reaction.k, draft, of_rate):
            return
    except ModelError as error:
        yield str(error)
        return
    names = reaction.reactants
    pair = f"2 {names[0]}" if names[0] == names[1] else f"{names[0]} + {names[1]}"
    rest, products = " + ".join(("P", *names[2:])), reaction.equation.split(" -> ")[1]
    yield (
        f"{where}: {reaction.equation!r} takes {reaction.order} copies at once, but particles "
        f"react at most in pairs: go through an intermediate, '{pair} <-> P' with a fast k_back "
        f"and '{rest} -> {products}'; or let k be a function of position that is 0 in the particle "
        f"region; or give particles=None"
    )


def _acts_on_particles(k: Value, draft: Draft, where: str) -> bool:
    """Whether a rate is above 0 in some cell of the particle region."""
    domain, region = draft.domain, draft.particles
    if not isinstance(region, Shape) or k == 0:
        return False
    if domain is None or draft.cells is None or not callable(k) or needs_time(k):
        return True
    check_function(k, domain.axes, where)
    grid = domain.grid(draft.cells)
    return bool(evaluate(k, grid.coordinates(), 0.0, where)[region.mask(grid)].any())


def _function_problem(value: Any, coordinates: tuple[str, ...], where: str) -> Iterator[str]:
    try:
        check_function(value, coordinates, where)
    except ModelError as error:
        yield str(error)


def _wall_contents(draft: Draft, at: Places) -> Iterator[str]:
    walls, domain = draft.walls, draft.domain
    for axis in domain.axes if domain is not None else ():
        periodic = [n for n in (axis + "-", axis + "+") if n in walls and walls[n].joined]
        if len(periodic) == 1:
            yield (
                f"{at.wall(periodic[0])}: {axis} is periodic on one side only; name the axis, "
                f"{axis!r}, for both"
            )
    for name, wall in walls.items():
        if wall.joined and domain is not None and domain.radial:
            yield f"{at.wall(name)}: the walls of a Shell cannot be periodic"
        for species in wall.values:
            where = at.wall(name, species)
            if species not in draft.names:
                if draft.all_species:
                    yield f"{where}: {_unknown(species, draft)}"
                continue
            law, still = wall.law(species), draft.species[draft.names.index(species)].D == 0
            # An immobile species may still be the partner of particles across the wall.
            waits = law.is_reservoir and _meets(species, draft)
            for value in (law.outside, law.influx):
                if callable(value):
                    if domain is not None:
                        along = domain.along(name)
                        yield from _function_problem(value, along, f"{where}: value of {species}")
                elif value and still and not waits:
                    yield f"{where}: {species} has D = 0 and cannot enter; leave it out of the wall"


def _meets(species: str, draft: Draft) -> bool:
    """Whether a species reacts in pairs, so that it can be a partner beyond a wall."""
    pairs = [r.reactants for r in draft.reactions if r.order == 2]
    return any(species in reactants for reactants in pairs) or not draft.all_species


def _contents(draft: Draft, at: Places) -> Iterator[str]:
    for k, (name, value) in enumerate(draft.contents):
        if name not in draft.names:
            if draft.all_species:
                yield f"initial: {_unknown(name, draft)}"
        elif draft.domain is not None:
            listed = isinstance(value, (list, tuple))
            for j, part in enumerate(value if listed else [value]):
                where = at.initial(k, name, j if listed else None)
                found = list(_part(part, draft.domain, draft.cells, where))
                yield from found or _placed_freely(part, draft, where)


def _part(part: Any, domain: Domain, cells: tuple[int, ...] | None, where: str) -> Iterator[str]:
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
        if cells is not None and part.shape != cells:
            yield f"{where}: an array of shape {part.shape}, but the cells are {cells}"
        else:
            yield from _array_problem(part, where)
    else:
        try:
            number(part, where)
        except ModelError as error:
            yield f"{error}; or give a Patch, Copies, Points, an array or a function"


def _placed_freely(part: Any, draft: Draft, where: str) -> Iterator[str]:
    """Shapes of initial states that contain no cell, and copies without free cells."""
    shape, domain = getattr(part, "shape", None), draft.domain
    blocked = isinstance(part, (Patch, Copies, Points)) and draft.obstacles is not None
    if domain is None or draft.cells is None or not (isinstance(shape, Shape) or blocked):
        return
    grid = domain.grid(draft.cells)
    try:
        if isinstance(shape, Shape):
            some_cells(shape, grid)
        free = make_partition(grid, draft.obstacles, None, ()).free
    except ModelError as error:
        yield f"{where}: {error}"
        return
    if isinstance(part, Patch):
        if not (patch_overlap(grid, part) * free).any():
            yield f"{where}: {part!r} lies entirely in obstacles"
    elif isinstance(part, Copies):
        if part.n and not (copies_overlap(grid, part) * free).any():
            yield f"{where}: the region of the {part.n} copies lies entirely in obstacles"
    elif isinstance(part, Points):
        stuck = ~free[cells_of(part.positions, grid)]
        if stuck.any():
            i = int(np.argmax(stuck))
            yield (
                f"{where}: point {i}, {part.positions[i]}, is in an obstacle ({int(stuck.sum())} "
                f"of {len(stuck)} points are); move it, or use smaller cells"
            )


def _array_problem(part: np.ndarray, where: str) -> Iterator[str]:
    try:
        c = real_array(part, where)
    except ModelError as error:
        yield str(error)
        return
    if not np.isfinite(c).all():
        yield f"{where}: the array has values that are not finite numbers"
    elif (np.abs(c) > LARGEST).any():
        yield f"{where}: the array has {np.abs(c).max():g}; use another unit of length"
    elif (c < 0).any():
        yield f"{where}: the array has negative concentrations, down to {c.min():g}"


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
        if part.center is not None and domain.radial:
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
