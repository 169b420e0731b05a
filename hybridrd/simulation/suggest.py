"""Suggestion of a time step, cells and layers for a system, with the reason for each."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybridrd.arguments import named_arguments, number, shown
from hybridrd.arrays import Floats
from hybridrd.errors import AccuracyWarning, CapacityError, ModelError, StepError
from hybridrd.model.describe import Rows, as_html, as_text
from hybridrd.model.drift import largest_D, mean_D
from hybridrd.model.functions import evaluate
from hybridrd.model.quantity import in_time
from hybridrd.model.species import SpeciesLike, refuse_inertia
from hybridrd.model.system import System
from hybridrd.model.table import Table
from hybridrd.reactions.tables import ReactionTables, make_tables
from hybridrd.simulation.mean_field import PDE
from hybridrd.simulation.plan import Plan, compile_system
from hybridrd.simulation.report import report
from hybridrd.simulation.simulation import Simulation

_NICE = (1.0, 2.0, 2.5, 5.0)  # digits of suggested steps, which divide a power of ten
_LAYER = 0.5  # D dt/dx² above which a layer loses accuracy
_PAIRS = 0.38  # largest lambda0 dt at which the rate of pairs is Doi's within 0.4 %
_AT_WALLS = 0.27  # error of the first cell at a wall that fixes c, over r dt: measured
_TRIED = 60  # number of trial steps, each a fifth shorter
_COARSE = 12  # cells per axis for the largest concentrations
_TIMED = 0.3  # seconds


@dataclass(frozen=True)
class Reason:
    """One condition on the step or the cells.

    Attributes
    ----------
    what
        ``"dt"``, ``"cells"``, or ``"cost"`` if that could not be measured.
    most
        The largest step (time) or width of a cell (length) that it allows; NaN for the cost.
    why
        The condition in words, with its numbers.
    """

    what: str
    most: float
    why: str


@dataclass(frozen=True)
class Suggestion:
    """A step, cells and layers, and the reason for each.

    Attributes
    ----------
    dt
        Time step (time).
    cells
        Number along each axis.
    system
        The system with these cells.
    layers
        Width of each layer by species and face (length).
    error
        The requested relative error.
    reasons
        All conditions, the strictest of each kind first.
    concentrations
        The largest concentration assumed for each species (particles per length^d).
    cost
        Measured computing time for one unit of time (seconds); None if not measured.
    """

    dt: float
    cells: tuple[int, ...]
    system: System
    layers: Mapping[str, float]
    error: float
    reasons: tuple[Reason, ...]
    concentrations: Mapping[str, float]
    cost: float | None

    def _rows(self) -> Rows:
        rows: Rows = []
        for what, value in (("dt", f"{self.dt:g}"), ("cells", f"{list(self.cells)}")):
            why = [f"at most {r.most:.3g}: {r.why}" for r in self.reasons if r.what == what]
            rows.append((what, [value, *why]))
        if self.layers:
            rows.append(("layers", [f"{at}: {x:.3g} wide" for at, x in self.layers.items()]))
        largest = ", ".join(f"{n} {c:.3g}" for n, c in self.concentrations.items())
        rows.append(("largest c", [largest]))
        if self.cost is not None:
            rows.append(("cost", [f"{self.cost:.3g} s a unit of time on this machine"]))
        rows += [("cost", [r.why]) for r in self.reasons if r.what == "cost"]
        return rows

    @property
    def _title(self) -> str:
        return f"Suggestion for a relative error of {self.error:g}"

    def __repr__(self) -> str:
        return as_text(self._title, self._rows())

    def _repr_html_(self) -> str:
        return as_html(self._title, self._rows())


@named_arguments
def suggest(
    system: System,
    error: float = 0.01,
    until: float | str | None = None,
    concentrations: Mapping[SpeciesLike, float] | None = None,
    measure: bool = True,
) -> Suggestion:
    """Suggest a time step, cells and layers that keep the relative error of means below a bound.

    The errors are those of mean copy numbers in the regions. With r = (rate at which copies of a
    species react) + D pi²/L², L the shortest side of the domain, and the length l = sqrt(D/r), half
    of the error is allotted to each of

    - the splitting of reactions and diffusion, of second order: ``(r dt)²/8 = error/2``; at walls
      that fix a concentration it is of first order in a layer sqrt(D dt) wide:
      ``0.27 (r dt)^(3/2) = error/2`` (there the concentration itself is off by up to 0.27 r dt);
    - the cells of the continuum and the layers, of second order: ``(h/l)²/8 = error/2``, if
      there is a continuum or a layer.

    In addition, lambda0 dt stays below 0.38 (pairs), D dt/dx² below 0.5 (layers; in two-way
    coupling dx is a cell), and both below whatever `Simulation` refuses or warns of. The rates are
    those at the largest concentrations: at time 0, in reservoirs, from influxes, and of products
    made from these. A growing population may exceed them; give `concentrations`. Errors of
    fluctuations, and of a model that is not well mixed, are not included: see `check_step`.

    Parameters
    ----------
    system
        The system.
    error
        Relative error of mean numbers, 1e-4 to 0.2.
    until
        The time up to which functions of time are evaluated; by default functions are evaluated at
        time 0, and a `Table` at all its times.
    concentrations
        Largest concentrations by species, in place of the estimate (particles per length^d).
    measure
        Whether to run a few steps to measure the cost.

    Raises
    ------
    ModelError
        If an argument is invalid, or a function fails.
    StepError
        If no step is suitable.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> line = hrd.Box(x=(0, 4))
    >>> system = hrd.System(
    ...     species=[A], domain=line, particles=hrd.Box(x=(0, 2)), initial={A: 100.0},
    ...     reactions=[hrd.Reaction("A -> 0", k=1.0)], walls={"x+": hrd.Reservoir({A: 50.0})},
    ... )
    >>> found = suggest(system, measure=False)
    >>> found.dt, found.cells
    (0.01, (26,))
    """
    if not isinstance(system, System):
        raise ModelError(f"system = {shown(system)}: give a System")
    refuse_inertia(system.species, "what these laws are for")
    error = number(error, "error", 1e-4)
    if error > 0.2:
        raise ModelError(f"error = {error:g}: at most 0.2; the laws used here are for small errors")
    tables = make_tables(system)
    times = _times(system, until)
    rates = np.max([tables.macroscopic(t).max(axis=1) for t in times], axis=0)
    largest = _largest(system, tables, rates, times, concentrations)
    if any(channel.law is not None for channel in system.channels):
        rates = _with_laws(system, rates, largest)
        largest = _largest(system, tables, rates, times, concentrations)
        rates = _with_laws(system, rates, largest)
    speed = _speeds(system, rates, largest)
    reasons = [*_splitting(speed, error), *_held(system, speed, error), *_pairs(tables, rates)]
    system, more = _with_cells(system, speed, error)
    reasons += more
    dt = _nice(min(r.most for r in reasons if r.what == "dt"))
    dt, plan, last = _accepted(system, dt, _widest(speed, error))
    reasons = [*reasons, *last]
    order = sorted(reasons, key=lambda r: (r.what, r.most))
    layers = {}
    if plan.region is not None:
        layers = {gate["where"]: gate["width"] for gate in report(plan)["interface"]}
    assert isinstance(system.cells, tuple)
    cost = None
    if measure:
        try:
            cost = _cost(system, dt)
        except CapacityError as shortage:
            order.append(Reason("cost", math.nan, f"not measured: {shortage}"))
    return Suggestion(
        dt, system.cells, system, {w: x for w, x in layers.items() if x > 0}, error, tuple(order),
        dict(zip(system.names, map(float, largest), strict=True)), cost,
    )  # fmt: skip


def _times(system: System, until: float | str | None) -> list[float]:
    """Times at which functions are evaluated."""
    given: list[Any] = [c.macroscopic(system.dimension) for c in system.channels]
    for side in system.domain.sides:
        wall = system.walls.get(side)
        if wall is not None and not wall.joined:
            laws = [wall.law(name) for name in system.names]
            given += [v for law in laws for v in (law.outside, law.influx)]
    times = {0.0}
    for value in given:
        value = getattr(value, "__wrapped__", value)  # a table multiplied by a factor
        if isinstance(value, Table):
            times |= {float(t) for t in value.t if t >= 0}
    if until is not None:
        times |= set(
            np.linspace(0.0, number(in_time(until, system.units, "until"), "until"), 65).tolist()
        )
    return sorted(times)


def _largest(
    system: System,
    tables: ReactionTables,
    rates: Floats,
    times: list[float],
    given: Mapping[SpeciesLike, float] | None,
) -> Floats:
    """The largest expected concentration of each species."""
    coarse = system
    for axis, cells in enumerate(system.cells):  # type: ignore[arg-type]
        coarse = _refit(coarse, axis, min(cells, _COARSE))
    c = PDE(coarse, 1.0).concentration.reshape(len(system.species), -1).max(axis=1)
    leaving = np.zeros(len(c))
    for r, channel in enumerate(system.channels):
        if channel.order == 1:
            leaving[system.index(channel.reactants[0])] += rates[r]
    span = min(b - a for a, b in system.domain.intervals)
    for s, species in enumerate(system.species):
        for side in system.domain.sides:
            wall = system.walls.get(side)
            if wall is None or wall.joined:
                continue
            law = wall.law(species.name)
            where, along = f"{side}: {species.name}", _along(system, side)
            if law.outside is not None:
                values = [evaluate(law.outside, along, t, where, 1).max() for t in times]
                c[s] = max(c[s], *values)
            D = mean_D(system, species)
            if law.influx is not None and D > 0:
                values = [evaluate(law.influx, along, t, where, 1, -math.inf).max() for t in times]
                reach = min(span, math.sqrt(D / leaving[s]) if leaving[s] > 0 else span)
                c[s] = max(c[s], max(values) * reach / D)
        born = sum(rates[r] for r in tables.creations if species.name in _products(system, r))
        c[s] += born / leaving[s] if leaving[s] > 0 else 0.0
    start = c.copy()
    back = [
        any((d.products, d.reactants) == (e.reactants, e.products) for d in system.channels[:r])
        for r, e in enumerate(system.channels)
    ]
    for _ in range(2):  # products of these, and products of products
        for r, channel in enumerate(system.channels):
            # A complex dissociates into its parts: only initial complexes add to these.
            source = start if back[r] else c
            made = sum(source[system.index(n)] for n in channel.reactants)
            for name in set(channel.products) - set(channel.reactants):
                c[system.index(name)] = max(c[system.index(name)], made)
    for species_, value in (given or {}).items():
        c[system.index(species_)] = number(value, f"concentrations[{species_!r}]")
    return np.asarray(c, dtype=float)


def _with_laws(system: System, rates: Floats, largest: Floats) -> Floats:
    """Mass-action rates that represent laws: events over the product of reactants."""
    at = {name: np.array([c, 0.0]) for name, c in zip(system.names, largest, strict=True)}
    found = rates.copy()
    for r, channel in enumerate(system.channels):
        if channel.law is not None:
            c = math.prod(largest[system.index(n)] for n in channel.reactants)
            found[r] = float(channel.law.at(at).max()) / c if c > 0 else 0.0
    return found


def _products(system: System, channel: int) -> tuple[str, ...]:
    return system.channels[channel].products


def _along(system: System, side: str) -> dict[str, Floats]:
    """Positions on a wall at which its functions are evaluated."""
    bounds = system.domain.bounds
    along = {a: np.linspace(*bounds[a], 9) for a in system.domain.along(side)}
    grids = np.meshgrid(*along.values(), indexing="ij") if along else []
    return {a: g.ravel() for a, g in zip(along, grids, strict=True)}


@dataclass(frozen=True)
class _Speed:
    """Rate of change of a species, and the length over which it varies."""

    name: str
    D: float
    reacts: float
    by: str
    spans: float

    @property
    def rate(self) -> float:
        return self.reacts + self.spans

    @property
    def length(self) -> float:
        return math.sqrt(self.D / self.rate) if self.rate > 0 else math.inf


def _speeds(system: System, rates: Floats, largest: Floats) -> list[_Speed]:
    """The rates and lengths of all species."""
    span = min(b - a for a, b in system.domain.intervals)
    found = []
    for s, species in enumerate(system.species):
        parts = {}
        for r, channel in enumerate(system.channels):
            n = channel.reactants.count(species.name)
            if n and n != channel.products.count(species.name):
                others = [system.index(m) for m in channel.reactants if m != species.name]
                c = float(np.prod(largest[others])) * largest[s] ** (n - 1)
                parts[channel.label] = float(rates[r]) * n * c
        by = max(parts, key=lambda label: parts[label]) if parts else ""
        D = largest_D(system, species)
        found.append(_Speed(species.name, D, sum(parts.values()), by, D * (math.pi / span) ** 2))
    return found


def _splitting(speeds: list[_Speed], error: float) -> list[Reason]:
    fastest = max(speeds, key=lambda s: s.rate)
    if fastest.rate == 0:
        raise StepError("nothing moves and nothing reacts; any step does")
    r = fastest.rate
    why = (
        f"splitting: (r dt)²/8 = error/2; r = {r:.3g} of {fastest.name}, "
        f"{fastest.reacts:.3g} by reactions{f' ({fastest.by})' if fastest.by else ''} and "
        f"{fastest.spans:.3g} by diffusion over the shortest side"
    )
    return [Reason("dt", 2.0 * math.sqrt(error) / r, why)]


def _held(system: System, speeds: list[_Speed], error: float) -> list[Reason]:
    """Reactions beside walls that fix a concentration."""
    walls = {side: system.walls.get(side) for side in system.domain.sides}
    reasons = []
    for s in speeds:
        at = [side for side, w in walls.items() if w and not w.joined and w.law(s.name).held]
        if at and s.reacts > 0:
            most = (0.5 * error / _AT_WALLS) ** (2 / 3) / s.reacts
            why = (
                f"splitting at {', '.join(at)}: {_AT_WALLS} (r dt)^(3/2) = error/2, r = "
                f"{s.reacts:.3g} of {s.name} ({s.by}); there it is off by "
                f"{100 * _AT_WALLS * most * s.reacts:.2g} %"
            )
            reasons.append(Reason("dt", most, why))
    return reasons


def _pairs(tables: ReactionTables, rates: Floats) -> list[Reason]:
    reasons = []
    for e in tables.encounters:
        lambda0 = float(rates[e.channel]) / e.volume
        if not e.back and lambda0 > 0:
            why = f"pairs of {e.label}: lambda0 dt = {_PAIRS}, lambda0 = {lambda0:.3g}"
            reasons.append(Reason("dt", _PAIRS / lambda0, why))
    return reasons


def _widest(speeds: list[_Speed], error: float) -> float:
    """The largest width of a cell or a layer (length)."""
    moving = [s for s in speeds if s.D > 0]
    return 2.0 * math.sqrt(error) * min((s.length for s in moving), default=math.inf)


def _with_cells(system: System, speeds: list[_Speed], error: float) -> tuple[System, list[Reason]]:
    """The system with cells for its continuum, and their conditions on the step."""
    continuum = system.particles is None or system.is_hybrid
    if not continuum:
        return system, [Reason("cells", math.inf, "no continuum: cells only bin the records")]
    h = _widest(speeds, error)
    steepest = min((s for s in speeds if s.D > 0), key=lambda s: s.length)
    why = (
        f"cells: (h/l)²/8 = error/2; l = {steepest.length:.3g} of {steepest.name}, "
        f"sqrt(D/r) with D = {steepest.D:g}, r = {steepest.rate:.3g}"
    )
    for axis, (a, b) in enumerate(system.domain.intervals):
        system = _refit(system, axis, math.ceil((b - a) / h - 1e-9))
    reasons = [Reason("cells", h, why)]
    if system.is_hybrid and system.coupling == "two-way":
        spacing, D = min(system.grid.spacing), max(s.D for s in speeds)
        why = f"layers: D dt/dx² = {_LAYER}, dx = {spacing:.3g}, a cell; D = {D:g}"
        reasons.append(Reason("dt", _LAYER * spacing**2 / D, why))
    return system, reasons


def _refit(system: System, axis: int, least: int) -> System:
    """The system with at least this many cells along an axis, as few as fit its regions."""
    assert isinstance(system.cells, tuple)
    for n in range(max(1, least), 4 * max(1, least) + 64):
        cells = [*system.cells]
        cells[axis] = n
        try:
            return system.replace(cells=tuple(cells))
        except ModelError:
            continue  # a face between two cells, or an array on others
    return system


def _accepted(system: System, dt: float, widest: float) -> tuple[float, Plan, list[Reason]]:
    """The largest step that compiles without a warning, with layers that are not too wide."""
    reasons: list[Reason] = []
    for _ in range(_TRIED):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", AccuracyWarning)
                plan = compile_system(system, dt)
        except (StepError, AccuracyWarning) as error:
            why = str(error)
        else:
            widths = [n.width for walls in plan.walls for n in walls.exchanges.values()]
            two_way = system.is_hybrid and system.coupling == "two-way"
            if two_way or max(widths, default=0.0) <= widest:
                return dt, plan, reasons
            why = f"layers: {max(widths):.3g} wide at dt = {dt:g}, at most {widest:.3g}"
        dt = _nice(0.8 * dt)
        reasons = [Reason("dt", dt, why)]
    raise StepError(f"no step down to {dt:g} does: {reasons[-1].why}")


def _nice(value: float) -> float:
    """The largest step below a value that divides a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    digits = max(d for d in _NICE if d * power <= value * (1 + 1e-12))
    return float(f"{digits * power:.3g}")


def _cost(system: System, dt: float) -> float:
    """Seconds for one unit of time, measured over some steps."""
    silent = system.particles is None and not system.fluctuations
    moving: Any = PDE(system, dt) if silent else Simulation(system, dt, seed=1)
    moving.step()  # compiles the kernels
    began, steps = time.perf_counter(), 0
    while steps < 2000 and time.perf_counter() - began < _TIMED:
        moving.step()
        steps += 1
    return (time.perf_counter() - began) / steps / dt
