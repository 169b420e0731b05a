"""Summary of a system: a short table for the terminal, and as HTML for notebooks."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import numpy as np

from hybridrd.interface import Context, default_scheme
from hybridrd.model.draft import Description
from hybridrd.model.expression import Expression
from hybridrd.model.functions import ARGUMENTS
from hybridrd.model.initial import Copies, Patch, Points, as_sequence
from hybridrd.model.reaction import Reaction
from hybridrd.model.shell import Domain
from hybridrd.model.species import Species
from hybridrd.model.table import Table
from hybridrd.model.walls import Reflecting

_CELLS: dict[object, str] = {
    None: "",
    "discrete": ", discrete copies in cells",
    "gaussian": ", continuum with noise",
}
_ALONE: dict[object, str] = {
    None: "a pure PDE",
    "discrete": "discrete copies in cells",
    "gaussian": "a stochastic PDE",
}
Rows = list[tuple[str, list[str]]]


def _pairs(system: Description) -> str:
    return ", pairs within their radius" if system.correct_pairs else ""


def text(system: Description) -> str:
    """The system as an aligned table of a few lines.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=0.5)
    >>> print(text(hrd.System(species=[A], domain=hrd.Box(x=(0, 10)), initial={A: 2.0})))
    System of 1 species in 1 dimension
      domain     x in (0, 10)
      particles  none: a pure PDE
      cells      100, spacing 0.1
      walls      x-, x+ reflecting
      species    A  D = 0.5
      initial    A  2 everywhere
    """
    return as_text(_title(system), _rows(system))


def as_text(title: str, rows: Rows) -> str:
    """Labelled rows of text below a title, aligned."""
    width = max(len(label) for label, _ in rows)
    lines = [title]
    for label, entries in rows:
        for i, entry in enumerate(entries):
            lines.append(f"  {label if i == 0 else '':<{width}}  {entry}")
    return "\n".join(lines)


def html(system: Description) -> str:
    """The table of `text` in HTML."""
    return as_html(_title(system), _rows(system))


def as_html(title: str, rows: Rows) -> str:
    """Labelled rows of text below a title, in HTML."""
    body = "".join(
        f'<tr><th style="text-align:left;vertical-align:top">{escape(label)}</th>'
        f'<td style="text-align:left">{"<br>".join(escape(e) for e in entries)}</td></tr>'
        for label, entries in rows
    )
    return f"<table><caption>{escape(title)}</caption><tbody>{body}</tbody></table>"


def _title(system: Description) -> str:
    return f"System of {len(system.names)} species in {system.domain.title}"


def _rows(system: Description) -> Rows:
    grid = system.grid
    widest = max(len(name) for name in system.names)
    rows: Rows = [("domain", [_box(system.domain)])]
    rows.append(("particles", [region_words(system)]))
    if system.obstacles is not None:
        blocked = grid.cells - int(system.free.sum())
        rows.append(("obstacles", [f"{system.obstacles!r}: {blocked:,} of {grid.cells:,} cells"]))
    shape = " x ".join(str(n) for n in grid.shape)
    spacing = " x ".join(f"{h:.6g}" for h in grid.spacing)
    rows.append(("cells", [f"{shape}, spacing {spacing}"]))
    if system.is_hybrid:
        rows.append(("coupling", [system.coupling + _CELLS[system.fluctuations] + _pairs(system)]))
    interface = _interface(system)
    if interface:
        rows.append(("interface", interface))
    rows.append(("walls", list(_walls(system))))
    if system.units:
        rows.append(("units", [", ".join(f"{k} {v}" for k, v in system.units.items())]))
    rows.append(("species", [f"{s.name:<{widest}}  {_motion(s)}" for s in system.species]))
    if system.reactions:
        wide = max(len(r.equation) for r in system.reactions)
        reactions = [
            f"{r.equation:<{wide}}  {_rates(r, system.dimension)}" for r in system.reactions
        ]
        rows.append(("reactions", reactions))
    initial = []
    for name in system.names:
        parts = [_part(part) for part in as_sequence(system.initial.get(name, []))] or ["none"]
        initial += [f"{name if i == 0 else '+':<{widest}}  {p}" for i, p in enumerate(parts)]
    rows.append(("initial", initial))
    return rows


def region_words(system: Description) -> str:
    """Where particles are."""
    region = system.particles
    if region is None:
        return "none: " + _ALONE[system.fluctuations] + _pairs(system)
    if not system.is_hybrid:
        return "everywhere: no PDE"
    if region.follows:
        return f"{region!r}: where copies are few"
    if not system.is_plain:
        inside, free = int(system.partition.inside.sum()), int(system.partition.free.sum())
        return f"{region!r}: {inside:,} of {free:,} cells"
    assert isinstance(region, Domain)
    return f"{_box(region)}; interface at {_planes(system, region)}"


def _planes(system: Description, region: Domain) -> str:
    """The faces of the particle region beyond which there is continuum."""
    planes = []
    for axis, (lo, hi), (a, b) in zip(
        region.axes, system.domain.intervals, region.intervals, strict=True
    ):
        slack = 1e-9 * (hi - lo)
        periodic = system.is_periodic(axis)
        part = a > lo + slack or b < hi - slack
        planes += [
            f"{axis} = {face:g}"
            for face in (a, b)
            if lo + slack < face < hi - slack or (periodic and part)
        ]
    return ", ".join(planes)


def _interface(system: Description) -> list[str]:
    """The interface scheme, or the default if none was named."""
    contexts: dict[Context, str] = {}
    if system.is_hybrid:
        contexts["mean-field" if system.coupling == "mean-field" else "two-way"] = "continuum"
    laws = [w.law(name) for w in system.walls.values() for name in system.names]
    if any(law.is_reservoir for law in laws) and system.particles:
        contexts["wall"] = "walls"
    if system.interface is not None:
        return [_scheme(system.interface)] if contexts else []
    return [f"{_scheme(default_scheme(c))} to the {at} (default)" for c, at in contexts.items()]


def _scheme(scheme: Any) -> str:
    options = {k: v for k, v in scheme.to_dict().items() if k != "scheme"}
    given = (f"{k}={v if isinstance(v, str) else f'{v:g}'}" for k, v in options.items())
    return f"{type(scheme).__name__}({', '.join(given)})"


def _motion(species: Species) -> str:
    parts = [f"D = {_value(species.D)}"]
    if species.potential != 0.0:
        parts.append(f"potential {_value(species.potential)}")
    if callable(species.velocity):
        parts.append(f"velocity {_value(species.velocity)}")
    elif any(species.velocity):
        parts.append(f"velocity ({', '.join(_value(v) for v in species.velocity)})")
    if species.friction is not None:
        parts.append(f"friction {species.friction:g}")
    return ", ".join(parts)


def _walls(system: Description) -> Iterator[str]:
    """Walls, equal ones on one line, reflecting ones last."""
    sides = system.domain.sides
    alike: dict[str, list[str]] = {}
    for side in sides:
        wall = system.walls.get(side, Reflecting())
        alike.setdefault(wall.words(_amounts), []).append(side)
    reflecting = alike.pop("reflecting", None)
    for words, names in alike.items():
        yield f"{', '.join(names)} {words}"
    if reflecting:
        yield f"{', '.join(reflecting)} reflecting"


def _amounts(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {_value(v)}" for name, v in values.items())


def _value(value: Any) -> str:
    """A number, or a function by its name and arguments."""
    if not callable(value):
        return f"{value:.6g}"
    if isinstance(value, Table):
        ends = f"t = {value.t[0]:.6g} to {value.t[-1]:.6g}"
        return f"table of {len(value.t)} values, {ends}"
    if isinstance(value, Expression):
        return value.text
    name = getattr(value, "__name__", type(value).__name__)
    arguments = ", ".join(p for p in inspect.signature(value).parameters if p in ARGUMENTS)
    return f"function({arguments})" if name == "<lambda>" else f"{name}({arguments})"


def _rates(reaction: Reaction, dimension: int) -> str:
    """All rates of a reaction; those that were not given are calculated."""
    law = reaction.law
    if law is not None:
        parts = ["rate = " + (law.text or f"function({', '.join(law.names)})")]
    else:
        rates = {**reaction.rates(dimension), "k_back": reaction.k_back}
        parts = [f"{name} = {_value(v)}" for name, v in rates.items() if v is not None]
    if reaction.kernel is not None:
        parts.append(f"kernel {reaction.kernel!r}")
    if reaction.place != "reactant":
        parts.append(f"products at: {reaction.place}")
    named = [reaction.name] if reaction.name and reaction.name != reaction.equation else []
    return ", ".join(parts) + (f"  ({named[0]})" if named else "")


def _box(box: Domain | Patch | Copies) -> str:
    return ", ".join(f"{a} in ({v[0]:g}, {v[1]:g})" for a, v in box.bounds.items())


def _part(part: Any) -> str:
    if isinstance(part, Patch) and part.center is not None:
        center = ", ".join(f"{v:g}" for v in part.center)
        return f"{_value(part.c)} within {part.radius:g} of ({center})"
    if isinstance(part, (Patch, Copies)) and part.shape is not None:
        what = _value(part.c) if isinstance(part, Patch) else f"{part.n} particles"
        return f"{what} in {part.shape!r}"
    if isinstance(part, Patch):
        return f"{_value(part.c)} on {_box(part)}" if _box(part) else f"{_value(part.c)} everywhere"
    if isinstance(part, Copies):
        return f"{part.n} particles on {_box(part)}" if _box(part) else f"{part.n} particles"
    if isinstance(part, Points):
        return f"{len(part.positions)} particles at given positions"
    if isinstance(part, np.ndarray):
        return f"array on the cells, {part.min():.6g} to {part.max():.6g}"
    return f"{_value(part)} everywhere" if not callable(part) else _value(part)
