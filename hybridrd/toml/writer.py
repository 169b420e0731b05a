"""Systems as plain tables: numbers, strings, lists and dicts, the layout of the TOML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hybridrd.errors import ModelError
from hybridrd.model.draft import Description
from hybridrd.model.expression import Expression
from hybridrd.model.initial import Copies, Patch, Points
from hybridrd.model.pair_kernels import PairKernel
from hybridrd.model.reaction import Reaction
from hybridrd.model.table import Table as TimeTable
from hybridrd.model.walls import (
    Absorbing,
    Bath,
    Influx,
    Leaky,
    PartiallyAbsorbing,
    Periodic,
    Reflecting,
    Reservoir,
    Wall,
)

_WORDS = {Reflecting: "reflecting", Absorbing: "absorbing", Periodic: "periodic"}


def system_to_dict(system: Description) -> dict[str, Any]:
    """A system as plain numbers, strings, lists and dicts, the layout of the TOML file.

    Raises
    ------
    ModelError
        If it contains a Python function, with its key.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=0.5)
    >>> system_to_dict(hrd.System(species=[A], domain=hrd.Box(x=(0, 1)), initial={A: 3.0}))
    {'system': {'domain': {'x': [0.0, 1.0]}, 'cells': [100], 'coupling': 'two-way'}, \
'species': [{'name': 'A', 'D': 0.5, 'initial': 3.0}], 'reactions': []}
    """
    species: list[dict[str, Any]] = []
    for i, s in enumerate(system.species):
        D = _formula(s.D, f"species[{i}].D") if s.uneven else s.D
        species.append({"name": s.name, "D": D})
        if s.potential != 0.0:
            species[-1]["potential"] = _formula(s.potential, f"species[{i}].potential")
        if s.velocity != ():
            parts = s.velocity if isinstance(s.velocity, tuple) else (s.velocity,)
            species[-1]["velocity"] = [_formula(v, f"species[{i}].velocity") for v in parts]
        if s.friction is not None:
            species[-1]["friction"] = s.friction
        if s.name in system.initial:
            species[-1]["initial"] = _initial(system.initial[s.name], f"species[{i}].initial")
    assert isinstance(system.cells, tuple)
    table: dict[str, Any] = {"domain": system.domain.to_dict()}
    if system.particles is not None:
        whole = system.particles == system.domain
        table["particles"] = "domain" if whole else system.particles.to_dict()
    if system.obstacles is not None:
        table["obstacles"] = system.obstacles.to_dict()
    table["cells"] = list(system.cells)
    table["coupling"] = system.coupling
    if system.fluctuations:
        table["fluctuations"] = system.fluctuations
    if system.correct_pairs:
        table["correct_pairs"] = True
    if system.interface is not None:
        table["interface"] = system.interface.to_dict()
    if system.walls:
        table["walls"] = dict(_walls(system.walls))
    if system.units:
        table["units"] = dict(system.units)
    return {
        "system": table,
        "species": species,
        "reactions": [_reaction(r, f"reactions[{i}]") for i, r in enumerate(system.reactions)],
    }


def _rate(value: Any, where: str) -> float | dict[str, Any]:
    """A number, or the lists of a `Table`."""
    return value.to_dict() if isinstance(value, TimeTable) else _number(value, where)


def _number(value: Any, where: str) -> float:
    if callable(value):
        raise ModelError(
            f"{where}: a Python function cannot be written as plain data; "
            f"keep this system in a Python file"
        )
    return float(value)


def _formula(value: Any, where: str) -> float | str:
    return value.text if isinstance(value, Expression) else _number(value, where)


def _place(part: Patch | Copies) -> dict[str, Any]:
    if part.shape is not None:
        return {"shape": part.shape.to_dict()}
    return {axis: list(v) for axis, v in part.bounds.items()}


def _initial(value: Any, where: str) -> Any:
    if isinstance(value, (list, tuple)):
        return [_part(part, f"{where}[{i}]") for i, part in enumerate(value)]
    return _part(value, where)


def _part(part: Any, where: str) -> Any:
    if isinstance(part, Patch):
        table = {"concentration": _number(part.c, f"{where}.concentration"), **_place(part)}
        if part.center is not None:
            table |= {"center": list(part.center), "radius": part.radius}
        return table
    if isinstance(part, Copies):
        return {"copies": part.n, **_place(part)}
    if isinstance(part, Points):
        return {"positions": part.positions.tolist()}
    if isinstance(part, np.ndarray):
        return {"concentration": part.tolist()}
    return _number(part, where)


def _reaction(reaction: Reaction, where: str) -> dict[str, Any]:
    table: dict[str, Any] = {"reaction": reaction.equation}
    if reaction.k is not None:
        table["k"] = _rate(reaction.k, f"{where}.k")
    if reaction.law is not None:
        table["rate"] = reaction.law.text or _number(reaction.rate, f"{where}.rate")
    for key in ("lambda0", "radius", "k_back"):
        if getattr(reaction, key) is not None:
            table[key] = _rate(getattr(reaction, key), f"{where}.{key}")
    if isinstance(reaction.kernel, PairKernel):
        table["kernel"] = reaction.kernel.to_dict()
    if reaction.place != "reactant":
        table["place"] = reaction.place
    if reaction.name != reaction.equation:
        table["name"] = reaction.name
    return table


def _walls(walls: Mapping[str, Wall]) -> Iterator[tuple[str, Any]]:
    """Walls by side; under the name of the axis if both sides are periodic."""
    for side, wall in walls.items():
        if not wall.joined:
            yield side, _wall(wall, f"system.walls.{side}")
        elif side.endswith("-"):
            yield side[0], "periodic"


def _leak(wall: Leaky, name: str, where: str) -> dict[str, Any]:
    table: dict[str, Any] = {"kappa": wall.kappa[name]}
    outside = wall.outside.get(name)
    if isinstance(outside, Bath):
        table["outside"] = {"volume": outside.volume, "initial": outside.initial}
    elif outside is not None:
        table["outside"] = _rate(outside, f"{where}.outside")
    K = wall.partitions[name]
    return table if K == 1 else table | {"partition": K}


def _wall(wall: Wall, where: str) -> Any:
    if type(wall) in _WORDS and not wall.values:
        return _WORDS[type(wall)]
    if isinstance(wall, Absorbing):
        return {"absorbing": list(wall.species)}
    if isinstance(wall, Leaky):
        return {"leaky": {n: _leak(wall, n, f"{where}.leaky.{n}") for n in wall.kappa}}
    kind: str
    values: Mapping[str, Any]
    if isinstance(wall, Reservoir):
        kind, values = "reservoir", wall.concentrations
    elif isinstance(wall, Influx):
        kind, values = "influx", wall.fluxes
    elif isinstance(wall, PartiallyAbsorbing):
        if not isinstance(wall.kappa, Mapping):
            return {"partially-absorbing": float(wall.kappa)}
        kind, values = "partially-absorbing", wall.kappa
    else:
        raise ModelError(f"{where}: {wall!r} cannot be written as plain data")
    return {kind: {name: _rate(v, f"{where}.{kind}.{name}") for name, v in values.items()}}
